# SPDX-License-Identifier: Apache-2.0
# Every example of the documentation runs.
add_test(NAME docs/patterns COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/patterns.py)
set_tests_properties(docs/patterns PROPERTIES ENVIRONMENT EGRET=$<TARGET_FILE:egret>)
