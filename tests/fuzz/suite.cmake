# SPDX-License-Identifier: Apache-2.0
# fuzz/fuzz_X.c defines LLVMFuzzerTestOneInput.  With EGRET_FUZZ it becomes a libFuzzer program; in every build it becomes a
# test that replays the saved corpus in fuzz/corpus/X, so that a mended crash stays mended.
add_custom_target(fuzz_targets)
file(GLOB fuzz_targets CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_*.c)
foreach(source ${fuzz_targets})
    get_filename_component(name ${source} NAME_WE)
    string(REPLACE "fuzz_" "" short ${name})
    if(EGRET_FUZZ)
        add_executable(${name} ${source})
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    else()
        add_executable(${name} ${source} fuzz/replay.c)
        add_test(NAME fuzz/replay-${short}
            COMMAND ${name} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${short} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    endif()
    target_link_libraries(${name} PRIVATE egret_test_support)
    set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX)
    add_dependencies(fuzz_targets ${name})
endforeach()
