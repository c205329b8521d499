#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`expires`, `previous` and `baseline` against plain loops: random streams, each rule a random kind of window, a random memory and a
random way to fire.  The oracle keeps every window that has ended and averages them anew each time.

    history_oracle.py EGRET STREAMS [SEED]      a stream is one key; several of them share a run
"""
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

KEYS_PER_RUN, RULES_PER_RUN = 40, 8
HAVINGS = {
    "n == 0": lambda o: o["n"] == 0,
    "n == 0 || n >= 3": lambda o: o["n"] == 0 or o["n"] >= 3,
    "n > previous.n": lambda o: o["n"] > o["pn"],
    "previous.n >= 2 && n < previous.n": lambda o: o["pn"] >= 2 and o["n"] < o["pn"],
    "u != null && double(n) > u": lambda o: o["u"] is not None and o["n"] > o["u"],
    "w != null && m != null && m > w": lambda o: o["w"] is not None and o["m"] is not None and o["m"] > o["w"],
    None: lambda o: True,
}


class Rule:
    def __init__(self, number, chance):
        self.id = f"r{number}"
        self.kind = chance.choice(["tumbling", "hopping", "session", "count", "count_slide", "sliding"])
        self.step = chance.choice([2, 5, 10])
        self.size = self.step * (chance.randint(2, 4) if self.kind in ("hopping", "count_slide") else 1)
        self.step = self.size if self.kind == "tumbling" else self.step
        self.span = self.size + chance.randint(1, 100)
        self.expires = chance.choice([0, 0, self.size + chance.randint(1, 60)])
        if self.kind.startswith("count") or self.kind == "sliding":
            self.expires = self.size + chance.randint(1, 60)
        self.remembers = self.kind != "sliding"
        self.silent = self.expires and self.kind in ("tumbling", "hopping", "sliding")
        havings = list(HAVINGS) if self.remembers else list(HAVINGS)[:2]
        self.having = chance.choice([h for h in havings if self.silent or h != "n == 0"])
        fires = ["on_threshold", "on_every"] + ["on_close"] * (self.kind != "sliding")
        self.fire = chance.choice(fires) if self.having else "on_close"
        self.at_close = self.fire == "on_close" or self.kind in ("hopping", "count_slide")

    def yaml(self):
        window = {"tumbling": {"tumbling": f"{self.size}s"}, "session": {"session": f"{self.size}s"},
                  "hopping": {"hopping": {"size": f"{self.size}s", "slide": f"{self.step}s"}},
                  "sliding": {"sliding": f"{self.size}s"}, "count": {"count": self.size},
                  "count_slide": {"count": {"size": self.size, "slide": self.step}}}[self.kind]
        if self.expires:
            window["expires"] = f"{self.expires}s"
        fields = {"n": "n", "m": "m"}
        rule = {"id": self.id, "key_by": "k", "window": window, "aggregate": {"n": "count()", "m": "max(x)"},
                "fire": self.fire, "alert": {"fields": fields}}
        if self.remembers:
            rule["aggregate"].update(u=f"baseline(n, {self.span}s)", w=f"baseline(m, {self.span}s)")
            fields.update(u="u", w="w", pn="previous.n", pm="previous.m")
        if self.having:
            rule["having"] = self.having
        return rule


class Memory:
    """The windows of a key that have ended since it was last forgotten."""

    def __init__(self, rule):
        self.rule, self.ended, self.was = rule, [], False

    def outcome(self, inside, settled):
        rule = self.rule
        now = {"n": len(inside), "m": max((e["x"] for e in inside), default=None)}
        if rule.remembers:
            old = [o for end, o in self.ended if settled - rule.span < end <= settled]
            for name, of in (("u", "n"), ("w", "m")):
                values = [o[of] for o in old if o[of] is not None]
                now[name] = sum(values) / len(values) if values else None
            before = self.ended[-1][1] if self.ended else {"n": 0, "m": None}
            now.update(pn=before["n"], pm=before["m"])
        return now

    def look(self, time, inside, settled):
        now = self.outcome(inside, settled)
        yes = HAVINGS[self.rule.having](now)
        fires = yes and (self.rule.fire != "on_threshold" or not self.was)
        self.was = yes
        return [(time, now)] if fires else []

    def end(self, time, inside):
        self.ended.append((time, {"n": len(inside), "m": max((e["x"] for e in inside), default=None)}))


def aligned(rule, events):
    """Tumbling and hopping windows: every end from the first event on, with or without events."""
    memory, last, gone, before = None, None, 0, []
    keeps = rule.expires or rule.span
    for end in range(events[0]["t"] // rule.step * rule.step + rule.step, events[-1]["t"] + 400, rule.step):
        inside = [e for e in events if end - rule.size <= e["t"] < end]
        fresh = [e for e in inside if e["t"] >= end - rule.step]
        if memory and fresh and not rule.expires and gone <= fresh[0]["t"]:
            memory = None
        if not memory and not fresh:
            continue
        memory = memory or Memory(rule)
        if fresh:
            if rule.kind == "tumbling" or len(inside) == len(fresh) and not rule.expires and not before:
                memory.was = False
            if not rule.at_close:
                for at in range(len(inside)):
                    yield from memory.look(inside[at]["t"], inside[:at + 1], end - rule.step)
            last = fresh[-1]["t"]
        if inside and rule.at_close or not inside and rule.silent:
            yield from memory.look(end, inside, end - rule.step)
        before = inside
        memory.end(end, inside)
        if rule.expires:
            if not inside and end >= last + rule.expires:
                memory = None
            continue
        if rule.kind == "tumbling" and inside:
            gone = max(end + rule.size, last + keeps)
        elif rule.kind == "hopping":
            first_empty = (last // rule.step + 1) * rule.step + rule.size
            gone = first_empty if first_empty >= last + keeps else max(first_empty + rule.step, last + keeps)
            if end >= first_empty:
                memory.was = False


def runs(events, gap):
    found = []
    for event in events:
        if not found or event["t"] - found[-1][-1]["t"] >= gap:
            found.append([])
        found[-1].append(event)
    return found


def sessions(rule, events):
    memory, gone = Memory(rule), None
    for run in runs(events, rule.size):
        if gone is not None and run[0]["t"] >= gone:
            memory = Memory(rule)
        memory.was = False
        begin, end = run[0]["t"], run[-1]["t"] + rule.size
        if rule.at_close:
            yield from memory.look(end, run, begin)
        else:
            for at in range(len(run)):
                yield from memory.look(run[at]["t"], run[:at + 1], begin)
        memory.end(end, run)
        gone = max(end, run[-1]["t"] + (rule.expires or rule.span))


def counts(rule, events):
    for run in runs(events, rule.expires):
        memory, settled = Memory(rule), run[0]["t"]
        for at, event in enumerate(run):
            inside = run[at // rule.size * rule.size:at + 1]
            if rule.kind == "count_slide":
                inside = run[max(0, at + 1 - rule.size):at + 1]
            elif len(inside) == 1:
                settled, memory.was = event["t"], False
            full = (at + 1) % (rule.step if rule.kind == "count_slide" else rule.size) == 0
            if full or not rule.at_close:
                yield from memory.look(event["t"], inside, settled)
            if full:
                memory.end(event["t"], inside)
                settled = event["t"]


def sliding(rule, events):
    memory = Memory(rule)
    for at, event in enumerate(events):
        yield from memory.look(event["t"], [e for e in events[:at + 1] if e["t"] > event["t"] - rule.size], 0)
        following = events[at + 1]["t"] if at + 1 < len(events) else 10 ** 9
        if following >= event["t"] + rule.size:
            yield from memory.look(event["t"] + rule.size, [], 0)
        if following >= event["t"] + max(rule.expires, rule.size):
            memory = Memory(rule)


ORACLES = {"tumbling": aligned, "hopping": aligned, "session": sessions, "count": counts, "count_slide": counts,
           "sliding": sliding}


def stream(chance, key):
    time, events = chance.randint(0, 20), []
    for _ in range(chance.randint(1, 30)):
        events.append({"t": time, "k": key, "x": chance.randint(0, 9)})
        time += chance.choice([0, 1, 1, 2, 3, 5, 8, 20, 50, 120])
    return events


def equal(left, right):
    return left[0] == right[0] and left[1].keys() == right[1].keys() and all(
        left[1][n] == right[1][n] or None not in (left[1][n], right[1][n]) and
        abs(left[1][n] - right[1][n]) <= 1e-9 * abs(right[1][n]) for n in left[1])


def seconds(text):
    days = (0, 31, 59)[int(text[5:7]) - 1] + int(text[8:10]) - 1
    return ((days * 24 + int(text[11:13])) * 60 + int(text[14:16])) * 60 + int(text[17:19])


def one_run(egret, seed, keys):
    chance = random.Random(seed)
    rules = [Rule(i, chance) for i in range(RULES_PER_RUN)]
    streams = {key: stream(chance, key) for key in range(keys)}
    lines = [json.dumps({"ts": e["t"] * 1000, "k": e["k"], "x": e["x"]})
             for e in sorted((e for s in streams.values() for e in s), key=lambda e: e["t"])]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rules.yaml")
        path.write_text(json.dumps({"version": 1, "rules": [r.yaml() for r in rules]}), encoding="utf-8")
        done = subprocess.run([egret, "run", str(path), "-q"], input="\n".join(lines) + "\n", text=True,
                              capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"seed {seed}: {done.stderr}")
    found = {}
    for alert in map(json.loads, done.stdout.splitlines()):
        found.setdefault((alert["rule"], alert["key"]["k"]), []).append((seconds(alert["time"]), alert["fields"]))
    count = 0
    for rule in rules:
        for key, events in streams.items():
            wanted, got = list(ORACLES[rule.kind](rule, events)), found.get((rule.id, key), [])
            if len(wanted) != len(got) or not all(map(equal, got, wanted)):
                sys.exit(f"seed {seed} {json.dumps(rule.yaml())}\nevents {[(e['t'], e['x']) for e in events]}\n"
                         f"found  {got}\noracle {wanted}")
            count += len(wanted)
    return count


def main():
    egret, streams = sys.argv[1], int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    alerts = 0
    for number in range((streams + KEYS_PER_RUN - 1) // KEYS_PER_RUN):
        alerts += one_run(egret, seed + number, min(KEYS_PER_RUN, streams))
    if alerts == 0:
        sys.exit("no alert, so this shows nothing")
    print(f"{streams} streams, {alerts} alerts, all as plain loops say")


if __name__ == "__main__":
    main()
