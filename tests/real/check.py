# SPDX-License-Identifier: Apache-2.0
"""Runs the rules over real events and compares every alert with brute force.

usage: check.py EGRET SHARED-FOLDER SCENARIO"""
import datetime
import gzip
import json
import os
import subprocess
import sys

import brute_force

HERE = os.path.dirname(os.path.abspath(__file__))
RULES = os.path.join(HERE, "rules.yaml")

SCENARIOS = {
    "password-guessed": ("ssh_auth", brute_force.password_guessed),
    "no-logout": ("ssh_auth", brute_force.no_logout),
    "login-then-sudo": ("ssh_auth", brute_force.login_then_sudo),
    "three-transfers": ("aml_transfers", brute_force.three_transfers),
}


def read_events(data):
    offset, events = 0, []
    for line in data.splitlines(keepends=True):
        events.append((offset, json.loads(line)))
        offset += len(line)
    return events


def run(egret, data, *options):
    result = subprocess.run([egret, "run", RULES, *options], input=data, capture_output=True, check=False)
    if result.returncode != 0:
        sys.exit(f"egret run ended with {result.returncode}:\n{result.stderr.decode()}")
    return result.stdout, result.stderr.decode()


def milliseconds(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(moment.timestamp() * 1000)


def summary(alert):
    offsets = [e["offset"] for taken in alert["events"].values() for e in taken]
    return (milliseconds(alert["time"]), offsets)


def compare(rule, found, expected):
    """Order too: by time; what is due at one instant by the record that released it, then by its first event."""
    if found != expected:
        for index, (a, b) in enumerate(zip(found + [None] * len(expected), expected + [None] * len(found))):
            if a != b:
                sys.exit(f"{rule}: alert {index} of {len(found)}: found {a}, brute force says {b} ({len(expected)} in all)")
    if not expected:
        sys.exit(f"{rule}: brute force found nothing, so this test shows nothing")
    print(f"{rule}: {len(found)} alerts, all as brute force says")


def scenario_rule(egret, shared, rule):
    folder, function = SCENARIOS[rule]
    with gzip.open(os.path.join(shared, "data", folder, "events.jsonl.gz")) as file:
        data = file.read()
    events = read_events(data)
    if any(a[1]["ts"] > b[1]["ts"] for a, b in zip(events, events[1:])):
        sys.exit(f"{folder} is not in order of time")
    out, _ = run(egret, data)
    again, _ = run(egret, data)
    if out != again:
        sys.exit(f"{rule}: two runs differ")
    found = [summary(a) for a in map(json.loads, out.splitlines()) if a["rule"] == rule]
    if rule == "no-logout":  # fired by timers: by deadline, then by arrival of the first event
        expected = sorted(function(events), key=lambda a: (a[0], a[2][0]))
    else:  # fired by the event itself
        expected = sorted(function(events), key=lambda a: a[1])
    compare(rule, found, [(time, offsets) for time, _, offsets in expected])


def without_positions(line):
    alert = json.loads(line)
    del alert["id"]
    for taken in alert["events"].values():
        for event in taken:
            del event["offset"]
    return alert


def scenario_out_of_order(egret, shared, rule):
    """94 % of the events come out of order by up to 59 s: a bound of 60 s gives what the sorted stream gives."""
    with gzip.open(os.path.join(shared, "data", "web_access", "events.jsonl.gz")) as file:
        data = file.read()
    lines = data.splitlines(keepends=True)
    ordered = b"".join(sorted(lines, key=lambda line: json.loads(line)["ts"]))
    out, log = run(egret, data, "--out-of-orderness", "60s")
    sorted_out, _ = run(egret, ordered)
    found = [without_positions(line) for line in out.splitlines()]
    expected = [without_positions(line) for line in sorted_out.splitlines()]
    if found != expected:
        sys.exit(f"{rule}: {len(found)} alerts out of order, {len(expected)} sorted, or they differ")
    brute = brute_force.repeated_errors(read_events(ordered))
    if len(brute) == 0 or len(brute) != sum(a["rule"] == "repeated-errors" for a in found):
        sys.exit(f"{rule}: brute force finds {len(brute)}")
    if "late 0" not in log:
        sys.exit(f"{rule}: the summary does not say that nothing was late:\n{log}")
    print(f"{rule}: {len(found)} alerts, the same as in order, none late")


def main():
    egret, shared, rule = sys.argv[1:4]
    if not os.path.isdir(os.path.join(shared, "data")):
        if os.environ.get("CI") == "true":
            sys.exit("the real events are missing")
        print(f"skipped: no real events beside the project")
        sys.exit(77)
    if rule == "out-of-order":
        scenario_out_of_order(egret, shared, rule)
    else:
        scenario_rule(egret, shared, rule)


if __name__ == "__main__":
    main()
