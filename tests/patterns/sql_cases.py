# SPDX-License-Identifier: Apache-2.0
"""Flink's MATCH_RECOGNIZE cases, written as rules by hand: which of them hold already, as a table.

A concatenation in SQL is `next`, its quantifiers are consecutive and greedy, and in a DEFINE a variable's own list has the row
at hand in it: SUM(A.price) < 30 is `sum(A.price) + event.price < 30`.
"""
import json

CANNOT = {
    "sql/event-time-multi-order": "rows of one time ordered by columns",
    "sql/aggregates": "a user-defined aggregate of two columns",
    "sql/docs-after-match-first-a": "a skip strategy that fails the job",
}


def step(verb, name, where=None, times=None, **more):
    out = {verb: name, **more}
    if where:
        out["where"] = where
    if times:
        out.update({"times": times, "consecutive": True})
    return out


def chain(*steps):
    """Steps as ("A", where, times), each right behind the one before."""
    return [step("begin" if index == 0 else "next", *words) for index, words in enumerate(steps)]


def named(*names):
    return chain(*((name.upper(), f"event.name == '{name}'") for name in names))


SUM_BELOW_30 = chain(("A", "sum(A.price) + event.price < 30", "1+"), ("C",))
SUM_FIELDS = {"sum": "sum(A.price)", "start": "first(A).row", "end": "C.row"}
DOWN = ("DOWN", "count(DOWN) == 0 || event.price < last(DOWN).price", "2+")
A_B_C = ("event.price > 10", "event.price < 15", "event.price > 12")

