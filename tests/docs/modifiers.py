#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every form of a `match:` map: what explain says it means, and which of two events run takes for it."""
import json
import os
import subprocess
import sys

EGRET = os.environ["EGRET"]

# match map, expression, an event that it takes, events that it does not
CASES = [
    ("type: login", 'event.type == "login"', {"type": "login"}, [{"type": "Login"}, {}]),
    ("type: [login, logout]", 'event.type in ["login", "logout"]', {"type": "logout"}, [{"type": "log"}, {"type": None}]),
    ("zip: null", "!has(event.zip)", {}, [{"zip": 1}]),
    ("n: 1", "event.n == 1", {"n": 1.0}, [{"n": "1"}]),
    ("ok: true", "event.ok == true", {"ok": True}, [{"ok": 1}]),
    ("geo.city: Rome", 'event.geo.city == "Rome"', {"geo": {"city": "Rome"}}, [{"geo": {}}, {"geo.city": "Rome"}]),
    ("path|startswith: /a", 'event.path.startsWith("/a")', {"path": "/a/b"}, [{"path": "b/a"}, {"path": 1}]),
    ("file|endswith: .exe", 'event.file.endsWith(".exe")', {"file": "a.exe"}, [{"file": "a.exe.txt"}]),
    ("agent|contains: curl", 'event.agent.contains("curl")', {"agent": "libcurl/7"}, [{"agent": "cur l"}]),
    ("agent|contains: [curl, wget]", 'event.agent.contains("curl") || event.agent.contains("wget")',
     {"agent": "wget 1"}, [{"agent": "w get"}]),
    ("ip|cidr: 10.0.0.0/8", 'cidr(event.ip, "10.0.0.0/8")', {"ip": "10.200.1.1"}, [{"ip": "11.0.0.1"}, {"ip": "ten"}]),
    ("ip|cidr: [10.0.0.0/8, '::1/128']", 'cidr(event.ip, "10.0.0.0/8") || cidr(event.ip, "::1/128")', {"ip": "::1"},
     [{"ip": "::2"}]),
    ("ua|re: '^c.rl$'", 'event.ua.matches("^c.rl$")', {"ua": "curl"}, [{"ua": "xcurl"}]),
    ("n|gt: 5", "event.n > 5", {"n": 5.5}, [{"n": 5}, {"n": "6"}]),
    ("n|gte: 5", "event.n >= 5", {"n": 5}, [{"n": 4.9}]),
    ("n|lt: 5", "event.n < 5", {"n": -1}, [{"n": 5}]),
    ("n|lte: 5", "event.n <= 5", {"n": 5.0}, [{"n": 5.1}, {}]),
    ("user|exists: true", "has(event.user)", {"user": None}, [{}]),
    ("user|exists: false", "!has(event.user)", {}, [{"user": "bob"}]),
    ("src|fieldref: dst", "event.src == event.dst", {"src": "a", "dst": "a"}, [{"src": "a", "dst": "b"}, {"src": "a"}]),
    ("user|cased: Bob", 'event.user == "Bob"', {"user": "Bob"}, [{"user": "bob"}]),
]


def egret(*arguments, **more):
    return subprocess.run([EGRET, *arguments], capture_output=True, text=True, check=True, **more).stdout


def main():
    path = os.path.join(os.getcwd(), "modifiers.yaml")
    wrong = []
    for match, expression, taken, left in CASES:
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"version: 1\nrules:\n  - id: m\n    match: {{ {match} }}\n")
        said = [line.strip() for line in egret("explain", path).splitlines() if line.strip().startswith("each event with")]
        if said != [f"each event with {expression}"]:
            wrong.append(f"{match}: explain says {said}, not {expression}")
        events = [{"ts": number, **event} for number, event in enumerate([taken, *left], 1)]
        alerts = egret("run", path, input="".join(json.dumps(event) + "\n" for event in events)).splitlines()
        got = [json.loads(alert)["events"]["event"][0]["data"]["ts"] for alert in alerts]
        if got != [1]:
            wrong.append(f"{match}: run takes events {got}, not [1]")
    os.remove(path)
    print("\n".join(wrong + [f"{len(CASES)} forms, {len(wrong)} problems"]))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
