#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/kafka.md has every message that ends a job, with the cure that the message itself names, and no other."""
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def one_line(text):
    return " ".join(text.split()).lower()


def stops():
    text = re.sub(r"/\*.*?\*/", "", read("runtime", "io", "kafka_stops.def"), flags=re.S)
    for match in re.finditer(r'STOP\(\w+,\s*"([^"]+)",\s*((?:"[^"]*"\s*)+)\)', text):
        yield match.group(1), "".join(re.findall(r'"([^"]*)"', match.group(2)))


def main():
    page = read("docs", "kafka.md")
    sections = dict(re.findall(r"^### ([\w-]+)\n(.*?)(?=^### |\Z)", page, flags=re.S | re.M))
    wrong = []
    words = []
    for word, cure in stops():
        words.append(word)
        if word not in sections:
            wrong.append(f"no section `{word}`")
        elif one_line(cure) not in one_line(sections[word]):
            wrong.append(f"`{word}` does not say: {cure}")
    wrong += [f"`{word}` is no message" for word in sections if word not in words]
    if len(words) < 10:
        wrong.append(f"only {len(words)} messages found in the table")
    print("\n".join(wrong) or f"{len(words)} messages, all with their cure")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
