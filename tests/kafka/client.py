#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the C tests of the Kafka source, sink and session against a real broker.

    client.py VERSION TEST_PROGRAM
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Broker  # noqa: E402


def main():
    with Broker(sys.argv[1]) as broker:
        done = subprocess.run([sys.argv[2]], env={**os.environ, "EGRET_KAFKA": broker.address}, check=False,
                              timeout=300)
        if done.returncode:
            print(broker.log())
        return done.returncode


if __name__ == "__main__":
    sys.exit(main())
