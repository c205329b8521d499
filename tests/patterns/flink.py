# SPDX-License-Identifier: Apache-2.0
"""Flink's recorded pattern cases as rule files and events.

    a case's pattern  -->  one rule (YAML is a superset of JSON, so rules are written as JSON)
    a case's events   -->  one JSON object a line

What the pattern model says in other words is as in tests/nfa/flink_case.h: a within_ms on any step counts by Flink's minimum rule
as the rule's `within`, within_prev_ms is `gap`, the argument of times and oneOrMore is `loop_gap`.

Conditions: an error counts as false in a rule, and null in an ordering or in arithmetic gives false in the case language; the two
agree as long as nothing negates them, and no recorded condition does.
"""
import json
import re

UNBOUNDED = None
RESERVED = {"event", "lists", "params", "key", "timeout", "alert", "previous", "true", "false", "null", "in", "as", "break", "const",
            "continue", "else", "for", "function", "if", "import", "let", "loop", "package", "namespace", "return", "var", "void",
            "while"}


class CannotSay(Exception):
    """Why a case cannot be said in a rule file."""


# ---- conditions ----

TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|('[^']*')|([A-Za-z_]\w*)|(&&|\|\||[=!<>]=|[-+<>!(),.]))")


def tokens_of(text):
    at, out = 0, []
    text = text.rstrip()
    while at < len(text):
        found = TOKEN.match(text, at)
        if not found:
            raise ValueError(f"condition {text!r} at {at}")
        out.append(found.group().strip())
        at = found.end()
    return out


