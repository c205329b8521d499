# SPDX-License-Identifier: Apache-2.0
# The example program, built and run against the library as it is installed: shared and static.
foreach(kind shared static)
    add_test(NAME embed/${kind}
        COMMAND ${CMAKE_SOURCE_DIR}/tests/embed/run.sh ${kind} ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR}
            ${CMAKE_C_COMPILER} ${CMAKE_COMMAND} "${EGRET_SANITIZE}" "$<$<BOOL:${EGRET_COVERAGE}>:--coverage>")
endforeach()
add_test(NAME embed/symbols COMMAND ${CMAKE_SOURCE_DIR}/tests/embed/symbols.sh $<TARGET_FILE:egret_shared>
    ${CMAKE_SOURCE_DIR}/cep/include/egret/egret.h)
