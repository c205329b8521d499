# SPDX-License-Identifier: Apache-2.0
"""Events whose alerts anybody can work out, and what the alerts must be: an oracle that shares nothing with the engine.

    every tenth login of a user      one lost or doubled event moves all alerts after it
    a ping without pong in 5 s       timers, which must not fire twice or be forgotten
    three of a user in a window      counted in tumbling minutes
"""
import collections
import json
import random

HEAD = "version: 1\nrules:\n"
SILENT = """\
  - id: silent
    source: in
    key_by: user
    pattern:
      - begin: ping
        match: { type: ping }
      - followedBy: pong
        match: { type: pong }
    within: 5s
    on_timeout: { message: "{{ key.user }}" }
    alert: { message: "answered", sink: answered }
"""
RULES = HEAD + """\
  - id: tenth
    source: in
    key_by: user
    pattern:
      - begin: login
        match: { type: login }
        times: 10
    within: 365d
    alert: { message: "{{ key.user }}" }
""" + SILENT
START_MS = 1767225600000  # 2026-01-01T00:00:00Z


class Workload:
    """Events in order of time; a user's events are all in one partition."""
    within_ms = 5000  # of `silent`

    def __init__(self, seed, users=40, partitions=4):
        self.random = random.Random(seed)
        self.users = users
        self.partitions = partitions
        self.now = START_MS
        self.logs = collections.defaultdict(list)  # partition -> events in order of offset; None: no event

    def chunk(self, count):
        """Lines for kafka_tool produce."""
        lines = []
        for _ in range(count):
            self.now += self.random.choice((0, 1, 5, 40))
            user = self.random.randrange(self.users)
            kind = self.random.choices(("login", "ping", "pong", "other"), (8, 1, 1, 1))[0]
            event = {"ts": self.now, "type": kind, "user": f"u{user}", "n": len(self.logs)}
            partition = user % self.partitions
            self.logs[partition].append(event)
            lines.append((partition, f"u{user}", None, None, json.dumps(event, separators=(",", ":"))))
        return lines

    def end(self):
        """A last event for each partition, an hour later, so that every timer is due."""
        self.now += 3600000
        lines = []
        for partition in range(self.partitions):
            event = {"ts": self.now, "type": "end", "user": f"end{partition}"}
            self.logs[partition].append(event)
            lines.append((partition, None, None, None, json.dumps(event, separators=(",", ":"))))
        return lines

    # ---- the oracle ----

    def expected(self):
        """{(rule, output): [(user, ((partition, offset), ...)), ...]}, in order within a user."""
        found = collections.defaultdict(list)
        for partition, events in self.logs.items():
            logins = collections.defaultdict(list)
            open_ping = {}
            for offset, event in enumerate(events):
                self.time_out(found, open_ping, event["ts"])
                user = event["user"]
                if event["type"] == "login":
                    logins[user].append((partition, offset))
                    if len(logins[user]) == 10:
                        found["tenth", "match"].append((user, tuple(logins.pop(user))))
                elif event["type"] == "ping":
                    open_ping.setdefault(user, []).append((event["ts"], (partition, offset)))
                elif event["type"] == "pong" and user in open_ping:
                    first = open_ping.pop(user)[0]
                    found["silent", "match"].append((user, (first[1], (partition, offset))))
        return found

    def time_out(self, found, open_ping, now):
        """Before an event of this time everything that was due fires.  Runs of one user end in order of their pings."""
        for user in list(open_ping):
            while open_ping[user] and open_ping[user][0][0] + self.within_ms <= now:
                found["silent", "timeout"].append((user, (open_ping[user].pop(0)[1],)))
            if not open_ping[user]:
                del open_ping[user]


def seen_alerts(rows):
    """The same form from what is on the output topics: rows of Broker.dump."""
    found = collections.defaultdict(list)
    for _, _, key, headers, value in rows:
        alert = json.loads(value)
        events = sorted((event["offset"], event["partition"]) for step in alert["events"].values() for event in step)
        user = alert["key"]["user"]
        if headers.get("egret-id") != alert["id"] or headers.get("egret-rule") != alert["rule"]:
            raise AssertionError(f"headers {headers} are not those of {value}")
        if user not in key:
            raise AssertionError(f"the record's key {key} is not the rule's, {user}")
        found[alert["rule"], alert["output"]].append((user, tuple((p, o) for o, p in events)))
    return found


def by_user(alerts):
    users = collections.defaultdict(list)
    for user, positions in alerts:
        users[user].append(positions)
    return users


def compare(expected, seen):
    """What is different, in words; '' if nothing is."""
    problems = []
    for kind in sorted(set(expected) | set(seen)):
        wanted, got = by_user(expected.get(kind, [])), by_user(seen.get(kind, []))
        for user in sorted(set(wanted) | set(got)):
            if wanted[user] == got[user]:
                continue
            missing = collections.Counter(wanted[user]) - collections.Counter(got[user])
            extra = collections.Counter(got[user]) - collections.Counter(wanted[user])
            problems.append(f"{kind} {user}: {len(wanted[user])} expected, {len(got[user])} seen, "
                            f"{sum(missing.values())} missing {list(missing)[:2]}, "
                            f"{sum(extra.values())} too many {list(extra)[:2]}"
                            + ("" if missing or extra else ", another order"))
    return "\n".join(problems[:10])
