# SPDX-License-Identifier: Apache-2.0
# egret-faults is the program with kill points and mutants (runtime/base/killpoint.h): the folders that have any are compiled
# again, the rest is the same objects.
set(fault_folders runtime/checkpoint runtime/job runtime/io)
egret_sources(fault_sources ${CMAKE_SOURCE_DIR}/runtime/checkpoint ${CMAKE_SOURCE_DIR}/runtime/job ${CMAKE_SOURCE_DIR}/runtime/io)
list(JOIN fault_folders "|" fault_pattern)
add_executable(egret-faults ${CMAKE_SOURCE_DIR}/cli/main.c ${fault_sources} faults/killpoint.c
    $<TARGET_OBJECTS:egret_core> "$<FILTER:$<TARGET_OBJECTS:egret_program>,EXCLUDE,/(${fault_pattern})/>")
target_compile_definitions(egret-faults PRIVATE EGRET_KILLPOINTS)
get_target_property(program_libraries egret_program INTERFACE_LINK_LIBRARIES)
target_link_libraries(egret-faults PRIVATE egret_core ${program_libraries})
set_target_properties(egret-faults PROPERTIES LINKER_LANGUAGE CXX)

# Between the program and its files, for failing disks and power losses.  A sanitizer wants to be loaded first, so those tests
# belong to builds without one.
add_library(egret-shim MODULE faults/shim.c)
target_compile_definitions(egret-shim PRIVATE _GNU_SOURCE)
target_link_libraries(egret-shim PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
set_target_properties(egret-shim PROPERTIES PREFIX "" C_VISIBILITY_PRESET default)

function(crash_test name seconds)
    add_test(NAME faults/${name} COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/faults/crash.py ${ARGN})
    set_tests_properties(faults/${name} PROPERTIES TIMEOUT ${seconds}
        ENVIRONMENT "EGRET=$<TARGET_FILE:egret-faults>;EGRET_SHIM=$<TARGET_FILE:egret-shim>;EGRET_CRASH_EVENTS=${crash_events}")
endfunction()

set(crash_events 3000)
crash_test(upgrade 120 upgrade)
if(EGRET_SANITIZE)
    crash_test(points 600 points --stride 7)
    crash_test(random 600 random 12)
else()
    set(crash_events 20000)
    crash_test(points 600 points)
    crash_test(recovery 600 recovery)
    crash_test(random 900 random 200)
    crash_test(disk 900 faults)
    crash_test(power 900 power 500)
    crash_test(flips 600 flips)
    crash_test(mutants 900 mutants)
endif()
