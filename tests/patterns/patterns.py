#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Flink's recorded pattern cases through the command line: rule file and events in, alerts out.

    patterns.py [-v] [CASE-ID...]

unsayable.txt lists the cases that a rule file cannot say, each with its reason; tests/nfa/deviations.txt those that differ on
purpose.  A case that is listed without need is a failure, and so is one that is not listed and differs.
"""
import json
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from flink import CannotSay, rule_file  # noqa: E402
from nfa_cases import NfaCase  # noqa: E402
from program import ROOT, egret  # noqa: E402

CASES = os.path.join(ROOT, "..", "shared", "conformance", "flink-cep", "cases.jsonl")
SKIPPED = 77


def read_list(path):
    """`case-id the rest`, # for comments."""
    out = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            words = line.split("#")[0].split(maxsplit=1)
            if words:
                out[words[0]] = words[1].strip() if len(words) > 1 else ""
    return out


def read_cases(*kinds):
    with open(CASES, encoding="utf-8") as file:
        return [case for case in map(json.loads, file) if case["kind"] in kinds]


class Verdict:
    def __init__(self):
        self.deviations = read_list(os.path.join(HERE, "..", "nfa", "deviations.txt"))
        self.unsayable = read_list(os.path.join(HERE, "unsayable.txt"))
        self.seen = {"agree": 0, "deviate": 0, "cannot be said": 0}
        self.wrong = []

    def judge(self, case_id, difference):
        listed = case_id in self.deviations
        if (difference is None) == listed:
            self.wrong.append((case_id, difference or "agrees although it is listed as a deviation"))
        elif case_id in self.unsayable:
            self.wrong.append((case_id, "is listed as one that cannot be said"))
        else:
            self.seen["deviate" if listed else "agree"] += 1

    def cannot_say(self, case_id, reason):
        self.seen["cannot be said"] += 1
        if case_id not in self.unsayable and case_id not in self.deviations:
            self.wrong.append((case_id, f"cannot be said: {reason}"))

    def end(self, what):
        for case_id, why in self.wrong:
            print(f"{case_id}: {why}")
        print(f"{what}: " + ", ".join(f"{count} {word}" for word, count in self.seen.items()) + f", {len(self.wrong)} wrong")
        return 1 if self.wrong or not self.seen["agree"] else 0


def refused(folder, cases):
    """The cases whose rule file `check` refuses, with its first message."""
    for case in cases:
        with open(os.path.join(folder, f"{case.rule.id}.yaml"), "w", encoding="utf-8") as file:
            file.write(rule_file([case.yaml()]))
    ended = egret("check", folder, "--format", "json")
    out = {}
    for message in json.loads(ended.out):
        if message["severity"] == "error":
            rule = os.path.basename(message["file"]).split(".")[0]
            out.setdefault(rule, message["message"])
    return out


def run_nfa(only, verdict):
    cases = []
    for number, case in enumerate(read_cases("nfa"), 1):
        if only and case["id"] not in only:
            continue
        try:
            cases.append(NfaCase(case, number))
            list(cases[-1].lines())
        except CannotSay as why:
            verdict.cannot_say(case["id"], why)
            if cases and cases[-1].case is case:
                cases.pop()
    with tempfile.TemporaryDirectory() as folder:
        no = refused(folder, cases)
        good = [case for case in cases if case.rule.id not in no]
        rules = os.path.join(folder, "all.yaml")
        with open(rules, "w", encoding="utf-8") as file:
            file.write(rule_file([case.yaml() for case in good]))
        stdin = "".join(line + "\n" for case in good for line in case.lines())
        ended = egret("run", rules, stdin=stdin, time_limit=300)
    if ended.code != 0:
        print(ended.err)
        return 1
    alerts = {}
    for line in ended.lines():
        alert = json.loads(line)
        alerts.setdefault(alert["rule"], []).append(alert)
    for case in cases:
        if case.rule.id in no:
            verdict.judge(case.case["id"], f"refused: {no[case.rule.id]}")
        else:
            verdict.judge(case.case["id"], case.difference(alerts.get(case.rule.id, [])))
    return verdict.end("nfa cases")


def main(words):
    if not os.path.exists(CASES):
        print("skipped: the case file is not there")
        return 1 if os.environ.get("CI") == "true" else SKIPPED
    return run_nfa(words, Verdict())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
