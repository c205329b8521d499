# SPDX-License-Identifier: Apache-2.0
# Tests with a real broker (scripts/kafka-broker); without Java or the jars they are skipped, in CI they fail.
add_executable(kafka_tool ${CMAKE_CURRENT_LIST_DIR}/tool.c)
target_link_libraries(kafka_tool PRIVATE egret_all)
set_target_properties(kafka_tool PROPERTIES LINKER_LANGUAGE CXX)

add_executable(test_kafka_io ${CMAKE_CURRENT_LIST_DIR}/test_kafka_io.c)
target_link_libraries(test_kafka_io PRIVATE egret_test_support)
set_target_properties(test_kafka_io PROPERTIES LINKER_LANGUAGE CXX)
# What a change must not wait for is in scripts/nightly.  The build with sanitizers is five times slower: it gets the shorter half,
# so that both builds together stay within some minutes.
if(EGRET_SANITIZE)
    set(kafka_runs "io 3.9.1 0" "stops 3.9.1 0" "replay 3.9.1 0" "exactly_once 3.9.1 8")
else()
    set(kafka_runs "io 3.9.1 0" "io 4.1.1 0" "secured 3.9.1 0" "stops 4.1.1 0" "replay 4.1.1 0" "exactly_once 3.9.1 200" "exactly_once 4.1.1 40")
endif()
foreach(run ${kafka_runs})
    separate_arguments(run)
    list(GET run 0 suite)
    list(GET run 1 version)
    list(GET run 2 cycles)
    if(suite STREQUAL "io")
        add_test(NAME kafka/io-${version} COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/client.py ${version}
            $<TARGET_FILE:test_kafka_io>)
    else()
        add_test(NAME kafka/${suite}-${version} COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/${suite}.py
            ${version})
    endif()
    # Whether the client library leaks at an exit that is no return is not what is tested.
    set_tests_properties(kafka/${suite}-${version} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900 LABELS kafka ENVIRONMENT
        "EGRET=$<TARGET_FILE:egret-faults>;KAFKA_TOOL=$<TARGET_FILE:kafka_tool>;EGRET_KAFKA_CYCLES=${cycles}")
endforeach()
