# SPDX-License-Identifier: Apache-2.0
add_test(NAME examples COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/examples.py)
set_tests_properties(examples PROPERTIES ENVIRONMENT EGRET=$<TARGET_FILE:egret>)
