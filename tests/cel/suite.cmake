# SPDX-License-Identifier: Apache-2.0
# CEL's conformance suite, through the library and, for a sample, through the program.
add_executable(test_cel ${CMAKE_SOURCE_DIR}/tests/cel/test_cel.c)
target_link_libraries(test_cel PRIVATE egret_test_support)
set_target_properties(test_cel PROPERTIES LINKER_LANGUAGE CXX)
add_test(NAME cel/conformance COMMAND test_cel WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})

find_package(Python3 COMPONENTS Interpreter)
if(TARGET egret AND Python3_Interpreter_FOUND)
    add_test(NAME cel/program # every fourth line
        COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tests/cel/eval_program.py $<TARGET_FILE:egret>
            ${CMAKE_SOURCE_DIR}/../shared/conformance/cel/cases.jsonl ${CMAKE_SOURCE_DIR}/tests/cel/exceptions.txt 4)
    set_tests_properties(cel/program PROPERTIES SKIP_RETURN_CODE 77)
    add_test(NAME cel/eval COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tests/cel/eval_events.py $<TARGET_FILE:egret>)
endif()
