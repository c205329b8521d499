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
