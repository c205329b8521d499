#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Windows against plain loops: random streams with disorder, ties and late events, each rule a random kind of window, a random
condition and a random way to fire.  The oracle keeps all events and recomputes every window from nothing: no panes, no timers.

    oracle.py EGRET STREAMS [SEED]      a stream is one key; several of them share a run
"""
import json
import math
import random
import subprocess
import sys
import tempfile
from pathlib import Path

KEYS_PER_RUN, RULES_PER_RUN = 50, 8
AGGREGATES = {
    "n": "count()",
    "r": "rate()",
    "s": "sum(event.x)",
    "m": "avg(event.x)",
    "v": "variance(event.x)",
    "d": "stddev(event.x)",
    "lo": "min(event.x)",
    "hi": "max(event.x)",
    "f": "first(event.c)",
    "l": "last(event.c)",
    "u": "count_distinct(event.c)",
    "q": "quantile(event.x, 0.5)",
    "q9": "quantile(event.x, 0.9)",
    "big": {"value": "sum(event.x)", "where": "event.x > 5"},
    "top": "topk(event.c, 2)",
    "new": "collect(event.c, 4)",
    "odd": {"value": "count()", "where": "event.c == \"b\""},
}
HAVINGS = {
    "n >= 3": lambda o: o["n"] >= 3,
    "n >= 2 && u >= 2": lambda o: o["n"] >= 2 and o["u"] >= 2,
    # No sum or mean of some tens of numbers with three decimals is so near that the order of adding them decides.
    "s > 20.0005": lambda o: o["s"] > 20.0005,
    "hi > 8": lambda o: o["hi"] is not None and o["hi"] > 8,
    "odd >= 1 && n - odd >= 2": lambda o: o["odd"] >= 1 and o["n"] - o["odd"] >= 2,
    "m > 4.00049": lambda o: o["m"] is not None and o["m"] > 4.00049,
    None: lambda o: True,
}


# ---- what the aggregates are ----

def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def quantile(values, rank):
    return sorted(values)[math.floor(rank * (len(values) - 1))] if values else None


def outcome(events, seconds):
    xs = [e["x"] for e in events if is_number(e.get("x"))]
    cs = [e["c"] for e in events if "c" in e and not isinstance(e["c"], list)]
    mean = sum(xs) / len(xs) if xs else None
    variance = sum((x - mean) ** 2 for x in xs) / len(xs) if xs else None
    return {
        "n": len(events), "r": len(events) / seconds, "s": sum(xs), "m": mean, "v": variance,
        "d": math.sqrt(variance) if xs else None, "lo": min(xs, default=None), "hi": max(xs, default=None),
        "f": cs[0] if cs else None, "l": cs[-1] if cs else None, "u": len(set(map(distinct, cs))),
        "q": quantile(xs, 0.5), "q9": quantile(xs, 0.9), "big": sum(x for x in xs if x > 5),
        "top": most_frequent(cs)[:2], "new": cs[-4:],
        "odd": sum(1 for e in events if e.get("c") == "b"),
    }


def most_frequent(values):
    """By how often, then booleans before numbers before texts.  Of equal values the oldest is told."""
    times, firsts = {}, {}
    for value in values:
        times[distinct(value)] = times.get(distinct(value), 0) + 1
        firsts.setdefault(distinct(value), value)
    order = sorted(times, key=lambda one: (-times[one], not one[0], one[1], str(one[2]) if one[1] else one[2]))
    return [firsts[one] for one in order]


def distinct(value):
    return (isinstance(value, bool), isinstance(value, str), value)


# ---- what the windows are ----

class Rule:
    def __init__(self, number, chance):
        self.id = f"r{number}"
        self.kind = chance.choice(["tumbling", "hopping", "sliding", "session", "count", "count_slide"])
        self.slide = chance.choice([1, 2, 5, 7, 10])
        self.size = self.slide * chance.randint(2 if self.kind in ("hopping", "count_slide") else 1, 6)
        self.offset = chance.choice([0, 0, 3]) if self.kind in ("tumbling", "hopping") else 0
        self.having = chance.choice(list(HAVINGS))
        slides = self.kind in ("hopping", "count_slide")
        self.fire = chance.choice(["on_threshold", "on_close", "on_every"] + ["reset"] * (not slides))
        if self.kind == "sliding" and self.fire == "on_close":
            self.fire = "on_every"
        self.at_close = slides or self.fire == "on_close"
        self.expires = 40
        self.seconds = self.expires if self.kind.startswith("count") else self.size

    def yaml(self):
        window = {"tumbling": {"tumbling": f"{self.size}s"}, "sliding": {"sliding": f"{self.size}s"},
                  "session": {"session": f"{self.size}s"},
                  "hopping": {"hopping": {"size": f"{self.size}s", "slide": f"{self.slide}s"}},
                  "count": {"count": self.size, "expires": f"{self.expires}s"},
                  "count_slide": {"count": {"size": self.size, "slide": self.slide},
                                  "expires": f"{self.expires}s"}}[self.kind]
        if self.offset:
            window["offset"] = f"{self.offset}s"
        rule = {"id": self.id, "key_by": "event.k", "window": window, "aggregate": AGGREGATES,
                "fire": {"reset": True} if self.fire == "reset" else self.fire,
                "alert": {"fields": {name: name for name in AGGREGATES}}}
        if self.having:
            rule["having"] = self.having
        return rule

    def windows(self, events):
        """[(events, is closed, time of the close)] to look at, in order, with None where the rule is armed again."""
        size, slide = self.size * 1000, self.slide * 1000
        if self.kind in ("tumbling", "hopping"):
            step = size if self.kind == "tumbling" else slide
            ends = {}
            for event in events:
                end = (event["ts"] - self.offset * 1000) // step * step + self.offset * 1000 + step
                for later in range(end, end + size, step):
                    ends.setdefault(later, [])
            previous = None
            for end in sorted(ends):
                inside = [e for e in events if end - size <= e["ts"] < end]
                if self.kind == "tumbling" or (previous is not None and end != previous + step):
                    yield None
                previous = end
                yield inside, end
        elif self.kind == "session":
            for run in split(events, size):
                yield None
                yield run, run[-1]["ts"] + size
        else:
            for run in split(events, size if self.kind == "sliding" else self.expires * 1000):
                yield None
                yield run, None

    def looks(self, run):
        """The events in the window at each look at a run of events without a pause, and the event of the look."""
        begin = 0
        for at, event in enumerate(run):
            if self.kind == "sliding":
                inside = [e for e in run[begin:at + 1] if e["ts"] > event["ts"] - self.size * 1000]
            elif self.kind == "count_slide":
                if (at + 1) % self.slide:
                    continue
                inside = run[max(0, at + 1 - self.size):at + 1]
            else:
                inside = run[begin:at + 1]
            is_full = self.kind == "count" and len(inside) == self.size
            if self.kind != "count" or self.fire != "on_close" or is_full:
                if (yield inside, event):
                    begin = at + 1
                    yield None
            if is_full and begin != at + 1:
                begin = at + 1
                self.armed = True

    def alerts(self, events):
        holds = HAVINGS[self.having]
        self.armed = True
        for window in self.windows(events):
            if window is None:
                self.armed = True
                continue
            run, close = window
            if self.kind == "hopping" or (close is not None and self.at_close):
                now = outcome(run, self.seconds)
                yes = holds(now)
                if yes and (self.armed or self.fire != "on_threshold"):
                    yield close, run[0]["ts"], now
                self.armed = not yes
                continue
            looks = self.looks(run)
            answer = None
            while True:
                try:
                    look = looks.send(answer)
                except StopIteration:
                    break
                answer = None
                inside, event = look
                now = outcome(inside, self.seconds)
                yes = holds(now)
                if yes and (self.armed or self.fire != "on_threshold"):
                    yield event["ts"], inside[0]["ts"], now
                    if self.fire == "reset":
                        looks.send(True)
                self.armed = not yes


def split(events, gap):
    run = []
    for event in events:
        if run and event["ts"] - run[-1]["ts"] >= gap:
            yield run
            run = []
        run.append(event)
    if run:
        yield run


# ---- streams ----

def stream(chance, keys):
    events = []
    for key in range(keys):
        time = 1_000_000 + chance.randint(0, 60_000)
        for _ in range(chance.randint(1, 30)):
            time += chance.choice([0, 0, 1, 500, 1000, 1000, 2000, 3000, 5000, 7000, 10_000, chance.randint(0, 90_000)])
            event = {"ts": time, "k": key}
            if chance.random() < 0.95:
                event["x"] = chance.choice([chance.randint(-3, 12), chance.randint(0, 10), round(chance.uniform(-5, 10), 3)])
            elif chance.random() < 0.5:
                event["x"] = "none"
            if chance.random() < 0.9:
                event["c"] = chance.choice(["a", "b", "c", "d" * 40, 1, 1.5, True, [1]])
            events.append(event)
    return events


def arrival(chance, events):
    return sorted(events, key=lambda e: (e["ts"] + chance.choice([0, 0, 0, chance.randint(0, 3000)]), chance.random()))


def processed(arrived, bound):
    kept, largest, late = [], None, 0
    for number, event in enumerate(arrived):
        if largest is not None and event["ts"] <= largest - bound - 1:
            late += 1
        else:
            kept.append((event["ts"], number, event))
        largest = event["ts"] if largest is None else max(largest, event["ts"])
    return [event for _, _, event in sorted(kept, key=lambda one: one[:2])], late


# ---- comparing ----

def near(name, got, wanted):
    if isinstance(wanted, list):
        return len(got) == len(wanted) and all(near("", left, right) for left, right in zip(got, wanted))
    if got is None or wanted is None or isinstance(wanted, (str, bool)) or isinstance(got, (str, bool)):
        return got == wanted and type(got) is type(wanted)
    if name.startswith("q"):
        return abs(got - wanted) <= 0.0101 * abs(wanted) + 1e-9
    return math.isclose(got, wanted, rel_tol=1e-9, abs_tol=1e-6 if name in "vd" else 1e-9)


def millis(text):
    from datetime import datetime, timezone
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return round(moment.timestamp() * 1000)


def compare(rule, key, got, wanted):
    for number in range(max(len(got), len(wanted))):
        left = got[number] if number < len(got) else None
        right = wanted[number] if number < len(wanted) else None
        if left is None or right is None or left[:2] != right[:2] or not all(
                near(name, left[2][name], right[2][name]) for name in AGGREGATES):
            print(f"{json.dumps(rule.yaml())}\nkey {key}, alert {number}:\n  egret   {left}\n  oracle  {right}")
            return False
    return True


def alerts_of(egret, rules, arrived, *options, more=()):
    """(rule, key) -> [(time, first time, fields, *more)] of a run of Egret's; None: it has failed."""
    with tempfile.TemporaryDirectory() as folder:
        rules_file, events_file = Path(folder, "rules.yaml"), Path(folder, "events.jsonl")
        rules_file.write_text(json.dumps({"version": 1, "rules": rules}))
        events_file.write_text("".join(json.dumps(event) + "\n" for event in arrived))
        ended = subprocess.run([egret, "run", str(rules_file), "-i", str(events_file), *options], capture_output=True,
                               text=True, check=False)
    if ended.returncode != 0:
        print(ended.stderr)
        return None
    got = {}
    for line in ended.stdout.splitlines():
        record = json.loads(line)
        got.setdefault((record["rule"], record["key"]["k"]), []).append(
            (millis(record["time"]), millis(record["first_time"]), record["fields"], *map(record.get, more)))
    return got


