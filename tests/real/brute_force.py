# SPDX-License-Identifier: Apache-2.0
"""The rules of rules.yaml in plain loops over all events: no automaton, no watermark, nothing of Egret.

Each function takes a list of (offset, event) in order of event time and returns a list of
(time in ms, first offset .. last offset) in the order in which alerts are due."""

MINUTE = 60_000


def by_key(events, name):
    groups = {}
    for offset, event in events:
        if event.get(name) is not None:
            groups.setdefault(event[name], []).append((offset, event))
    return groups


def password_guessed(events):
    alerts = []
    relevant = [(o, e) for o, e in events if e["event"] in ("fail", "success")]
    for group in by_key(relevant, "ip").values():
        fails = []
        for offset, event in group:
            fails = [(t, o) for t, o in fails if event["ts"] - t < 600 * MINUTE]
            if event["event"] == "fail":
                fails.append((event["ts"], offset))
            elif len(fails) >= 3:
                alerts.append((event["ts"], offset, [o for _, o in fails] + [offset]))
                fails = []
    return alerts


def no_logout(events):
    alerts = []
    for group in by_key(events, "user").values():
        for index, (offset, event) in enumerate(group):
            if event["event"] != "session_open":
                continue
            end = event["ts"] + 60 * MINUTE
            closed = any(e["event"] == "session_close" and e["ts"] < end for _, e in group[index + 1:])
            if not closed:
                alerts.append((end, offset, [offset]))
    return alerts


def login_then_sudo(events):
    alerts = []
    for group in by_key(events, "user").values():
        logins = []
        for offset, event in group:
            logins = [(t, o) for t, o in logins if event["ts"] - t < 5 * MINUTE]
            if event["event"] == "success":
                logins.append((event["ts"], offset))
            elif event["event"] == "sudo" and logins:
                alerts.append((event["ts"], offset, [logins[0][1], offset]))
                logins = []
    return alerts


def three_in_a_row(group, time_ms, wanted):
    """Every wanted event counts; three within the time, then the count starts anew."""
    alerts, taken = [], []
    for offset, event in group:
        if not wanted(event):
            continue
        taken = [(t, o) for t, o in taken if event["ts"] - t < time_ms] + [(event["ts"], offset)]
        if len(taken) == 3:
            alerts.append((event["ts"], offset, [o for _, o in taken]))
            taken = []
    return alerts


def three_transfers(events):
    found = []
    for group in by_key(events, "dst").values():
        found += three_in_a_row(group, 2 * 24 * 60 * MINUTE, lambda e: e["event"] == "transfer")
    return found


def repeated_errors(events):
    found = []
    for group in by_key(events, "ip").values():
        found += three_in_a_row(group, 30_000, lambda e: e.get("status", 0) >= 300)
    return found
