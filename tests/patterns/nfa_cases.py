# SPDX-License-Identifier: Apache-2.0
"""The cases of one key, many to a run.

Each case is a rule that filters for the events of its case; the cases follow one another in time, and at the end of each a record
that meets the rule's cancel_if takes away what is still open, so that nothing comes out later.

A case without a feed moves time with each event, which is what an event stream without disorder does.  An `advance` of a feed is
a record that no rule takes: it moves the watermark and nothing else.
"""
import json

from flink import CannotSay, Rule, events_of, fields_used, record_of

SPAN = 1_000_000  # ms between the beginnings of two cases


def feed_of(case):
    if "feed" in case:
        return case["feed"]
    return [["event", event["e"]] for event in case["events"]]


class NfaCase:
    def __init__(self, case, number):
        self.case, self.number = case, number
        if case.get("raw_order"):
            raise CannotSay("events older than those before them: a stream puts them in order")
        self.rule = Rule(case, f"c{number}")

    def yaml(self):
        return self.rule.yaml(filter=f"event.case == '{self.rule.id}' && event.e != null",
                              cancel_if=f"event.end == '{self.rule.id}'")

    def lines(self):
        base, now = self.number * SPAN, 0
        used = fields_used(self.case)
        labels = {event["e"]: event for event in self.case["events"]}
        for what, value in feed_of(self.case):
            if what == "ptime":
                continue
            if what == "advance":
                record = {"ts": base + value, "e": None}
            else:
                record = record_of(labels[value], used, base)
            if record["ts"] < base + now:
                raise CannotSay("an event older than the time that has passed: it is late")
            now = record["ts"] - base
            yield json.dumps({**record, "case": self.rule.id, "end": None})
        yield json.dumps({"ts": base + now, "e": "end", "case": self.rule.id, "end": self.rule.id})

    def difference(self, alerts):
        """None when the alerts are those that Flink gave."""
        base = self.number * SPAN
        got = [events_of(self.rule, alert) for alert in alerts if alert["output"] == "match"]
        want = [match["match"] for match in self.case["expect"]]
        if got != want:
            return f"matches {json.dumps(got)}\n   wanted {json.dumps(want)}"
        if "timeouts" not in self.case:
            return None
        got = [[events_of(self.rule, alert), time_of(alert) - base] for alert in alerts if alert["output"] == "timeout"]
        want = [[timeout["match"], timeout["ts"]] for timeout in self.case["timeouts"]]
        return None if got == want else f"timeouts {json.dumps(got)}\n    wanted {json.dumps(want)}"


def time_of(alert):
    from datetime import datetime, timedelta, timezone
    when = datetime.strptime(alert["time"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return (when - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1)
