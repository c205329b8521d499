#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/patterns.md, run as they stand there.

An example is a `yaml` block, the body of a rule, and the `text` block behind it:

    events    a1 x2 b3(v=5)      an event of type a at second 1, one of type b with the field v, ...
    match     a1 b3              the alerts in their order, the events of each in the order of time
    timeout   a1  at 11          with the record's time when it is not that of the last event
    nothing                      no alert
    (start) ...                  the drawing of `egret graph`, without conditions on the type

A step without a condition takes the events whose type is its name.

    patterns.py            test
    patterns.py --mend     write what the program says into the page
"""
import json
import os
import re
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from program import ROOT, egret  # noqa: E402

PAGE = os.path.join(ROOT, "docs", "patterns.md")
EXAMPLE = re.compile(r"```yaml\n(.*?)```\n\n```text\n(.*?)```\n", re.S)
STEP = re.compile(r"^(\s*)- (?:begin|next|followedBy|followedByAny|notNext|notFollowedBy): (\w+)\s*(#.*)?$")
EVENT = re.compile(r"([a-z]+)(\d+)(?:\(([^)]*)\))?$")
CONDITIONS = ("match:", "where:", "pattern:", "any_of:", "all_of:")


def with_types(body):
    """The body with `match: { type: NAME }` in each step that has no condition."""
    lines, out = body.splitlines(), []
    for index, line in enumerate(lines):
        out.append(line)
        step = STEP.match(line)
        if not step:
            continue
        indent = len(step.group(1)) + 2
        rest = []
        for other in lines[index + 1:]:
            if other.strip() and len(other) - len(other.lstrip()) < indent:
                break
            rest.append(other)
        if not any(other[indent:].startswith(CONDITIONS) for other in rest):
            out.append(" " * indent + f"match: {{ type: {step.group(2)} }}")
    return "\n".join(out) + "\n"


def rule_of(body):
    indented = "".join("    " + line + "\n" for line in with_types(body).splitlines())
    return "version: 1\nrules:\n  - id: example\n" + indented


def value_of(text):
    return json.loads(text) if re.fullmatch(r"-?\d+|true|false", text) else text


def events_of(line):
    out = []
    for word in line.split():
        kind, second, fields = EVENT.match(word).groups()
        event = {"ts": int(second) * 1000, "e": kind + second, "type": kind}
        for field in (fields or "").split(","):
            if field:
                name, value = field.split("=")
                event[name] = value_of(value)
        out.append(json.dumps(event))
    return "\n".join(out) + "\n"


def seconds_of(time):
    return int(time[11:13]) * 3600 + int(time[14:16]) * 60 + int(time[17:19])


def said(alert):
    taken = sorted((event["offset"], event["data"]) for events in alert["events"].values() for event in events)
    line = f"{alert['output']:<9} " + " ".join(data["e"] for _, data in taken)
    at = seconds_of(alert["time"])
    return line if at * 1000 == taken[-1][1]["ts"] else f"{line}  at {at}"


def drawing(folder):
    """Without the legend and the conditions that the examples leave out."""
    lines = egret("graph", "example", "rule.yaml", folder=folder).out.split("\n\n")[0].splitlines()
    return [re.sub(r"\s+event\.type == \"\w+\"( && |$)", lambda found: "   " if "&&" in found.group(1) else "", line).rstrip()
            for line in lines]


def run(body, text):
    """What the text block says after running the example, or the diagnostics."""
    events = next(line for line in text.splitlines() if line.startswith("events"))
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "rule.yaml"), "w", encoding="utf-8") as file:
            file.write(rule_of(body))
        ended = egret("run", "rule.yaml", "-q", stdin=events_of(events[6:]), folder=folder)
        if ended.code != 0:
            return ended.err
        alerts = [said(json.loads(line)) for line in ended.lines()]
        picture = drawing(folder) if "(start)" in text else []
    return "\n".join([events] + (alerts or ["nothing"]) + ([""] + picture if picture else [])) + "\n"


def main(mend):
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    wrong, count = 0, 0
    if page.count("```yaml") != len(EXAMPLE.findall(page)):
        print("docs/patterns.md: a yaml block without events behind it")
        return 1
    for example in EXAMPLE.finditer(page):
        body, text = example.groups()
        count += 1
        got = run(body, text)
        if got == text:
            continue
        line = page[:example.start()].count("\n") + 1
        wrong += 1
        if mend:
            page = page.replace(example.group(0), f"```yaml\n{body}```\n\n```text\n{got}```\n", 1)
        else:
            print(f"docs/patterns.md:{line}: the page says\n{text}the program says\n{got}")
    if mend:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(page)
    print(f"{count} examples, {wrong} {'mended' if mend else 'wrong'}")
    return 1 if (wrong and not mend) or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] == ["--mend"]))
