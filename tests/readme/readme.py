#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every command that README.md and docs/ show is run, and what they show of its output is what it writes.

    ```console
    $ egret version
    egret 0.1.0 ...           three dots at the end of a line: the rest may be anything
    ```

A block without output only has to end with 0.  In `sh` blocks each line is such a command, except those that begin with
scripts/: continuous integration runs these.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from program import ROOT, environment  # noqa: E402

RUN_ELSEWHERE = {"patterns.md", "rules.md", "windows.md"}  # their rules are run by tests/docs

BLOCK = re.compile(r"^```(console|sh)\n(.*?)^```", re.M | re.S)


def pages():
    docs = os.path.join(ROOT, "docs")
    names = sorted(name for name in os.listdir(docs) if name.endswith(".md")) if os.path.isdir(docs) else []
    return ["README.md"] + [os.path.join("docs", name) for name in names]


def commands(text):
    """Yields (command, lines of output that are shown)."""
    for kind, body in BLOCK.findall(text):
        if kind == "sh":
            yield from ((line, []) for line in body.splitlines()
                        if line.strip() and not line.startswith(("scripts/", "#")))
            continue
        for part in re.split(r"^\$ ", body, flags=re.M)[1:]:
            command, _, shown = part.partition("\n")
            yield command, shown.splitlines()


def is_as_shown(shown, written):
    if shown.endswith("..."):
        return written.startswith(shown[:-3])
    return shown == written


class Pages(unittest.TestCase):
    maxDiff = None

    def test_every_command_does_what_the_page_shows(self):
        count = 0
        for page in pages():
            with open(os.path.join(ROOT, page), encoding="utf-8") as file:
                text = file.read()
            for command, shown in commands(text):
                count += 1
                with self.subTest(page=page, command=command):
                    self.check(command, shown)
        self.assertGreater(count, 2)

    def test_files_that_are_named_exist(self):
        for page in pages():
            with open(os.path.join(ROOT, page), encoding="utf-8") as file:
                for name in re.findall(r"`([a-z-]+/[\w/.-]+)`", file.read()):
                    self.assertTrue(os.path.exists(os.path.join(ROOT, name)), f"{page}: {name}")

    def test_rules_on_the_pages_are_those_of_the_examples(self):
        rules = []
        for path in glob.glob(os.path.join(ROOT, "rules-examples", "*", "rule.yaml")):
            with open(path, encoding="utf-8") as file:
                rules.append(file.read())
        for page in pages():
            if os.path.basename(page) in RUN_ELSEWHERE:
                continue
            with open(os.path.join(ROOT, page), encoding="utf-8") as file:
                for body in re.findall(r"^```yaml\n(.*?)^```", file.read(), re.M | re.S):
                    if re.search(r"^(sources|sinks|state|http|log):", body, re.M):
                        self.check_configuration(body)
                    else:
                        self.assertTrue(any(body in rule for rule in rules), body)

    def check_configuration(self, body):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "egret.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(body)
            done = subprocess.run(["egret", "config", "show", "--config", path], env=environment(), timeout=60,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode())

    def check(self, command, shown):
        done = subprocess.run(["bash", "-c", command], cwd=ROOT, env=environment(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, check=False)
        written = done.stdout.decode().splitlines()
        if not shown:
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            return
        if len(shown) != len(written) or not all(map(is_as_shown, shown, written)):
            self.assertEqual("\n".join(shown), "\n".join(written))


if __name__ == "__main__":
    unittest.main()
