#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`egret eval` gives what the conformance suite expects, and so what the library gives (test_cel.c).

usage: eval_program.py EGRET CASES EXCEPTIONS [EVERY]     EVERY: only every nth line
"""
import json
import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor


def same(got, want):
    if got.get("type") != want["type"]:
        return False
    a, b = got["value"], want["value"]
    if want["type"] == "double":
        a, b = float(a), float(b)
        return a == b and math.copysign(1, a) == math.copysign(1, b) or (a != a and b != b)
    if want["type"] == "list":
        return len(a) == len(b) and all(map(same, a, b))
    if want["type"] == "map":
        return len(a) == len(b) and all(
            any(same(k, x) and same(v, y) for x, y in b) for k, v in a)
    return a == b


def run(egret, case):
    call = [egret, "eval", case["expr"]]
    if case["bindings"]:
        call += ["--bindings", json.dumps(case["bindings"])]
    if "container" in case:
        call += ["--container", case["container"]]
    if case.get("disable_check"):
        call.append("--no-check")
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    try:
        got = json.loads(done.stdout)
    except json.JSONDecodeError:
        got = {}
    if "error" in case["expect"]:
        right = done.returncode == 1 and "error" in got
    else:
        right = done.returncode == 0 and same(got, case["expect"])
    return None if right else (case, done)


def main():
    egret, path, exceptions = sys.argv[1:4]
    every = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    if not os.path.exists(path):
        print("skipped: the conformance cases are missing")
        return 1 if os.environ.get("CI") == "true" else 77
    with open(exceptions, encoding="utf-8") as file:
        listed = {line.split()[0] for line in file if line.strip() and line[0] != "#"}
    with open(path, encoding="utf-8") as file:
        cases = [json.loads(line) for line in file]
    cases = [case for case in cases
             if case["tier"] in ("core", "ext", "optional") and case["id"] not in listed
             and "\0" not in case["expr"]][::every]
    with ThreadPoolExecutor(2) as pool:
        wrong = [result for result in pool.map(lambda case: run(egret, case), cases) if result]
    for case, done in wrong:
        print(f"{case['id']}: {case['expr']}\n  expected {json.dumps(case['expect'])}\n"
              f"  exit {done.returncode} {done.stdout}{done.stderr}")
    print(f"{len(cases) - len(wrong)} of {len(cases)}")
    return 1 if wrong or not cases else 0


sys.exit(main())
