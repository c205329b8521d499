# SPDX-License-Identifier: Apache-2.0
# Real events against brute force that shares no code with Egret.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
if(TARGET egret)
    foreach(scenario password-guessed no-logout login-then-sudo three-transfers out-of-order)
        add_test(NAME real/${scenario} COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/real/check.py
            $<TARGET_FILE:egret> ${CMAKE_SOURCE_DIR}/../shared ${scenario})
        set_tests_properties(real/${scenario} PROPERTIES SKIP_RETURN_CODE 77)
    endforeach()
    foreach(set ssh_auth card_fraud web_access)
        add_test(NAME real/windows-${set} COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/real/windows.py
            $<TARGET_FILE:egret> ${CMAKE_SOURCE_DIR}/../shared ${set})
        set_tests_properties(real/windows-${set} PROPERTIES SKIP_RETURN_CODE 77)
    endforeach()
    add_test(NAME real/memory-is-bounded COMMAND ${Python3_EXECUTABLE}
        ${CMAKE_CURRENT_SOURCE_DIR}/real/memory.py $<TARGET_FILE:egret>)
endif()
