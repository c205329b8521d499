# SPDX-License-Identifier: Apache-2.0
"""Windows over real events against plain loops over all of them.

usage: windows.py EGRET SHARED-FOLDER ssh_auth|card_fraud|web_access"""
import gzip
import json
import os
import subprocess
import sys
import tempfile

from check import milliseconds

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def groups(events, *names):
    found = {}
    for event in events:
        key = tuple(event.get(name) for name in names)
        if None not in key:
            found.setdefault(key, []).append(event)
    return found


def sliding(events, span, holds):
    """At each event what came in the span before it: [(time, outcome)]."""
    for at, event in enumerate(events):
        inside = [e for e in events[:at + 1] if e["ts"] > event["ts"] - span]
        outcome = holds(inside)
        if outcome is not None:
            yield event["ts"], outcome


def tumbling(events, span, holds):
    for begin in sorted({e["ts"] // span * span for e in events}):
        outcome = holds([e for e in events if begin <= e["ts"] < begin + span])
        if outcome is not None:
            yield begin + span, outcome


def sessions(events, gap, holds):
    runs = []
    for event in events:
        if not runs or event["ts"] - runs[-1][-1]["ts"] >= gap:
            runs.append([])
        runs[-1].append(event)
    for run in runs:
        outcome = holds(run)
        if outcome is not None:
            yield run[-1]["ts"] + gap, outcome


def when(yes, outcome):
    return outcome if yes else None


def distinct(events, name):
    return len({e[name] for e in events if e.get(name) is not None})


def new_values(events, name, span):
    """The values that were not there in the span before."""
    last = {}
    for event in events:
        value, time = event.get(name), event["ts"]
        if value is not None and (value not in last or time - last[value] >= span):
            yield time, {name: value}
        if value is not None:
            last[value] = time


def alerts_of_bursts(fails):
    """What the rule failures-per-ip tells, in the order of the events."""
    for at, event in enumerate(fails):
        inside = [e for e in fails[:at + 1] if e["ip"] == event["ip"] and e["ts"] > event["ts"] - MINUTE]
        if len(inside) >= 5:
            yield {"ts": event["ts"], "ip": event["ip"]}


def with_usual(events, size, span, holds):
    """Tumbling windows with the window before, and with the average over those that ended in the span before."""
    known, last = [], None
    for begin in sorted({e["ts"] // size * size for e in events}):
        inside = [e for e in events if begin <= e["ts"] < begin + size]
        first = inside[0]["ts"]
        if last is not None and first >= max(last // size * size + 2 * size, last + span):
            known = []  # forgotten
        while known and known[-1][0] < begin:
            known.append((known[-1][0] + size, 0))  # windows without events
        ended = [total for end, total in known if begin - span < end <= begin]
        usual = sum(ended) / len(ended) if ended else None
        outcome = holds(inside, known[-1][1] if known else 0, usual)
        if outcome is not None:
            yield begin + size, outcome
        known.append((begin + size, sum(e["amount"] for e in inside)))
        last = inside[-1]["ts"]


def silences(events, size):
    """The end of each window without events behind one with some."""
    windows = {e["ts"] // size for e in events}
    for window in sorted(windows):
        if window + 1 not in windows:
            yield (window + 2) * size, {}


def ssh_auth(events):
    fails = [e for e in events if e["event"] == "fail"]
    tries = [e for e in events if e["event"] in ("fail", "invalid_user")]
    good = [e for e in events if e["event"] == "success"]
    night = [e for e in events if e["event"] == "session_open" and e["ts"] % DAY < 6 * HOUR]
    yield "failures-per-ip", groups(fails, "ip"), lambda g: sliding(
        g, MINUTE, lambda w: when(len(w) >= 5, {"n": len(w)}))
    yield "users-per-ip", groups(tries, "ip"), lambda g: sliding(
        g, 10 * MINUTE, lambda w: when(distinct(w, "user") >= 3, {"users": distinct(w, "user"), "n": len(w)}))
    yield "new-ip", groups(good, "user"), lambda g: new_values(g, "ip", 7 * DAY)
    yield "busy-hours", {(): list(alerts_of_bursts([e for e in fails if e.get("ip")]))}, lambda g: sliding(
        g, HOUR, lambda w: when(len(w) >= 10, {"ips": distinct(w, "ip"), "n": len(w)}))
    yield "night-logins", groups(night, "user"), lambda g: tumbling(g, DAY, lambda w: {"n": len(w)})


def card_fraud(events):
    yield "velocity", groups(events, "account"), lambda g: sliding(
        g, HOUR, lambda w: when(len(w) >= 3, {"n": len(w)}))
    yield "sums", groups(events, "account"), lambda g: sliding(
        g, DAY, lambda w: when(sum(e["amount"] for e in w) > 1000, {"s": sum(e["amount"] for e in w)}))
    yield "shopping", groups(events, "account"), lambda g: sessions(
        g, 30 * MINUTE, lambda w: when(len(w) >= 3, {"n": len(w), "most": max(e["amount"] for e in w)}))
    yield "unusual", groups(events, "account"), lambda g: with_usual(
        g, DAY, 7 * DAY, lambda w, before, usual: when(
            usual is not None and sum(e["amount"] for e in w) > 3 * usual,
            {"s": sum(e["amount"] for e in w), "before": before, "usual": usual}))


def web_access(events):
    yield "errors", groups([e for e in events if e["status"] >= 400], "ip"), lambda g: sliding(
        g, 10 * MINUTE, lambda w: when(len(w) >= 3, {"n": len(w)}))
    yield "silent", groups(events, "ip"), lambda g: silences(g, HOUR)
    yield "pages", groups(events, "ip"), lambda g: tumbling(g, HOUR, lambda w: when(len(w) >= 20, {"n": len(w)}))


SETS = {"ssh_auth": (ssh_auth, []), "card_fraud": (card_fraud, []), "web_access": (web_access, ["--out-of-orderness", "60s"])}

OTHER_RULES = {
    "card_fraud": [
        {"id": "velocity", "key_by": "account", "window": {"sliding": "1h"}, "aggregate": {"n": "count()"},
         "having": "n >= 3", "fire": "on_every", "alert": {"fields": {"n": "n"}}},
        {"id": "sums", "key_by": "account", "window": {"sliding": "1d"}, "aggregate": {"s": "sum(amount)"},
         "having": "s > 1000", "fire": "on_every", "alert": {"fields": {"s": "s"}}},
        {"id": "shopping", "key_by": "account", "window": {"session": "30m"},
         "aggregate": {"n": "count()", "most": "max(amount)"}, "having": "n >= 3", "fire": "on_close",
         "alert": {"fields": {"n": "n", "most": "most"}}},
        {"id": "unusual", "key_by": "account", "window": {"tumbling": "1d"},
         "aggregate": {"s": "sum(amount)", "usual": "baseline(s, 7d)"},
         "having": "usual != null && s > 3.0 * usual", "fire": "on_close",
         "alert": {"fields": {"s": "s", "before": "previous.s", "usual": "usual"}}}],
    "web_access": [
        {"id": "errors", "key_by": "ip", "where": "status >= 400", "window": {"sliding": "10m"},
         "aggregate": {"n": "count()"}, "having": "n >= 3", "fire": "on_every", "alert": {"fields": {"n": "n"}}},
        {"id": "silent", "key_by": "ip", "window": {"tumbling": "1h", "expires": "6h"},
         "aggregate": {"n": "count()"}, "having": "n == 0"},
        {"id": "pages", "key_by": "ip", "window": {"tumbling": "1h"}, "aggregate": {"n": "count()"},
         "having": "n >= 20", "fire": "on_close", "alert": {"fields": {"n": "n"}}}],
}


def equal(left, right):
    return left[0] == right[0] and left[1].keys() == right[1].keys() and all(
        is_near(left[1][name], right[1][name]) for name in left[1])


def is_near(left, right):
    if isinstance(left, str) or isinstance(right, str):
        return left == right
    return abs(left - right) <= 1e-6 * abs(right)


def main():
    egret, shared, name = sys.argv[1:4]
    if not os.path.isdir(os.path.join(shared, "data")):
        if os.environ.get("CI") == "true":
            sys.exit("the real events are missing")
        print("skipped: no real events beside the project")
        sys.exit(77)
    function, options = SETS[name]
    with gzip.open(os.path.join(shared, "data", name, "events.jsonl.gz")) as file:
        data = file.read()
    with tempfile.TemporaryDirectory() as folder:
        rules = os.path.join(os.path.dirname(os.path.abspath(__file__)), "windows.yaml")
        if name in OTHER_RULES:
            rules = os.path.join(folder, "rules.yaml")
            with open(rules, "w", encoding="utf-8") as file:
                json.dump({"version": 1, "rules": OTHER_RULES[name]}, file)
        done = subprocess.run([egret, "run", rules, *options], input=data, capture_output=True, check=False)
    if done.returncode != 0 or b"late 0" not in done.stderr:
        sys.exit(done.stderr.decode())
    found = {}
    for alert in map(json.loads, done.stdout.splitlines()):
        key = tuple(alert["key"].values())
        found.setdefault((alert["rule"], key), []).append((milliseconds(alert["time"]), alert["fields"]))
    events = sorted((json.loads(line) for line in data.splitlines()), key=lambda e: e["ts"])
    for rule, parts, windows in function(events):
        count = 0
        for key, part in parts.items():
            wanted, got = list(windows(part)), found.pop((rule, key), [])
            if len(wanted) != len(got) or not all(map(equal, got, wanted)):
                sys.exit(f"{rule} {key}: found {got}, plain loops say {wanted}")
            count += len(wanted)
        if count == 0:
            sys.exit(f"{rule}: plain loops find nothing, so this test shows nothing")
        print(f"{rule}: {count} alerts, all as plain loops say")
    if found:
        sys.exit(f"more than plain loops say: {found}")


if __name__ == "__main__":
    main()
