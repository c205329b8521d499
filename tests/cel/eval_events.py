#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`egret eval -i`: the expression once for each event; exit codes; text for people.   usage: eval_events.py EGRET"""
import subprocess
import sys

EVENTS = '{"a": 1, "b": {"c": "x"}}\n\n{bad\n{"a": "s"}\n'
CASES = [  # arguments, stdin, exit code, stdout
    (["a + 1", "-i", "-"], EVENTS, 1,
     '{"type":"int","value":"2"}\n{"error":"record: bad_json"}\n{"error":"type: no such overload"}\n'),
    (["event.b.c + 'y'", "-i", "-", "--format", "text"], EVENTS.split("\n", 1)[0], 0, "xy (string)\n"),
    (["has(b)", "-i", "-"], '{"a": 1}\n{"b": null}\n', 0,
     '{"type":"bool","value":false}\n{"type":"bool","value":true}\n'),
    (["a", "-i", "-"], "", 0, ""),
    (["-1"], "", 0, '{"type":"int","value":"-1"}\n'),
    (["--", "-1"], "", 0, '{"type":"int","value":"-1"}\n'),
    (["x + 1", "--bindings", '{"x": 2}'], "", 0, '{"type":"int","value":"3"}\n'),
    (["x + 1", "--bindings", "-"], '{"x": 2}', 0, '{"type":"int","value":"3"}\n'),
    (["1 / 0", "--no-check"], "", 1, '{"error":"divide_by_zero: division by zero"}\n'),
    (["1 +", "--format", "text"], "", 1, ""),
    (["x", "--bindings", "{"], "", 2, ""),
    (["x", "--bindings", "/no/such/file"], "", 2, ""),
    (["x", "-i", "/no/such/file"], "", 2, ""),
    ([], "", 2, ""),
]

failures = 0
for arguments, given, code, output in CASES:
    done = subprocess.run([sys.argv[1], "eval", *arguments], input=given, capture_output=True, text=True,
                          check=False)
    if (done.returncode, done.stdout) != (code, output):
        print(f"{arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        failures += 1
    if code == 2 and not done.stderr.startswith("egret: "):
        print(f"{arguments}: says nothing on stderr")
        failures += 1
sys.exit(1 if failures else 0)
