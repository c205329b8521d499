#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kafka to alerts, on one core, beside plain consumption of the same topic by the client library in the same run; and how long an
event takes to become an alert that a reader of committed transactions sees.  CPU is what the whole process used, the client
library's threads included, without what the same job uses for a topic that is empty: on a busy machine it is the steadier figure.

    bench/kafka/kafka.py [EVENTS]       EGRET and KAFKA_TOOL name release builds; a table on stdout
"""
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "kafka"))
from broker import Broker  # noqa: E402

EGRET = os.environ.get("EGRET", os.path.join(ROOT, "build", "release", "egret"))
TOOL = os.environ.get("KAFKA_TOOL", os.path.join(ROOT, "build", "release", "tests", "kafka_tool"))
ROUNDS = 3
PARTITIONS = (1, 4, 12)
RULES = """
version: 1
rules:
  - id: three-steps
    key_by: user
    pattern:
      - begin: first
        match: { type: failure }
      - followedBy: second
        match: { type: failure }
      - followedBy: third
        match: { type: success }
    within: 1m
"""
EVERY = """
version: 1
rules:
  - id: marked
    match: { type: marked }
"""
CONFIG = """
version: 1
rules: [{folder}/rules.yaml]
sources:
  in:
    kafka: {{ brokers: ["{address}"], topics: [{topic}], group: {name}, start: {start} }}
    event_time: {{ field: ts, format: unix_ms, idle_timeout: 1s, future_limit: 0s }}
