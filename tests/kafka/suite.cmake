# SPDX-License-Identifier: Apache-2.0
# Tests with a real broker (scripts/kafka-broker); without Java or the jars they are skipped, in CI they fail.
add_executable(kafka_tool ${CMAKE_CURRENT_LIST_DIR}/tool.c)
target_link_libraries(kafka_tool PRIVATE egret_all)
set_target_properties(kafka_tool PROPERTIES LINKER_LANGUAGE CXX)