# The pattern and what the alert's fields are for the measures, in the order of the expected columns.
RULES = {
    "sql/simple": (named("a", "b", "c"), {"a": "A.id", "b": "B.id", "c": "C.id"}),
    "sql/nulls": (chain(("A", "event.name == 'a' && event.nullField == null"),
                        ("B", "event.name == 'b' && A.nullField == null"), ("C", "event.name == 'c'")),
                  {"aid": "A.id", "b_null": "B.nullField", "cid": "C.id", "a_null": "A.nullField"}),
    "sql/partition-two-keys": (chain(("A", "event.name == 'a' && event.key1.contains('key') && event.id > 0"),
                                     ("B", "event.name == 'b'"), ("C", "event.name == 'c' && A.name == 'a'")),
                               {"key1": "key.key1", "key2": "key.key2", "aid": "A.id", "akey1": "A.key1", "bid": "B.id",
                                "cid": "C.id", "ckey2": "C.key2"}),
    "sql/logical-offsets": (chain(DOWN, ("UP", "event.price < first(DOWN).price")),
                            {"start": "first(DOWN).tstamp", "bottom": "last(DOWN).tstamp", "end": "UP.tstamp",
                             "bottom_total": "first(DOWN).price + first(DOWN).tax + 1", "end_total": "UP.price + UP.tax"}),
    "sql/partition-event-time": (chain(("DOWN", "event.price == 13"), ("UP", "event.price == 20")),
                                 {"symbol": "key.symbol", "bottom": "DOWN.tax", "end": "UP.tax"}),
    "sql/star-variable-offsets": (chain(DOWN, ("UP", "event.price == first(DOWN).price && event.price > DOWN[3].price && "
                                                     "event.price == DOWN[count(DOWN) - 7].price")),
                                  {**{f"id{i}": f"DOWN[{i}].id" for i in range(7)}, "id7": "UP.id", "id8": "UP.id",
                                   **{f"id{i + 9}": f"DOWN[{6 - i}].id" for i in range(7)}}),
    "sql/offset-out-of-range": (chain(DOWN, ("UP", "event.price > last(DOWN).price")),
                                {"first": "first(DOWN).price", "last": "last(DOWN).price",
                                 "null_price": "count(DOWN) > 5 ? dyn(DOWN[5].price) : dyn(null)"}),
    "sql/aggregates-nulls": (chain(("A", "sum(A.price) + (has(event.price) ? event.price : 0) < 30", "1+"),
                                   ("C", "event.name == 'c'")),
                             {"sum_a": "sum(A.price)", "count_id": "count(A)",
                              "count_price": "size(A.filter(e, has(e.price)))", "count_all": "count(A) + 1",
                              "count_all_price": "size(A.filter(e, has(e.price))) + (has(C.price) ? 1 : 0)", "end": "C.id"}),
    "sql/user-function-aggregate": (chain(("A", "event.name == 'a' && 4 + sum(A.price) + event.price <= 8", "1+"), ("C",)),
                                    {"first": "first(A).id", "name": "'PREF:' + last(A).name", "count": "4 + sum(A.price)",
                                     "last": "C.id"}),
    "sql/time-constraint": (named("a", "b", "c"), {"a": "A.id", "b": "B.id", "c": "C.id"}),
    "sql/docs-after-match-past": (SUM_BELOW_30, SUM_FIELDS),
    "sql/docs-after-match-next": (SUM_BELOW_30, SUM_FIELDS),
    "sql/docs-after-match-last-a": (SUM_BELOW_30, SUM_FIELDS),
    "sql/docs-average": (chain(("A", "(sum(A.price) + event.price) / (count(A) + 1.0) < 15.0", "1+"), ("B",)),
                         {"start": "first(A).row", "end": "last(A).row", "avg": "avg(A.price)"}),
    "sql/docs-price-drop": (chain(("START_ROW",),
                                  ("DOWN", "count(DOWN) == 0 ? event.price < START_ROW.price : event.price < last(DOWN).price", "1+"),
                                  ("PRICE_UP", "event.price > last(DOWN).price")),
                            {"start": "START_ROW.row", "bottom": "last(DOWN).row", "end": "PRICE_UP.row"}),
    "sql/docs-greedy": (chain(("A", A_B_C[0]), ("B", A_B_C[1], "0+"), ("C", A_B_C[2])), {"last": "C.price"}),
    "sql/docs-reluctant": (chain(("A", A_B_C[0]), ("B", A_B_C[1], "0+"), ("C", A_B_C[2])), {"last": "C.price"}),
    "sql/docs-within": (chain(("A",), ("B", "event.price > A.price - 10", "0+"), ("C", "event.price < A.price - 10")),
                        {"minute": "C.minute", "drop": "A.price - C.price"}),
    "sql/docs-one-row": (chain(("A", "count(A) == 0 || event.price > last(A).price", "1+"), ("B", "event.price < last(A).price")),
                         {"start": "first(A).price", "top": "last(A).price", "end": "B.price"}),
}
SKIPS = {"SKIP PAST LAST ROW": "skip_past_last", "SKIP TO NEXT ROW": "skip_to_next",
         "DEFAULT (SKIP TO NEXT ROW)": "skip_to_next", "SKIP TO LAST A": {"skip_to_last": "A"},
         "SKIP TO LAST PRICE_UP": {"skip_to_last": "PRICE_UP"}}


def rule_of(case, rule_id):
    pattern, fields = RULES[case["id"]]
    rule = {"id": rule_id, "pattern": pattern, "after_match": SKIPS[case["after_match"]], "alert": {"fields": fields}}
    if case["partition_by"]:
        rule["key_by"] = [f"event.{column}" for column in case["partition_by"]]
    if "within_ms" in case:
        rule["within"] = f"{case['within_ms']}ms"
    defaults = {"emit": "in_start_order", "greedy": case["id"] != "sql/docs-reluctant"}
    return json.dumps({"version": 1, "defaults": defaults, "rules": [rule]})


def lines_of(case):
    """A line a row; a null is left out where an aggregate must skip it."""
    for number, row in enumerate(case["rows"], 1):
        event = dict(zip(case["columns"], row))
        if case["id"] == "sql/aggregates-nulls":
            event = {name: value for name, value in event.items() if value is not None}
        time = number
        if "ts_s" in event:
            time = event["ts_s"] * 1000
        elif "minute" in event:
            time = event["minute"] * 60000
        yield json.dumps({"ts": time, **event})


def rows_of(alerts):
    return [list(alert["fields"].values()) for alert in alerts]