class Condition:
    """One condition in CEL.  `steps`: names as the rule has them; `seen`: those that the condition may ask about."""

    def __init__(self, text, steps, seen):
        self.tokens, self.at, self.steps, self.seen = tokens_of(text), 0, steps, seen
        self.text = text

    def next(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def accept(self, *words):
        if self.tokens[self.at:self.at + len(words)] == list(words):
            self.at += len(words)
            return True
        return False

    def aggregate(self, name):
        step = self.next()
        field = self.next() if self.accept(".") else None
        if not self.accept(")"):
            raise ValueError(self.text)
        if step not in self.seen:  # nothing can have been taken for it
            return "0" if name in ("sum", "count") else "null"
        step = self.steps[step]
        if name == "count":
            return f"count({step})"
        return f"sum({step}.{field})" if name == "sum" else f"{name}({step}).{field}"

    def term(self):
        word = self.next()
        if word == "(":
            inner = self.expression()
            if not self.accept(")"):
                raise ValueError(self.text)
            return f"({inner})"
        if word == "!":
            raise ValueError(f"a negation, which needs care with null: {self.text}")
        if word in ("contains", "starts_with") and self.accept("("):
            field, _, value, _ = self.next(), self.next(), self.next(), self.next()
            return f"event.{field}.{'contains' if word == 'contains' else 'startsWith'}({value})"
        if word in ("sum", "count", "first", "last") and self.accept("("):
            return self.aggregate(word)
        if word == "proc_time":
            raise CannotSay("reads the wall clock (processing time)")
        if re.match(r"[A-Za-z_]", word) and word not in ("true", "false"):
            return f"event.{'t' if word == 'ts' else word}"
        return word

    def expression(self):
        out = [self.term()]
        while self.at < len(self.tokens) and self.tokens[self.at] not in (")", ","):
            operator = self.next()
            right = self.term()
            # A field without fraction in a sum of doubles and the other way round: CEL as we have it mixes them.
            out += [operator, right]
        return " ".join(out)

    def cel(self):
        text = self.expression()
        if self.at != len(self.tokens):
            raise ValueError(self.text)
        return text


# ---- patterns ----

class Rule:
    def __init__(self, case, rule_id):
        self.case, self.id = case, rule_id
        self.groups = 0
        self.order = []  # step names in order, with the extent of the outermost loop round each
        self.names = {}
        pattern = case["pattern"]
        self.collect(pattern["steps"], None)
        self.steps = [self.step(step, index + 1 == len(pattern["steps"])) for index, step in enumerate(pattern["steps"])]
        self.within = self.least_window(pattern["steps"], False)
        self.skip = self.after_match(pattern.get("skip"))

    def original(self, name):
        return next(old for old, new in self.names.items() if new == name)

    def collect(self, steps, loop):
        for step in steps:
            own = loop
            if "group" in step:
                if own is None and self.repeats(step):
                    own = object()
                self.collect(step["group"], own)
                continue
            name = step["name"]
            plain = re.fullmatch(r"[A-Za-z_]\w*", name) and name not in RESERVED
            if name in self.names:
                self.order.append((name, own))  # Flink refuses it, and so must we
                continue
            self.names[name] = name if plain else f"step_{len(self.names)}"
            self.order.append((name, own))

    @staticmethod
    def repeats(step):
        times = step.get("times")
        return times is not None and times[1] != 1

    def seen_by(self, step):
        """The steps that its condition may ask about: those before it, those of a loop round it, itself if it repeats."""
        index = next(i for i, (name, _) in enumerate(self.order) if name == step.get("name"))
        loop = self.order[index][1]
        return {name for i, (name, other) in enumerate(self.order)
                if i < index or (loop is not None and other is loop) or (i == index and self.repeats(step))}

    def condition(self, step, key):
        seen = {name for name, _ in self.order} if "group" in step else self.seen_by(step)
        return Condition(step[key], self.names, seen).cel()

    def quantify(self, step, out):
        low, high = step["times"]
        if high == 1:
            if low == 0:
                out["times"] = "0..1"
            return  # exactly one repetition: nothing lies between two
        out["times"] = f"{low}+" if high is UNBOUNDED else low if low == high else f"{low}..{high}"
        if step.get("inner") == "consecutive":
            out["consecutive"] = True
        elif step.get("inner") == "combinations":
            out["combinations"] = True
        if step.get("greedy"):
            if "combinations" in out:
                raise CannotSay("greedy and combinations of one step")
            out["greedy"] = True
        if step.get("gap_ms", 0) > 0:
            out["loop_gap"] = f"{step['gap_ms']}ms"

    def step(self, step, is_last):
        out = {}
        if "group" in step:
            self.groups += 1
            out[step["contiguity"]] = f"group_{self.groups}"
            inner = step["group"]
            out["pattern"] = [self.step(one, index + 1 == len(inner)) for index, one in enumerate(inner)]
        else:
            out[step["contiguity"]] = self.names[step["name"]]
            if step.get("where", "true") != "true":
                out["where"] = self.condition(step, "where")
        if "times" in step:
            self.quantify(step, out)
        if step.get("optional"):
            out["optional"] = True
        if "until" in step:
            out["until"] = self.condition(step, "until")
        gap = step.get("within_prev_ms", 0)
        if gap > 0 and step["contiguity"] != "begin" and (is_last or step["contiguity"] != "notFollowedBy"):
            out["gap"] = f"{gap}ms"
        return out

    def least_window(self, steps, is_group):
        """The least window over all steps but the last of each group; 0 and less cancel it."""
        least = None
        for index, step in enumerate(steps):
            own = [] if is_group and index + 1 == len(steps) else [step.get("within_ms")]
            own.append(self.least_window(step.get("group", []), True))
            for window in own:
                if window is not None and (least is None or window < least):
                    least = window
        return least

    def after_match(self, skip):
        if skip is None:
            return "no_skip"
        if skip.get("throw_on_miss"):
            raise CannotSay("a skip strategy that fails the job when its step is missing")
        strategy = skip["strategy"]
        if strategy in ("SKIP_TO_FIRST", "SKIP_TO_LAST"):
            return {strategy.lower(): self.names.get(skip["step"], skip["step"])}
        return {"NO_SKIP": "no_skip", "SKIP_TO_NEXT": "skip_to_next", "SKIP_PAST_LAST_EVENT": "skip_past_last"}[strategy]

    def yaml(self, **more):
        rule = {"id": self.id, **more, "pattern": self.steps, "after_match": self.skip, "alert": {}}
        if self.within is not None and self.within > 0:
            rule["within"] = f"{self.within}ms"
        if self.case.get("handle_timeouts") and ("within" in rule or has_gap(self.steps)):
            rule["on_timeout"] = {}  # without a bound nothing times out, and the loader says so
        if self.case.get("late_output"):
            rule["on_late"] = {}
        return rule


def has_gap(steps):
    return any("gap" in step or "loop_gap" in step or has_gap(step.get("pattern", [])) for step in steps)


def rule_file(rules):
    defaults = {"after_match": "no_skip", "greedy": False, "emit": "in_start_order"}
    return json.dumps({"version": 1, "defaults": defaults, "rules": rules}, indent=1)


FIELDS = ("id", "name", "price", "type", "volume", "f0", "f1", "value")


def record_of(event, used, base):
    """An event as a line: missing fields are null, `t` is the time of the case."""
    fields = {field: event.get(field) for field in used}
    return {"ts": base + event["ts"], "t": event["ts"], "e": event["e"], **fields}


def fields_used(case):
    return [field for field in FIELDS if any(field in event for event in case["events"])]


def events_of(rule, alert):
    """{"step": ["label", ...]} under the names of the case."""
    return {rule.original(step): [one["data"]["e"] for one in taken] for step, taken in alert["events"].items()}
