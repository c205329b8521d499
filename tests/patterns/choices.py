#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What any_of and all_of mean, on random rules and events.

    any_of     the matches are those of the rules with each branch in its place, together
    all_of     a few lines that keep the set of what is missing say the same
"""
import json
import os
import random
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from flink import rule_file  # noqa: E402
from program import egret  # noqa: E402

LETTERS = "abcdefg"
RULES, EVENTS, SPAN = 150, 25, 100000
FOLLOWING = ("next", "followedBy", "followedByAny")


def condition(seeded, several):
    letters = seeded.sample(LETTERS, 2 if several and seeded.random() < 0.3 else 1)
    return {"where": " || ".join(f"event.type == '{letter}'" for letter in letters)}


def branch(seeded, prefix):
    steps = [{"begin": f"{prefix}0", **condition(seeded, True)}]
    for number in range(1, seeded.randint(1, 3)):
        steps.append({seeded.choice(FOLLOWING + ("notNext", "notFollowedBy")): f"{prefix}{number}", **condition(seeded, True)})
    if next(iter(steps[-1])).startswith("not"):
        steps.append({"followedBy": f"{prefix}9", **condition(seeded, True)})
    if seeded.random() < 0.3:
        steps[0].update({"times": "1+", "greedy": seeded.random() < 0.5})
    return steps


def choice_rules(seeded, number):
    """One rule with any_of, and one for each branch."""
    branches = [branch(seeded, f"branch{i}_") for i in range(seeded.randint(2, 3))]
    before = [{"begin": "head", **condition(seeded, False)}]
    if seeded.random() < 0.3:
        before.append({"notFollowedBy": "never", **condition(seeded, False)})
    after = [{seeded.choice(FOLLOWING): "tail", **condition(seeded, True)}] if seeded.random() < 0.7 else []
    verb = seeded.choice(FOLLOWING)
    more = {"after_match": "no_skip", "within": f"{seeded.randint(5, 30)}ms", "alert": {}}
    middle = [{verb: "choice", "any_of": [{"pattern": one} for one in branches]}] + [{verb: "choice", "pattern": one} for one in branches]
    return [{"id": f"r{number}_{i}", "filter": f"event.turn == {number}", "pattern": before + [one] + after, **more}
            for i, one in enumerate(middle)]


def set_rule(seeded, number):
    letters = seeded.sample(LETTERS, seeded.randint(3, 5))
    case = {"head": letters[0], "members": letters[1:-1], "tail": letters[-1], "verb": seeded.choice(FOLLOWING[:2]),
            "consecutive": seeded.random() < 0.3}
    pattern = [{"begin": "head", "match": {"type": case["head"]}},
               {case["verb"]: "set", "all_of": {f"m_{one}": {"match": {"type": one}} for one in case["members"]},
                **({"consecutive": True} if case["consecutive"] else {})},
               {"followedBy": "tail", "match": {"type": case["tail"]}}]
    return case, [{"id": f"r{number}_0", "filter": f"event.turn == {number}", "pattern": pattern, "after_match": "no_skip",
                   "within": "1h", "alert": {}}]


def set_matches(case, events):
    out, runs = [], []
    for event in events:
        following = []
        for taken, missing in runs:
            entered = len(missing) < len(case["members"])
            strict = bool(missing) and (case["consecutive"] if entered else case["verb"] == "next")
            if event["type"] in missing:
                following.append((taken + [event["e"]], missing - {event["type"]}))
            elif not missing and event["type"] == case["tail"]:
                out.append(taken + [event["e"]])
            elif not strict:
                following.append((taken, missing))
        if event["type"] == case["head"]:
            following.append(([event["e"]], frozenset(case["members"])))
        runs = following
    return out


def events_of(seeded, number):
    return [{"ts": number * SPAN + i, "turn": number, "e": f"e{i}", "type": seeded.choice(LETTERS)} for i in range(EVENTS)]


def taken_by(alert):
    pairs = [(event["offset"], step, event["data"]["e"]) for step, events in alert["events"].items() for event in events]
    return tuple((step, label) for _, step, label in sorted(pairs))


def main():
    seeded = random.Random(20260101)
    rules, lines, cases, count = [], [], {}, 0
    for number in range(RULES):
        events = events_of(seeded, number)
        if number % 2 == 0:
            rules += choice_rules(seeded, number)
        else:
            cases[number], more = set_rule(seeded, number)
            cases[number]["events"] = events
            rules += more
        lines += map(json.dumps, events)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rules.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(rule_file(rules))
        ended = egret("run", path, stdin="\n".join(lines) + "\n")
    if ended.code != 0:
        print(ended.err)
        return 1
    got = {rule["id"]: [] for rule in rules}
    for alert in map(json.loads, ended.lines()):
        got[alert["rule"]].append(taken_by(alert))
    for number in range(RULES):
        mine = got[f"r{number}_0"]
        count += len(mine)
        if number in cases:
            mine = [[label for _, label in match] for match in mine]
            wanted = set_matches(cases[number], cases[number]["events"])
        else:
            wanted = {match for rule, matches in got.items() if rule.startswith(f"r{number}_") and rule != f"r{number}_0"
                      for match in matches}
        if sorted(mine) != sorted(wanted):
            print(json.dumps([rule for rule in rules if rule["id"].startswith(f"r{number}_")], indent=1))
            print(" ".join(line for line in lines if f'"turn": {number},' in line))
            print(f"got {sorted(mine)}\nwanted {sorted(wanted)}")
            return 1
    print(f"{RULES} random rules, {count} matches were right")
    return 0 if count > RULES else 1


if __name__ == "__main__":
    sys.exit(main())
