# SPDX-License-Identifier: Apache-2.0
# Windows against plain loops over all events.  EGRET_WINDOW_STREAMS=50000 is for the night.
set(EGRET_WINDOW_STREAMS 2000 CACHE STRING "Random streams of the test of windows")
add_test(NAME window/oracle COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/oracle.py $<TARGET_FILE:egret>
    ${EGRET_WINDOW_STREAMS})
