#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/rules.md names every key of rules/load_keys.def that is supported, and no other; its example runs."""
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
KEY = re.compile(r'^([A-Z_]+)_KEY\(\s*[\w\[\]]+,\s*"([^"]+)",([^;]*?)\)\s*$', re.M)


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def keys():
    for match in KEY.finditer(read("rules", "load_keys.def")):
        if "LOAD_NOT_YET" not in match.group(3):
            yield match.group(1), match.group(2)


def example_runs(page):
    body = re.search(r"^```yaml\n(.*?)^```", page, re.M | re.S).group(1)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rules.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(body)
        done = subprocess.run([os.environ["EGRET"], "test", path], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        print(done.stdout + done.stderr)
    return done.returncode == 0


def main():
    page = read("docs", "rules.md")
    prose = re.sub(r"^```.*?^```", "", page, flags=re.M | re.S)
    named = set(re.findall(r"`(\w+)`", prose))
    known = list(keys())
    missing = [f"{kind} `{key}`" for kind, key in known if key not in named]
    names = {key for _, key in known}
    columns = re.findall(r"^\| (`[^|]*`) \|", prose, re.M)
    unknown = [key for cell in columns for key in re.findall(r"`(\w+)`", cell) if key not in names]
    for line in missing:
        print(f"not on the page: {line}")
    for key in unknown:
        print(f"no key: `{key}`")
    if len(known) < 100:
        print(f"only {len(known)} keys found in the table")
    good = not missing and not unknown and len(known) >= 100 and example_runs(page)
    print(f"{len(known)} keys")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
