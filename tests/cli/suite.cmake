# SPDX-License-Identifier: Apache-2.0
# One test a command, so that a failure names it.
foreach(group Call Run Check Mended Test Explain Graph)
    string(TOLOWER ${group} name)
    add_test(NAME cli/${name} COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/cli.py ${group})
    set_tests_properties(cli/${name} PROPERTIES ENVIRONMENT EGRET=$<TARGET_FILE:egret>)
endforeach()
add_test(NAME cli/state COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/state.py)
set_tests_properties(cli/state PROPERTIES ENVIRONMENT EGRET=$<TARGET_FILE:egret-faults>)
add_test(NAME cli/config COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/config.py)
set_tests_properties(cli/config PROPERTIES ENVIRONMENT EGRET=$<TARGET_FILE:egret> TIMEOUT 120)