sinks:
  out: {{ kafka: {{ brokers: ["{address}"], topic: alerts, delivery: {delivery} }} }}
{state}
"""


def write_events(path, count):
    dice = random.Random(1)
    now = 1767225600000
    with open(path, "w", encoding="utf-8") as file:
        for number in range(count):
            now += number % 10 == 0
            kind = dice.choices(("failure", "success", "view"), (1, 1, 8))[0]
            file.write(f'{{"ts":{now},"type":"{kind}","user":"u{dice.randrange(100000):06d}","ip":"10.1.{number % 250}.7",'
                       f'"amount":{number % 1000},"country":"de","agent":"Mozilla/5.0 (X11; Linux x86_64)",'
                       f'"session":"{dice.getrandbits(128):032x}"}}\n')


def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Bench:
    def __init__(self, broker, folder):
        self.broker, self.folder = broker, folder
        self.jobs = 0

    def config(self, topic, rules, every=None, delivery="exactly_once", start="earliest"):
        self.jobs += 1
        folder = os.path.join(self.folder, f"job{self.jobs}")
        os.makedirs(folder)
        with open(os.path.join(folder, "rules.yaml"), "w", encoding="utf-8") as file:
            file.write(rules)
        state = f"state: {{ dir: {folder}/state, checkpoint: {{ every: {every} }} }}" if every else ""
        path = os.path.join(folder, "egret.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(folder=folder, address=self.broker.address, topic=topic, name=f"job{self.jobs}",
                                     delivery=delivery, start=start, state=state))
        return path

    def plain(self, count, core, topic="big4"):
        """Seconds, and seconds of CPU."""
        del count
        words = ["taskset", "-c", core] if core else []
        done = subprocess.run([*words, TOOL, self.broker.address, "consume", topic], capture_output=True, text=True,
                              check=True)
        found = re.search(r"([\d.]+) s, ([\d.]+) s of cpu", done.stdout)
        return float(found.group(1)), float(found.group(2))

    def egret(self, count, core, topic="big4", **more):
        del count
        full, empty = self.run(topic, core, **more), self.run("empty" + topic[3:], core, **more)
        return full[0] - empty[0], full[1] - empty[1]

    def run(self, topic, core, **more):
        words = ["taskset", "-c", core] if core else []
        path = self.config(topic, RULES, **more)
        began, used = time.monotonic(), cpu_of_children()
        subprocess.run([*words, EGRET, "run", "--config", path, "--set", "sources.in.kafka.until=now"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
        return time.monotonic() - began, cpu_of_children() - used

    def latency(self, every, seconds=6, rate=2000):
        """Milliseconds from before the send to the receipt by a read-committed reader: p50, p99."""
        path = self.config("live", EVERY, every=every, start="latest")
        job = subprocess.Popen([EGRET, "run", "--config", path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        reader = subprocess.Popen([TOOL, self.broker.address, "follow", "alerts"], stdout=subprocess.PIPE, text=True)
        writer = subprocess.Popen([TOOL, self.broker.address, "produce", "live", "linger.ms=0"], stdin=subprocess.PIPE,
                                  text=True)
        found = []

        def read():
            for line in reader.stdout:
                at, value = line.split("\t", 1)
                if '"rule":"marked"' in value:
                    found.append(int(at) - json.loads(value)["events"]["event"][0]["data"]["ts"])

        thread = threading.Thread(target=read)
        thread.start()
        time.sleep(2)
        end = time.monotonic() + seconds
        number = 0
        while time.monotonic() < end:
            for _ in range(rate // 100):
                number += 1
                kind = "marked" if number % 20 == 0 else "other"
                writer.stdin.write(f'-\tk{number % 97}\t-\t-\t{{"ts":{time.time_ns() // 1000000},"type":"{kind}"}}\n')
            writer.stdin.flush()
            time.sleep(0.01)
        time.sleep(3)
        job.terminate()  # a transaction that is left open would hold back the next reader
        job.wait()
        for process in (reader, writer):
            process.kill()
            process.wait()
        thread.join()
        found = sorted(found[len(found) // 5:])  # the first second warms up
        return found[len(found) // 2], found[len(found) * 99 // 100], len(found)


def measure(runs, count):
    """{name: (events a second, nanoseconds of CPU an event)}: medians of rounds in which each has its turn."""
    results = {}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            seconds, cpu = run()
            results.setdefault(name, []).append((count / seconds, cpu / count * 1e9))
    return {name: tuple(statistics.median(column) for column in zip(*rows)) for name, rows in results.items()}


def show_jobs(bench, count):
    jobs = [("plain consumption", bench.plain, {})]
    for label, more in (("no state, at least once", {"delivery": "at_least_once"}),
                        ("exactly once, commit 1s", {"every": "1s"}),
                        ("exactly once, commit 100ms", {"every": "100ms"})):
        jobs.append((label, bench.egret, more))
    found = measure({(label, core): lambda run=run, core=core, more=more: run(count, core, **more)
                     for label, run, more in jobs for core in ("0", "")}, count)
    print("| job | one core, events/s | of plain | ns of CPU | of plain | all cores, events/s | of plain |")
    print("|---|---|---|---|---|---|---|")
    for label, _, _ in jobs:
        cells = []
        for core in ("0", ""):
            rate, cpu = found[label, core]
            plain_rate, plain_cpu = found[jobs[0][0], core]
            cells += [f"{rate:,.0f}", f"{rate / plain_rate:.0%}"]
            if core:
                cells += [f"{cpu:.0f}", f"{plain_cpu / cpu:.0%}"]
        print(f"| {label} | {' | '.join(cells)} |", flush=True)


def show_partitions(bench, count):
    found = measure({(job.__name__, partitions): lambda job=job, topic=f"big{partitions}", more=more:
                     job(count, "0", topic=topic, **more)
                     for partitions in PARTITIONS
                     for job, more in ((bench.plain, {}), (bench.egret, {"delivery": "at_least_once"}))}, count)
    print("\n| partitions | plain, one core, events/s | ns of CPU | at least once, events/s | ns of CPU |")
    print("|---|---|---|---|---|")
    for partitions in PARTITIONS:
        plain, egret = found["plain", partitions], found["egret", partitions]
        print(f"| {partitions} | {plain[0]:,.0f} | {plain[1]:.0f} | {egret[0]:,.0f} | {egret[1]:.0f} |", flush=True)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000000
    os.environ.setdefault("EGRET_KAFKA_JAVA_OPTIONS", "")
    os.environ.setdefault("EGRET_KAFKA_HEAP", "1g")
    with tempfile.TemporaryDirectory() as folder, Broker("3.9.1", TOOL) as broker:
        bench = Bench(broker, folder)
        for topic, partitions in (("live", 4), ("alerts", 2)):
            broker.create(topic, partitions)
        events = os.path.join(folder, "events.ndjson")
        write_events(events, count)
        for partitions in PARTITIONS:
            broker.create(f"big{partitions}", partitions)
            broker.create(f"empty{partitions}", partitions)
            broker.tool("bulk", f"big{partitions}", events, "user", "linger.ms=20", "batch.num.messages=10000",
                        "compression.type=lz4")
        print(f"load {os.getloadavg()[0]:.1f}, {count:,} events, median of {ROUNDS}\n")
        show_jobs(bench, count)
        show_partitions(bench, count)
        print("\n| commit | latency p50 | p99 | alerts |\n|---|---|---|---|")
        for every in ("100ms", "1s"):
            half, most, seen = bench.latency(every)
            print(f"| {every} | {half} ms | {most} ms | {seen} |", flush=True)


if __name__ == "__main__":
    main()
