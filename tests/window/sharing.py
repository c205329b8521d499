#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules that share their windows against the same rules that do not: every rule has a condition besides that holds of every event,
the same for all of them in one run and another for each in the other.  Records, their order and the counts are the same.

    sharing.py EGRET RUNS [SEED]
"""
import json
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from oracle import AGGREGATES, HAVINGS, arrival, stream

KEYS, FAMILIES, READERS_MAX = 12, 3, 6
EXTRA = {"wrong": "sum(event.c)", "where": {"value": "max(event.x)", "where": "event.x * 2 > 3"},
         "again": "count()", "heavy": {"value": "count_distinct(event.x)", "where": "event.n % 2 == 0"}}


def window(chance):
    kind = chance.choice(["tumbling", "hopping", "sliding", "session", "count", "count_slide", "global"])
    slide = chance.choice([1, 2, 5, 10])
    size = slide * chance.randint(2, 6)
    made = {"tumbling": {"tumbling": f"{size}s"}, "sliding": {"sliding": f"{size}s"}, "session": {"session": f"{size}s"},
            "hopping": {"hopping": {"size": f"{size}s", "slide": f"{slide}s"}},
            "count": {"count": size, "expires": "40s"},
            "count_slide": {"count": {"size": size, "slide": slide}, "expires": "40s"},
            "global": {"global": {"count": slide}, "expires": "40s"}}[kind]
    return kind, made


def family(chance, number):
    """Rules of one window: each its own aggregates, condition and way to fire."""
    kind, made = window(chance)
    extras = {"cancel_if": "event.c == 'c'"} if chance.random() < 0.2 else {}
    if chance.random() < 0.2:
        extras["except"] = [{"where": "event.c == 'a'"}]
    rules = []
    for reader in range(chance.randint(1, READERS_MAX)):
        fires = ["on_threshold", "on_every"] + ["on_close"] * (kind not in ("sliding", "global"))
        having = chance.choice(list(HAVINGS))
        every = {**AGGREGATES, **EXTRA}
        names = chance.sample(list(every), chance.randint(1, 6))
        names += [name for name in AGGREGATES if having and re.search(rf"\b{name}\b", having) and name not in names]
        chance.shuffle(names)
        rule = {"id": f"f{number}-{reader}", "key_by": "event.k", "window": made, "fire": chance.choice(fires),
                "aggregate": {name: every[name] for name in names}, **extras,
                "alert": {"fields": {name: name for name in names}}}
        if having or kind == "sliding":
            rule["having"] = having or f"{names[0]} != null"
        rules.append(rule)
    return rules


def normal(output):
    """Without revisions.  In which order numbers are added up depends on what else the window holds, so the last digits may."""
    output = re.sub(r'"revision":"[0-9a-f]*",', "", output)
    return re.sub(r"-?\d+\.\d+(e-?\d+)?", lambda number: f"{float(number[0]) + 0.0:.6f}", output)


def run(egret, rules, events, bound, workers):
    with tempfile.TemporaryDirectory() as folder:
        rules_file, events_file = Path(folder, "rules.yaml"), Path(folder, "events.jsonl")
        rules_file.write_text(json.dumps({"version": 1, "rules": rules}))
        events_file.write_text(events)
        ended = subprocess.run([egret, "run", str(rules_file), "-i", str(events_file), "--out-of-orderness", f"{bound}ms",
                                "--workers", str(workers)], capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            raise RuntimeError(ended.stderr)
        explained = subprocess.run([egret, "explain", str(rules_file)], capture_output=True, text=True, check=True).stdout
    return (normal(ended.stdout), ended.stderr), explained.count("Shares its window")


def one(egret, seed):
    chance = random.Random(seed)
    families = [family(chance, number) for number in range(FAMILIES)]
    rules = [rule for rules in families for rule in rules]
    chance.shuffle(rules)
    bound = chance.choice([0, 1000, 3000])
    arrived = arrival(chance, stream(chance, KEYS))
    for number, event in enumerate(arrived):
        event["n"] = number
    events = "".join(json.dumps(event) + "\n" for event in arrived)
    together = [dict(rule, where="event.k != 'nobody'") for rule in rules]
    alone = [dict(rule, where=f"event.k != 'nobody {rule['id']}'") for rule in rules]
    got, shared = run(egret, together, events, bound, chance.choice([1, 1, 2]))
    wanted, unshared = run(egret, alone, events, bound, 1)
    if got == wanted and unshared == 0 and shared == sum(len(rules) for rules in families if len(rules) > 1):
        return len(got[0].splitlines())
    print(f"seed {seed}: {shared} and {unshared} rules share")
    for left, right in zip(got, wanted):
        for one_line, other in zip(left.splitlines() + [""], right.splitlines() + [""]):
            if one_line != other:
                print(f"  together {one_line}\n  alone    {other}")
                print(next((json.dumps(rule) for rule in rules if f'"{rule["id"]}"' in one_line + other), ""))
                return None
    return None


def main():
    egret, runs = sys.argv[1], int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    alerts = 0
    for number in range(runs):
        found = one(egret, seed + number)
        if found is None:
            return 1
        alerts += found
    print(f"{runs} runs, {alerts} alerts: together as alone")
    return 0


if __name__ == "__main__":
    sys.exit(main())
