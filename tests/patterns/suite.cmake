# SPDX-License-Identifier: Apache-2.0
# Flink's recorded pattern cases through the command line.
foreach(kind nfa operator build sql)
    add_test(NAME patterns/${kind} COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/patterns.py ${kind})
    set_tests_properties(patterns/${kind} PROPERTIES ENVIRONMENT EGRET=$<TARGET_FILE:egret> SKIP_RETURN_CODE 77)
endforeach()
add_test(NAME patterns/choices COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/choices.py)
set_tests_properties(patterns/choices PROPERTIES ENVIRONMENT EGRET=$<TARGET_FILE:egret>)
