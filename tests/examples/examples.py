#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each folder of rules-examples/ does what it says: its rule has no findings, its tests pass, its events give its alerts to
the byte, twice, and the commands of its page work.

    examples.py --update     writes alerts.jsonl anew, to be read before it is committed
"""
import json
import os
import shlex
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from program import EXAMPLES, ROOT, egret, environment  # noqa: E402

FOLDERS = sorted(name for name in os.listdir(EXAMPLES) if os.path.isdir(os.path.join(EXAMPLES, name)))


def read(*path):
    with open(os.path.join(EXAMPLES, *path), encoding="utf-8") as file:
        return file.read()


def run_events(name):
    return egret("run", f"rules-examples/{name}/rule.yaml", "-i", f"rules-examples/{name}/events.jsonl")


class Examples(unittest.TestCase):
    def test_every_folder_is_complete(self):
        for name in FOLDERS:
            for part in ("rule.yaml", "events.jsonl", "alerts.jsonl", "README.md"):
                with self.subTest(folder=name):
                    self.assertTrue(os.path.exists(os.path.join(EXAMPLES, name, part)), part)

    def test_the_rules_have_no_findings(self):
        ended = egret("check", "rules-examples/", "--fail-on", "warning")
        self.assertEqual(ended.code, 0, ended.out + ended.err)

    def test_the_tests_beside_the_rules_pass(self):
        ended = egret("test", "rules-examples/")
        self.assertEqual(ended.code, 0, ended.out + ended.err)

    def test_the_events_give_the_alerts_to_the_byte_and_twice(self):
        for name in FOLDERS:
            with self.subTest(folder=name):
                first, second = run_events(name), run_events(name)
                self.assertEqual(first.code, 0, first.err)
                self.assertEqual(first.out, second.out)
                self.assertEqual(first.out.splitlines(), read(name, "alerts.jsonl").splitlines())
                self.assertNotEqual(first.out, "")

    def test_the_demo_shows_each_rule_at_work(self):
        demo = subprocess.run(["bash", "-c", "source scripts/lib.sh; example_events"], cwd=ROOT, capture_output=True, timeout=60,
                              check=True)
        lines = demo.stdout.decode().splitlines()
        self.assertEqual(sorted(lines), sorted(line for name in FOLDERS for line in read(name, "events.jsonl").splitlines()))
        ended = egret("run", "rules-examples/", stdin=demo.stdout.decode())
        self.assertEqual(ended.code, 0, ended.err)
        self.assertIn("late 1,", ended.err)  # order-payment shows one
        self.assertLessEqual(set(FOLDERS), {json.loads(line)["rule"] for line in ended.out.splitlines()})

    def test_the_commands_of_the_pages_work(self):
        for name in FOLDERS:
            for line in read(name, "README.md").splitlines():
                if not line.startswith("    egret "):
                    continue
                with self.subTest(command=line.strip()):
                    done = subprocess.run(["sh", "-c", line.strip()], cwd=ROOT, env=environment(), capture_output=True,
                                          timeout=60, check=False)
                    self.assertEqual(done.returncode, 0, done.stderr.decode())
                    self.assertNotEqual(done.stdout, b"", shlex.quote(line))


def update():
    for name in FOLDERS:
        with open(os.path.join(EXAMPLES, name, "alerts.jsonl"), "w", encoding="utf-8") as file:
            file.write(run_events(name).out)


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        update()
    else:
        unittest.main()
