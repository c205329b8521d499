# SPDX-License-Identifier: Apache-2.0
# Every example of the documentation runs.
add_test(NAME docs/patterns COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/patterns.py)
set_tests_properties(docs/patterns PROPERTIES ENVIRONMENT EGRET=$<TARGET_FILE:egret>)

# docs/expressions.md ends with the function table; `tests/docs/expressions.py --write` brings it up to date.
add_executable(print_functions ${CMAKE_CURRENT_LIST_DIR}/print_functions.c)
target_link_libraries(print_functions PRIVATE egret_settings)
add_test(NAME docs/expressions COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/expressions.py)
set_tests_properties(docs/expressions PROPERTIES
    ENVIRONMENT "EGRET=$<TARGET_FILE:egret>;PRINT_FUNCTIONS=$<TARGET_FILE:print_functions>")

add_test(NAME docs/modifiers COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/modifiers.py
    WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
set_tests_properties(docs/modifiers PROPERTIES ENVIRONMENT EGRET=$<TARGET_FILE:egret>)

add_test(NAME docs/windows COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/windows.py)
set_tests_properties(docs/windows PROPERTIES ENVIRONMENT EGRET=$<TARGET_FILE:egret>)
add_test(NAME docs/kafka COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/kafka.py)

# docs/configuration.md ends with the table of keys; `tests/docs/configuration.py --write` brings it up to date.
add_test(NAME docs/configuration COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/configuration.py)
set_tests_properties(docs/configuration PROPERTIES ENVIRONMENT EGRET=$<TARGET_FILE:egret>)

add_test(NAME docs/rules COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/rules.py)
set_tests_properties(docs/rules PROPERTIES ENVIRONMENT EGRET=$<TARGET_FILE:egret>)
