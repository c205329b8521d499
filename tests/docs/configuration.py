#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/configuration.md ends with the table that the program prints; `configuration.py --write` brings it up to date."""
import os
import subprocess
import sys

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "configuration.md")
HEAD = "`egret config keys` prints this list, `--format json` for programs.\n\n"


def main():
    done = subprocess.run([os.environ["EGRET"], "config", "keys"], capture_output=True, text=True, check=True)
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    before, head, after = text.partition(HEAD)
    if not head:
        print(f"no line: {HEAD}")
        return 1
    if "--write" in sys.argv[1:]:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(before + head + done.stdout)
        return 0
    if after != done.stdout:
        print("the table is not that of `egret config keys`; EGRET=... tests/docs/configuration.py --write")
        return 1
    print(f"{after.count('| `')} keys")
    return 0


if __name__ == "__main__":
    sys.exit(main())
