#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/expressions.md is current, and every example in it does what it says.

usage: expressions.py [--write]     with EGRET and PRINT_FUNCTIONS in the environment

A block marked `cel` holds expressions that are true, one a line; `EXPR  =>  VALUE` says the value instead, `EXPR  => error` that
there is none."""
import functools
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "docs", "expressions.md")
MARK = "<!-- From here on made of rules/functions.def by tests/docs/expressions.py -->\n"


@functools.lru_cache(maxsize=None)
def evaluate(expression):
    run = subprocess.run([os.environ["EGRET"], "eval", expression, "--format", "json", "--bindings", "{}"],
                         capture_output=True, text=True, check=False)
    try:
        return json.loads(run.stdout)
    except ValueError:
        return {"error": run.stdout + run.stderr}


def examples(text):
    for block in re.findall(r"^```cel\n(.*?)^```$", text, re.M | re.S):
        for line in block.splitlines():
            if line.strip():
                expression, arrow, value = line.partition("  => ")
                yield expression.strip(), value.strip() if arrow else "true"


def main():
    reference = subprocess.run([os.environ["PRINT_FUNCTIONS"]], capture_output=True, text=True, check=True).stdout
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    written, mark, _ = text.partition(MARK)
    wanted = written + MARK + "\n" + reference
    if "--write" in sys.argv:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(wanted)
        text, mark = wanted, MARK
    wrong = []
    if mark == "" or text != wanted:
        wrong.append("docs/expressions.md is not what rules/functions.def makes: tests/docs/expressions.py --write")
    count = 0
    for expression, value in examples(text):
        count += 1
        result = evaluate(expression)
        if value == "error":
            good = "error" in result or "value" not in result
        else:
            good = "error" not in result and result == evaluate(value)
        if not good:
            wrong.append(f"{expression}\n    wanted {value}, is {json.dumps(result)}")
    for problem in wrong:
        print(problem)
    print(f"{count} examples, {len(wrong)} problems")
    sys.exit(1 if wrong or count < 100 else 0)


if __name__ == "__main__":
    main()
