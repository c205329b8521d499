# SPDX-License-Identifier: Apache-2.0
# The house rules: includes, banned calls, length, licence lines, format.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME layering/tree COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/layering.py ${CMAKE_SOURCE_DIR})
add_test(NAME layering/self-test COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/layering.py --self-test)
add_test(NAME layering/format COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/format.py)
set_tests_properties(layering/format PROPERTIES SKIP_RETURN_CODE 77)
