# SPDX-License-Identifier: Apache-2.0
add_test(NAME readme COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/readme.py)
set_tests_properties(readme PROPERTIES ENVIRONMENT EGRET=$<TARGET_FILE:egret>)
