# SPDX-License-Identifier: Apache-2.0
# simdjson chooses its kernel for the CPU; the JSON tests run with the oldest two as well.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    foreach(kernel fallback westmere)
        foreach(name json json_random)
            add_test(NAME json/${name}-${kernel} COMMAND test_${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
            set_tests_properties(json/${name}-${kernel} PROPERTIES
                ENVIRONMENT SIMDJSON_FORCE_IMPLEMENTATION=${kernel})
        endforeach()
    endforeach()
endif()
