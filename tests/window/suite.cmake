# SPDX-License-Identifier: Apache-2.0
# Windows against plain loops over all events.  scripts/nightly asks for 50,000 streams.
add_test(NAME window/oracle COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/oracle.py $<TARGET_FILE:egret> 2000)
# What rules remember of a key beyond its window, likewise.
add_test(NAME window/history COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/history_oracle.py $<TARGET_FILE:egret> 400)
# Rules that share their windows, likewise.
add_test(NAME window/sharing COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/sharing.py $<TARGET_FILE:egret> 40)
add_test(NAME window/oracle-time COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/oracle_time.py $<TARGET_FILE:egret> 2000)