def one_run(egret, seed, keys):
    chance = random.Random(seed)
    rules = [Rule(number, chance) for number in range(RULES_PER_RUN)]
    bound = chance.choice([0, 1000, 3000])
    arrived = arrival(chance, stream(chance, keys))
    in_order, _ = processed(arrived, bound)
    got = alerts_of(egret, [rule.yaml() for rule in rules], arrived, "--out-of-orderness", f"{bound}ms")
    if got is None:
        return None
    for rule in rules:
        for key in range(keys):
            wanted = list(rule.alerts([event for event in in_order if event["k"] == key]))
            if not compare(rule, key, got.get((rule.id, key), []), wanted):
                print(f"seed {seed}, bound {bound}")
                return None
    return sum(map(len, got.values()))


def check_estimates(egret):
    """More different values than are counted: the number is near, and the record says what it is."""
    rule = {"id": "r", "key_by": "event.k", "window": {"tumbling": "1h"}, "aggregate": {"u": "count_distinct(event.c)"},
            "alert": {"fields": {"u": "u"}}}
    with tempfile.TemporaryDirectory() as folder:
        rules_file, events_file = Path(folder, "rules.yaml"), Path(folder, "events.jsonl")
        rules_file.write_text(json.dumps({"version": 1, "rules": [rule]}))
        for values in (16384, 20000):
            events_file.write_text("".join(f'{{"ts":{i // 10},"k":1,"c":"value {i}"}}\n' for i in range(values)))
            record = json.loads(subprocess.run([egret, "run", str(rules_file), "-i", str(events_file)], capture_output=True,
                                               text=True, check=True).stdout)
            error = record["fields"]["u"] / values - 1
            if values == 16384 and (error or "estimated" in record):
                return f"not exact: {record}"
            if values > 16384 and (abs(error) > 0.033 or record.get("estimated") != ["u"]):
                return f"not an estimate: {record}"
    return None


def run_all(one_run):
    """The command line's number of streams, some keys a run; what the program ends with."""
    egret, streams = sys.argv[1], int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    alerts = 0
    for begin in range(0, streams, KEYS_PER_RUN):
        found = one_run(egret, seed + begin, min(KEYS_PER_RUN, streams - begin))
        if found is None:
            return 1
        alerts += found
    print(f"{streams} streams, {RULES_PER_RUN} rules each, {alerts} alerts: equal")
    return 0


def main():
    wrong = check_estimates(sys.argv[1])
    if wrong:
        print(wrong)
        return 1
    return run_all(one_run)


if __name__ == "__main__":
    sys.exit(main())
