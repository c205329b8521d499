# SPDX-License-Identifier: Apache-2.0
# Patterns against Flink's recorded results, and against a slow matcher that shares no code with nfa/.
set(nfa_tests ${CMAKE_CURRENT_LIST_DIR})
add_executable(nfa_conformance ${nfa_tests}/conformance.c ${nfa_tests}/operator.c ${nfa_tests}/shape.c ${nfa_tests}/flink_case.c
    ${nfa_tests}/flink_expr.c)
target_link_libraries(nfa_conformance PRIVATE egret_test_support)
set_target_properties(nfa_conformance PROPERTIES LINKER_LANGUAGE CXX)
add_test(NAME nfa/conformance COMMAND nfa_conformance WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(nfa/conformance PROPERTIES SKIP_RETURN_CODE 77)

file(GLOB nfa_cases CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cases/nfa/*.txt)
add_executable(nfa_cases ${nfa_tests}/cases.c)
target_link_libraries(nfa_cases PRIVATE egret_test_support)
set_target_properties(nfa_cases PROPERTIES LINKER_LANGUAGE CXX)
add_test(NAME nfa/cases COMMAND nfa_cases ${nfa_cases})

add_executable(nfa_compare ${nfa_tests}/compare.c ${nfa_tests}/oracle.c ${nfa_tests}/union.c)
target_link_libraries(nfa_compare PRIVATE egret_test_support)
set_target_properties(nfa_compare PROPERTIES LINKER_LANGUAGE CXX)
add_test(NAME nfa/compare COMMAND nfa_compare 20000)
