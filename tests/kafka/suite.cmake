# SPDX-License-Identifier: Apache-2.0
# Tests with a real broker (scripts/kafka-broker); without Java or the jars they are skipped, in CI they fail.
add_executable(kafka_tool ${CMAKE_CURRENT_LIST_DIR}/tool.c)
target_link_libraries(kafka_tool PRIVATE egret_all)
set_target_properties(kafka_tool PROPERTIES LINKER_LANGUAGE CXX)

add_executable(test_kafka_io ${CMAKE_CURRENT_LIST_DIR}/test_kafka_io.c)
target_link_libraries(test_kafka_io PRIVATE egret_test_support)
set_target_properties(test_kafka_io PROPERTIES LINKER_LANGUAGE CXX)
foreach(version 3.9.1 4.1.1)
    add_test(NAME kafka/io-${version} COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/client.py ${version}
        $<TARGET_FILE:test_kafka_io>)
    set_tests_properties(kafka/io-${version} PROPERTIES SKIP_RETURN_CODE 77
        ENVIRONMENT "KAFKA_TOOL=$<TARGET_FILE:kafka_tool>")
endforeach()
