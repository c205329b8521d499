# SPDX-License-Identifier: Apache-2.0
"""The cases of Flink's keyed operator: event time with explicit watermarks, late events, several keys.

A watermark of the feed is a record for which --watermark-when holds.  Order between keys is free, so each key's records are compared
by themselves.
"""
import json

from flink import CannotSay, Rule, events_of, fields_used, record_of
from nfa_cases import time_of

LAST_TIME = 253402300799999  # the end of the year 9999
NO_TIMER = {"genop/700002"}  # Flink sets no timer for a match that starts at time 0
OPTIONS = ["--keep-open", "--watermark-when", "event.mark != null"]


class OperatorCase:
    def __init__(self, case, number):
        self.case = case
        if case["time"] != "event":
            raise CannotSay("processing time")
        if "comparator" in case:
            raise CannotSay("an order of events of equal time other than arrival")
        if any(item[0] == "restore" for item in case["feed"]):
            raise CannotSay("a snapshot in the middle of the stream")
        self.rule = Rule(case, f"o{number}")
        if case["id"] in NO_TIMER:
            raise CannotSay("a deadline without a timer")

    def yaml(self):
        return self.rule.yaml(filter="event.e != null", key_by="event.key")

    def lines(self):
        labels = {event["e"]: event for event in self.case["events"]}
        used = fields_used(self.case)
        for what, value in self.case["feed"]:
            if what == "watermark":
                if value != "min":
                    yield json.dumps({"ts": LAST_TIME if value == "max" else value, "e": None, "mark": True})
                continue
            if what == "ptime":
                continue
            event = labels[value]
            if "ts" not in event:
                raise CannotSay("an event without a time")
            yield json.dumps({**record_of(event, used, 0), "key": event["key"], "mark": None})

    def late_marks(self):
        """Watermarks that do not move: as records they are late."""
        now, late = None, 0
        for value in (LAST_TIME if value == "max" else value for what, value in self.case["feed"] if what == "watermark"):
            if value == "min":
                continue
            late += now is not None and value <= now
            now = value if now is None else max(now, value)
        return late

    def late_difference(self, alerts, late_count):
        """All late events are counted; a record is made of those that a condition of the rule could have held for."""
        wanted = [record["e"] for record in self.case["expect"] if record["kind"].startswith("late")]
        got = [alert["events"]["event"][0]["data"]["e"] for alert in alerts if alert["output"] == "late"]
        rest = iter(wanted)
        if late_count - self.late_marks() != len(wanted) or not all(label in rest for label in got):
            return f"late {late_count} {got}\n wanted {wanted}"
        return None

    def difference(self, alerts, late_count):
        wanted, got = {}, {}
        for record in self.case["expect"]:
            if record["kind"] in ("match", "timeout"):
                wanted.setdefault(record["key"], []).append([record["kind"], record["ts"], record["match"]])
        for alert in alerts:
            if alert["output"] != "late":
                got.setdefault(alert["key"]["key"], []).append(
                    [alert["output"], time_of(alert), events_of(self.rule, alert)])
        if got != wanted:
            return f"got {json.dumps(got)}\n wanted {json.dumps(wanted)}"
        return self.late_difference(alerts, late_count)
