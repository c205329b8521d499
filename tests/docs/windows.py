#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/windows.md, run as they stand there.

An example is a `yaml` block, the body of a rule or a whole list of rules, and the `text` block behind it:

    0s    user=ann ms=3           an event at that time, with its fields
    2m    user=ann x3             three of them, a millisecond apart
    alert 2m  ann did it          what comes out, in order: the record's time and message

A `yaml` block without a `text` block is a part of a rule of rules-examples.

    windows.py             test
    windows.py --mend      write what the program says into the page
"""
import glob
import json
import os
import re
import sys
import tempfile
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from program import ROOT, egret  # noqa: E402

PAGE = os.path.join(ROOT, "docs", "windows.md")
BLOCK = re.compile(r"```yaml\n(.*?)```\n(\n```text\n(.*?)```\n)?", re.S)
UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def milliseconds(text):
    return sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|s|m|h|d)", text))


def duration(ms):
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        if ms >= size:
            parts.append(f"{ms // size}{unit}")
            ms %= size
    return "".join(parts) or "0s"


def rules_of(body):
    body = textwrap.dedent(body)
    if body.startswith("- id:"):
        return "version: 1\nrules:\n" + textwrap.indent(body, "  ")
    return "version: 1\nrules:\n  - id: example\n" + textwrap.indent(body, "    ")


def value_of(text):
    return json.loads(text) if re.fullmatch(r"-?\d+(\.\d+)?|true|false", text) else text


def events_of(lines):
    for line in lines:
        time, *words = line.split()
        times = [int(word[1:]) for word in words if re.fullmatch(r"x\d+", word)]
        fields = dict(word.split("=", 1) for word in words if "=" in word)
        for index in range(times[0] if times else 1):
            yield json.dumps({"ts": milliseconds(time) + index, **{n: value_of(v) for n, v in fields.items()}})


def instant(text):
    days = (int(text[8:10]) - 1) + (0 if text.startswith("1970-01") else 31)
    return days * 86_400_000 + milliseconds(f"{text[11:13]}h{text[14:16]}m{text[17:19]}s{text[20:23]}ms")


def alerts_of(body, lines):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rules.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(rules_of(body))
        done = egret("run", "-q", path, stdin="\n".join(events_of(lines)) + "\n")
    if done.code != 0:
        return [f"{done.err}"]
    found = []
    for line in done.lines():
        alert = json.loads(line)
        told = f", {alert['suppressed']} left out" if "suppressed" in alert else ""
        found.append(f"alert {duration(instant(alert['time']))}  {alert['message']}{told}")
    return found


def main():
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    rules = []
    for path in glob.glob(os.path.join(ROOT, "rules-examples", "*", "rule.yaml")):
        with open(path, encoding="utf-8") as file:
            rules.append(file.read())
    bad, ran = [], 0

    def run(found):
        nonlocal ran
        body, behind, text = found.groups()
        if behind is None:
            if not any(body in rule for rule in rules):
                bad.append(f"neither an example nor a part of one:\n{body}")
            return found.group(0)
        ran += 1
        lines = [line for line in text.splitlines() if not line.startswith("alert")]
        lines = [line for line in lines if line.strip()]
        want = [line for line in text.splitlines() if line.startswith("alert")]
        got = alerts_of(body, lines)
        if want != got:
            bad.append(f"{body}\nthe page:\n" + "\n".join(want) + "\nthe program:\n" + "\n".join(got))
        return f"```yaml\n{body}```\n\n```text\n" + "\n".join(lines + got) + "\n```\n"

    mended = BLOCK.sub(run, page)
    if "--mend" in sys.argv[1:]:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(mended)
        return
    if ran < 3:
        bad.append(f"only {ran} examples")
    if bad:
        sys.exit("\n\n".join(bad))
    print(f"{ran} examples")


if __name__ == "__main__":
    main()
