#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What windows tell before and after their end, against plain loops: allowed lateness, early results, global windows, days of a
time zone.  Every look is computed from all events that were counted so far.

    oracle_time.py EGRET STREAMS [SEED]      a stream is one key; several of them share a run
"""
import functools
import json
import random
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from oracle import AGGREGATES, HAVINGS, RULES_PER_RUN, alerts_of, arrival, near, outcome, run_all, split, stream

FOREVER = 10 ** 15
DAY_MS = 86_400_000
ZONES = ["Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe", "+02:00"]


class Rule:
    def __init__(self, number, chance):
        self.id = f"r{number}"
        self.having = chance.choice(list(HAVINGS))
        self.holds = HAVINGS[self.having]
        self.yaml_of = {"id": self.id, "key_by": "event.k", "aggregate": AGGREGATES,
                        "alert": {"fields": {name: name for name in AGGREGATES}}}
        if self.having:
            self.yaml_of["having"] = self.having
        self.make(chance)

    def aligned(self, chance, session=True):
        self.kind = chance.choice(["tumbling", "hopping"] + ["session"] * session)
        self.slide = chance.choice([1, 2, 5, 10]) * 1000
        self.size = self.slide * chance.randint(2, 5) if self.kind == "hopping" else self.slide
        self.seconds = self.size / 1000
        window = {self.kind: f"{self.size}ms"}
        if self.kind == "hopping":
            window = {"hopping": {"size": f"{self.size}ms", "slide": f"{self.slide}ms"}}
        return window

    def look(self, time, events, **more):
        now = outcome(sorted(events, key=lambda e: (e["ts"], e["n"])), self.seconds)
        if self.holds(now):
            first = min(events, key=lambda e: (e["ts"], e["n"]))["ts"]
            self.alerts.append((time, first, now, more.get("early"), more.get("update")))
            return True
        return False


# ---- after the end ----

class Late(Rule):
    def make(self, chance):
        window = self.aligned(chance)
        self.lateness = chance.choice([1000, 5000, 30_000, 100_000])
        self.yaml_of["window"] = {**window, "allowed_lateness": f"{self.lateness}ms"}

    def run(self, arrived, key):
        self.alerts, self.events, self.told, self.done, self.sessions = [], [], {}, set(), []
        reached = -FOREVER
        for event in arrived:
            if event["ts"] >= reached:
                reached = event["ts"]
                self.close(reached)
            if event["k"] == key:
                (self.join if self.kind == "session" else self.add)(event, reached)
        self.close(FOREVER)
        return self.alerts

    def close(self, reached):
        if self.kind == "session":
            for session in self.sessions:
                if not session["closed"] and session["last"] + self.size <= reached:
                    session["closed"] = True
                    self.tell_session(session)
            self.sessions = [s for s in self.sessions if s["last"] + self.size + self.lateness > reached]
            return
        ends = {end for event in self.events for end in self.ends_of(event["ts"])}
        for end in sorted(ends - self.done):
            if end <= reached:
                self.done.add(end)
                self.tell(end)

    def ends_of(self, time):
        end = time // self.slide * self.slide + self.slide
        return range(end, end + self.size, self.slide)

    def tell(self, end):
        inside = [e for e in self.events if end - self.size <= e["ts"] < end]
        if inside and self.look(end, inside, update=self.told.get(end)):
            self.told[end] = self.told.get(end, 0) + 1

    def add(self, event, reached):
        ends = self.ends_of(event["ts"])
        if ends[-1] + self.lateness <= reached:
            return
        self.events.append(event)
        for end in ends:
            if end <= reached:
                self.done.add(end)
                if reached < end + self.lateness:
                    self.tell(end)

    def tell_session(self, session):
        if self.look(session["last"] + self.size, session["events"], update=session["told"] or None):
            session["told"] += 1

    def join(self, event, reached):
        time = event["ts"]
        near_by = [s for s in self.sessions if s["first"] - self.size < time < s["last"] + self.size]
        if not near_by and time + self.size + self.lateness <= reached:
            return
        joined = {"first": min([time] + [s["first"] for s in near_by]), "last": max([time] + [s["last"] for s in near_by]),
                  "events": [e for s in near_by for e in s["events"]] + [event], "told": sum(s["told"] for s in near_by)}
        joined["closed"] = joined["last"] + self.size <= reached
        self.sessions = sorted([s for s in self.sessions if s not in near_by] + [joined], key=lambda s: s["first"])
        if joined["closed"]:
            self.tell_session(joined)


# ---- before the end ----

class Early(Rule):
    def make(self, chance):
        window = self.aligned(chance)
        self.purge = self.kind != "hopping" and chance.random() < 0.4
        # What leaves a hopping window changes its sums in the last digit, in another way here than there.
        self.every = chance.choice([500, 1000, 3000, 7000] + [None] * 2 * (self.kind != "hopping"))
        self.yaml_of["window"] = window
        self.yaml_of["early"] = {"every": f"{self.every}ms"} if self.every else {"on_change": True}
        if self.purge:
            self.yaml_of["early"]["purge"] = True

    def run(self, arrived, key):
        self.alerts, self.events, self.at, self.told = [], [], None, None
        self.end = None
        for event in in_order(arrived):
            if event["k"] == key:
                self.advance(event["ts"])
                self.add(event)
        self.advance(FOREVER)
        return self.alerts

    def inside(self):
        if self.kind == "session":
            return self.events
        return [e for e in self.events if self.end - self.size <= e["ts"] < self.end]

    def advance(self, time):
        while self.end is not None:
            if self.at is not None and self.at < self.end and self.at <= time:
                at, self.at = self.at, None
                if self.inside() and self.look(at, self.inside(), early=True) and self.purge:
                    self.forget()
            elif self.end <= time:
                if self.at == self.end:
                    self.at = None
                inside = self.inside()
                if inside:
                    self.look(self.end, inside)
                self.end += self.slide
                if self.kind != "hopping" or not inside:
                    self.forget()
            else:
                return

    def forget(self):
        self.events, self.at, self.told, self.end = [], None, None, None

    def add(self, event):
        time = event["ts"]
        if self.kind == "session":
            self.end = time + self.size
        elif self.end is None:
            self.end = time // self.slide * self.slide + self.slide
        self.events.append(event)
        origin = self.events[0]["ts"] if self.kind == "session" else self.end - self.size
        if self.every and self.at is None:
            self.at = origin + ((time - origin) // self.every + 1) * self.every
        if not self.every:
            now = outcome(self.inside(), self.seconds)
            if now != self.told:
                self.told = now
                if self.look(time, self.inside(), early=True) and self.purge:
                    self.forget()


# ---- before and after the end ----

class EarlyLate(Late):
    def make(self, chance):
        super().make(chance)
        self.every = chance.choice([500, 1000, 3000, 7000] + [None] * 2 * (self.kind != "hopping"))
        self.yaml_of["early"] = {"every": f"{self.every}ms"} if self.every else "on_change"
        self.at = self.last_told = None

    def open_end(self):
        if self.kind == "session":
            return min((s["last"] + self.size for s in self.sessions if not s["closed"]), default=None)
        ends = {end for event in self.events for end in self.ends_of(event["ts"])}
        return min(ends - self.done, default=None)

    def inside(self, end):
        if self.kind == "session":
            return next((s["events"], s["told"] or None) for s in self.sessions if s["last"] + self.size == end and not s["closed"])
        return [e for e in self.events if end - self.size <= e["ts"] < end], self.told.get(end)

    def close(self, reached):
        if not self.events and not self.sessions:
            self.at = self.last_told = None
        while (end := self.open_end()) is not None:
            if self.at is not None and self.at <= min(reached, end):
                at, self.at = self.at, None
                inside, update = self.inside(end)
                if at < end and inside:
                    self.look(at, inside, early=True, update=update)
            elif end <= reached:
                super().close(end)
                if self.kind != "hopping" or self.open_end() is None:
                    self.at = self.last_told = None
            else:
                break
        super().close(reached)

    def note(self, event, reached):
        end = self.open_end()
        if end is None:
            return
        inside, update = self.inside(end)
        if not any(e is event for e in inside):
            return
        if self.every and self.at is None:
            origin = min(e["ts"] for e in inside) if self.kind == "session" else end - self.size
            self.at = origin + ((reached - origin) // self.every + 1) * self.every
        if not self.every:
            now = outcome(sorted(inside, key=lambda e: (e["ts"], e["n"])), self.seconds)
            if now != self.last_told:
                self.last_told = now
                self.look(reached, inside, early=True, update=update)

    def add(self, event, reached):
        super().add(event, reached)
        self.note(event, reached)

    def join(self, event, reached):
        super().join(event, reached)
        self.note(event, reached)


# ---- without an end ----

class Global(Rule):
    def make(self, chance):
        self.expires = chance.choice([20_000, 60_000])
        self.seconds = self.expires / 1000
        self.trigger = chance.choice([{"count": 1}, {"count": 3}, {"every": "4s"}, {"every": "700ms"},
                                      {"when": "has(event.c) && event.c == \"b\""}])
        self.fire = chance.choice(["on_threshold", "on_every", {"reset": True}])
        self.yaml_of["window"] = {"global": self.trigger, "expires": f"{self.expires}ms"}
        self.yaml_of["fire"] = self.fire

    def run(self, arrived, key):
        self.alerts = []
        every = {"4s": 4000, "700ms": 700}.get(self.trigger.get("every"))
        for part in split([e for e in in_order(arrived) if e["k"] == key], self.expires):
            self.events, self.was, at = [], False, None
            for event in part + [{"ts": part[-1]["ts"] + self.expires}]:
                if at is not None and at <= event["ts"] and (event is not None and at < self.events[-1]["ts"] + self.expires):
                    self.test(at)
                    at = None
                if "k" not in event:
                    break
                self.events.append(event)
                if every and at is None:
                    at = event["ts"] // every * every + every
                elif "count" in self.trigger and len(self.events) % self.trigger["count"] == 0:
                    self.test(event["ts"])
                elif "when" in self.trigger and event.get("c") == "b":
                    self.test(event["ts"])
                if not self.events:
                    at = None
        return self.alerts

    def test(self, time):
        if not self.events:
            return
        now = outcome(self.events, self.seconds)
        is_true = self.holds(now)
        if is_true and not (self.fire == "on_threshold" and self.was):
            self.look(time, self.events)
        self.was = is_true
        if is_true and isinstance(self.fire, dict):
            self.events, self.was = [], False


# ---- days of a zone ----

@functools.lru_cache(maxsize=None)
def midnight(name, offset, number):
    """The first instant at which the wall shows the midnight of that day, or later: by the minute."""
    local = datetime(1970, 1, 1) + timedelta(days=number, hours=offset)
    zone = timezone(timedelta(hours=int(name[1:3]))) if name.startswith("+") else ZoneInfo(name)
    instant = local.replace(tzinfo=timezone.utc) - timedelta(hours=15)
    while (shown := instant.astimezone(zone).replace(tzinfo=None)) < local:
        instant += timedelta(hours=1) if local - shown > timedelta(hours=3) else timedelta(minutes=1)
    return round(instant.timestamp() * 1000)


class Days(Rule):
    def make(self, chance):
        self.zone = chance.choice(ZONES)
        self.days = chance.choice([1, 1, 2, 7])
        self.slide = chance.choice([1, self.days])
        self.offset = chance.choice([0, 0, 6, 22])
        self.seconds = self.days * 86400
        window = {"tumbling": f"{self.days}d"} if self.slide == self.days else {
            "hopping": {"size": f"{self.days}d", "slide": f"{self.slide}d"}}
        self.yaml_of["window"] = {**window, "time_zone": self.zone}
        self.yaml_of["fire"] = "on_close"
        if self.offset:
            self.yaml_of["window"]["offset"] = f"{self.offset}h"

    def midnight(self, number):
        return midnight(self.zone, self.offset, number)

    def run(self, arrived, key):
        self.alerts = []
        events = [e for e in in_order(arrived) if e["k"] == key]
        ends = {}
        for event in events:
            number = (event["ts"] + self.offset * 3_600_000) // DAY_MS // self.slide * self.slide - 2 * self.slide
            while self.midnight(number) <= event["ts"]:
                number += self.slide
            for end in range(number, number + self.days, self.slide):
                ends[end] = None
        for end in sorted(ends):
            begin, close = self.midnight(end - self.days), self.midnight(end)
            self.look(close, [e for e in events if begin <= e["ts"] < close])
        return self.alerts


def days_stream(chance, keys):
    events = []
    for key in range(keys):
        time = chance.choice([1_774_000_000_000, 1_792_000_000_000, 1_540_000_000_000])
        for _ in range(chance.randint(1, 25)):
            time += chance.choice([0, 60_000, 1_800_000, 3_600_000, 7_200_000, 20_000_000, DAY_MS, chance.randint(0, 3 * DAY_MS)])
            events.append({"ts": time, "k": key, "x": chance.randint(0, 9), "c": chance.choice(["a", "b"])})
    return events


# ---- running ----

def in_order(arrived):
    """What is not late, bound 0."""
    kept, reached = [], -FOREVER
    for event in arrived:
        if event["ts"] >= reached:
            reached = event["ts"]
            kept.append(event)
    return kept


def same(left, right):
    return left is not None and right is not None and left[:2] == right[:2] and left[3:] == right[3:] and all(
        near(name, left[2][name], right[2][name]) for name in AGGREGATES)


def one_run(egret, seed, keys):
    chance = random.Random(seed)
    make = chance.choice([Late, EarlyLate, EarlyLate, Early, Global, Days])
    rules = [make(number, chance) for number in range(RULES_PER_RUN)]
    events = days_stream(chance, keys) if make is Days else stream(chance, keys)
    arrived = arrival(chance, events)
    for number, event in enumerate(arrived):
        event["n"] = number
    got = alerts_of(egret, [rule.yaml_of for rule in rules], arrived, more=("early", "update"))
    if got is None:
        return None
    for rule in rules:
        for key in range(keys):
            wanted, found = rule.run(arrived, key), got.get((rule.id, key), [])
            for number in range(max(len(wanted), len(found))):
                left = found[number] if number < len(found) else None
                right = wanted[number] if number < len(wanted) else None
                if not same(left, right):
                    print(f"{json.dumps(rule.yaml_of)}\nseed {seed}, key {key}, alert {number}:\n  egret   {left}\n  oracle  {right}")
                    print([{k: e[k] for k in ("ts", "n") if k in e} for e in arrived if e["k"] == key])
                    return None
    return sum(map(len, got.values()))


if __name__ == "__main__":
    sys.exit(run_all(one_run))
