#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Flink's recorded pattern cases through the command line: rule file and events in, alerts out.

    patterns.py nfa|operator|build|sql [CASE-ID...]

unsayable.txt lists the cases that a rule file cannot say, each with its reason; tests/nfa/deviations.txt those that differ on
purpose.  A case that is listed without need is a failure, and so is one that is not listed and differs.
"""
import json
import os
import re
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from build_cases import BuildCase  # noqa: E402
from flink import CannotSay, rule_file  # noqa: E402
from nfa_cases import NfaCase  # noqa: E402
from operator_cases import OPTIONS, OperatorCase  # noqa: E402
from program import ROOT, egret  # noqa: E402
import sql_cases  # noqa: E402

CASES = os.path.join(ROOT, "..", "shared", "conformance", "flink-cep", "cases.jsonl")
SKIPPED = 77
KINDS = {"nfa": NfaCase, "operator": OperatorCase, "build": BuildCase}


def read_list(path):
    """`case-id the rest`, # for comments."""
    out = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            words = line.split("#")[0].split(maxsplit=1)
            if words:
                out[words[0]] = words[1].strip() if len(words) > 1 else ""
    return out


class Verdict:
    def __init__(self):
        self.deviations = read_list(os.path.join(HERE, "..", "nfa", "deviations.txt"))
        self.calls = read_list(os.path.join(HERE, "..", "nfa", "unsayable.txt"))  # about calls of Flink's builder
        self.unsayable = read_list(os.path.join(HERE, "unsayable.txt"))
        self.seen = {"agree": 0, "deviate": 0, "cannot be said": 0}
        self.wrong = []

    def judge(self, case_id, difference):
        if difference is not None and case_id in self.calls:
            self.seen["cannot be said"] += 1
            return
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
        print(f"{what} cases: " + ", ".join(f"{count} {word}" for word, count in self.seen.items()) +
              f", {len(self.wrong)} wrong")
        return 1 if self.wrong or not self.seen["agree"] else 0


def read_cases(kind, only, verdict):
    """The cases of the kind that a rule file can say."""
    out = []
    with open(CASES, encoding="utf-8") as file:
        for number, case in enumerate(map(json.loads, file), 1):
            if case["kind"] != kind or (only and case["id"] not in only):
                continue
            try:
                said = KINDS[kind](case, number)
                if kind != "build":
                    list(said.lines())
                out.append(said)
            except CannotSay as why:
                verdict.cannot_say(case["id"], why)
    return out


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def refused(folder, cases):
    """What `check` says first of each rule file that it refuses."""
    for case in cases:
        write(folder, f"{case.rule.id}.yaml", rule_file([case.yaml()]))
    out = {}
    for message in json.loads(egret("check", folder, "--format", "json").out):
        if message["severity"] == "error":
            rule = os.path.basename(message["file"]).split(".")[0]
            out.setdefault(rule, f"{message['code']} {message['message']}")
    return out


def alerts_by_rule(ended):
    if ended.code != 0:
        raise SystemExit(ended.err)
    out = {}
    for alert in map(json.loads, ended.lines()):
        out.setdefault(alert["rule"], []).append(alert)
    return out


def run_build(folder, cases, verdict):
    refusals = refused(folder, cases)
    for case in cases:
        verdict.judge(case.case["id"], case.difference(refusals.get(case.id)))


def run_nfa(folder, cases, verdict):
    """All in one run: nfa_cases.py says how they keep apart."""
    rules = write(folder, "all.yaml", rule_file([case.yaml() for case in cases]))
    stdin = "".join(line + "\n" for case in cases for line in case.lines())
    alerts = alerts_by_rule(egret("run", rules, stdin=stdin, time_limit=300))
    for case in cases:
        verdict.judge(case.case["id"], case.difference(alerts.get(case.rule.id, [])))


def run_operator(folder, cases, verdict):
    for case in cases:
        rules = os.path.join(folder, f"{case.rule.id}.yaml")
        stdin = "".join(line + "\n" for line in case.lines())
        ended = egret("run", rules, *OPTIONS, stdin=stdin)
        alerts = alerts_by_rule(ended).get(case.rule.id, [])
        late = int(re.search(r", late (\d+),", ended.err).group(1))
        verdict.judge(case.case["id"], case.difference(alerts, late))


def run(kind, only):
    verdict = Verdict()
    cases = read_cases(kind, only, verdict)
    with tempfile.TemporaryDirectory() as folder:
        if kind == "build":
            run_build(folder, cases, verdict)
            return verdict.end(kind)
        refusals = refused(folder, cases)
        good = [case for case in cases if case.rule.id not in refusals]
        for case in cases:
            if case.rule.id in refusals:
                verdict.judge(case.case["id"], f"refused: {refusals[case.rule.id]}")
        if kind == "nfa":
            run_nfa(folder, good, verdict)
        else:
            run_operator(folder, good, verdict)
    return verdict.end(kind)


def run_sql(only):
    """A table: there is no SQL front end, so the rules are written by hand."""
    wrong = 0
    with open(CASES, encoding="utf-8") as file, tempfile.TemporaryDirectory() as folder:
        for case in map(json.loads, file):
            if case["kind"] != "sql" or (only and case["id"] not in only):
                continue
            if case["id"] in sql_cases.CANNOT:
                print(f"{case['id']:<32} cannot be said: {sql_cases.CANNOT[case['id']]}")
                continue
            rules = write(folder, "sql.yaml", sql_cases.rule_of(case, "sql"))
            stdin = "".join(line + "\n" for line in sql_cases.lines_of(case))
            got = sql_cases.rows_of(alerts_by_rule(egret("run", rules, stdin=stdin)).get("sql", []))
            holds = sorted(map(json.dumps, got)) == sorted(map(json.dumps, case["expect_rows"]))
            wrong += not holds
            print(f"{case['id']:<32} {'holds' if holds else f'got {got} wanted ' + str(case['expect_rows'])}")
    return 1 if wrong else 0


def main(kind, *only):
    if not os.path.exists(CASES):
        print("skipped: the case file is not there")
        return 1 if os.environ.get("CI") == "true" else SKIPPED
    return run_sql(only) if kind == "sql" else run(kind, only)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
