# SPDX-License-Identifier: Apache-2.0
"""Which patterns Flink accepts and which it refuses: `egret check` must say the same."""
from flink import CannotSay

VERBS = ("begin", "next", "followedBy", "followedByAny", "notNext", "notFollowedBy")


def refine(step, rule, method, *arguments):
    """What a call says about the last step."""
    if method in ("where", "or"):
        step["where"] = "event.name == 'x'"
    elif method == "subtype":
        step["where"] = "event.type == 'x'"
    elif method == "until":
        step["until"] = "event.name == 'y'"
    elif method == "times":
        step["times"] = arguments[0] if len(arguments) == 1 else f"{arguments[0]}..{arguments[1]}"
    elif method == "oneOrMore":
        step["times"] = "1+"
    elif method == "timesOrMore":
        step["times"] = f"{arguments[0]}+"
    elif method in ("optional", "greedy", "consecutive"):
        step[method] = True
    elif method == "allowCombinations":
        step["combinations"] = True
    elif method == "within_prev_ms":
        if arguments[0] > 0:
            step["gap"] = f"{arguments[0]}ms"
    elif method != "within_ms":
        raise ValueError(method)


def steps_of(calls, rule):
    out = []
    for method, *arguments in calls:
        if method not in VERBS:
            refine(out[-1], rule, method, *arguments)
            continue
        if isinstance(arguments[0], list):
            out.append({method: "group", "pattern": steps_of(arguments[0], rule)})
        else:
            out.append({method: arguments[0]})
        if len(arguments) > 1:
            strategy, step = arguments[1].split(":")
            rule["after_match"] = {strategy.lower(): step}
    return out


class BuildCase:
    """`rule.id` names the file, as for the other cases."""

    def __init__(self, case, number):
        self.case, self.rule, self.id = case, self, f"b{number}"
        calls = case["calls"]
        self.body = {"id": self.id, "alert": {}}
        self.body["pattern"] = steps_of(calls, self.body)
        methods = [method for method, *_ in calls]
        least = min((arguments[0] for method, *arguments in calls if method == "within_ms"), default=0)
        if least > 0:  # nothing and less is no window
            self.body["within"] = f"{least}ms"
        if "greedy" in methods and "allowCombinations" in methods:
            raise CannotSay("greedy and combinations of one step")
        if ["timesOrMore", 0] in calls:
            raise CannotSay("`times: 0+` is an optional `1+`")
        if any(":" in str(arguments[0]) for method, *arguments in calls if method in VERBS):
            raise CannotSay("a name that is not a name in expressions")

    def yaml(self):
        return self.body

    def difference(self, refusal):
        if (refusal is None) == self.case["ok"]:
            return None
        return f"refused: {refusal}" if refusal else "accepted, Flink refuses it"
