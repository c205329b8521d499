# SPDX-License-Identifier: Apache-2.0
"""One job from topic to topics, that is started, killed and started again until its input is through."""
import os
import random
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import workload  # noqa: E402

CONFIG = """
version: 1
rules: [{folder}/rules.yaml]
sources:
  in:
    kafka: {{ brokers: ["{address}"], topics: [{name}.in], group: {name}, start: earliest, {source} }}
    event_time: {{ field: ts, format: unix_ms, idle_timeout: 0s, future_limit: 0s }}
sinks:
  out: {{ kafka: {{ brokers: ["{address}"], topic: {name}.out, {sink} }} }}
  answered: {{ kafka: {{ brokers: ["{address}"], topic: {name}.answered, {sink} }} }}
default_sinks: [out]
dead_letter: {{ kafka: {{ brokers: ["{address}"], topic: {name}.dead, {sink} }} }}
{state}
"""
STATE = "state: {{ dir: {folder}/state, checkpoint: {{ every: {every} }} }}"


class Job:
    def __init__(self, broker, folder, name, seed=1, partitions=4, every="50ms", source="", sink="", state=STATE,
                 create=True, rules=workload.RULES):
        self.broker, self.folder, self.name = broker, folder, name
        self.work = workload.Workload(seed, partitions=partitions)
        self.random = random.Random(seed)
        self.process = None
        self.errors = ""
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "rules.yaml"), "w", encoding="utf-8") as file:
            file.write(rules)
        self.config = os.path.join(folder, "job.yaml")
        self.write_config(every, source, sink, state)
        if create:
            broker.create(f"{name}.in", partitions, "retention.ms=-1")  # the events are as old as the tests want them
            for topic in ("out", "answered", "dead"):
                broker.create(f"{name}.{topic}", 2, "retention.ms=-1")

    def write_config(self, every="50ms", source="", sink="", state=STATE, address=None):
        text = CONFIG.format(folder=self.folder, address=address or self.broker.address, name=self.name, source=source,
                             sink=sink, state=state.format(folder=self.folder, every=every))
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(text)

    # ---- input ----

    def feed(self, count):
        self.broker.produce(f"{self.name}.in", self.work.chunk(count), "linger.ms=0")

    def feed_end(self):
        self.broker.produce(f"{self.name}.in", self.work.end(), "linger.ms=0")

    # ---- the process ----

    def start(self, *words, **variables):
        self.process = subprocess.Popen([os.environ["EGRET"], "run", "--config", self.config, "--set",
                                         "log.stats_every=20ms", *words],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        env={**os.environ, **variables}, cwd=self.folder, text=True, errors="replace")
        self.lines = []
        self.told = threading.Condition()
        self.teller = threading.Thread(target=self.listen, args=(self.process.stderr, self.lines), daemon=True)
        self.teller.start()
        return self

    def listen(self, stderr, lines):
        """Every 20 ms the job says how it is doing: that is when there may be something new to look at."""
        with stderr:
            for line in stderr:
                with self.told:
                    lines.append(line)
                    self.told.notify_all()
        with self.told:
            lines.append(None)  # it has ended
            self.told.notify_all()

    def ended(self, limit_s=60):
        """Exit code; negative for a signal."""
        try:
            code = self.process.wait(timeout=limit_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"it did not end:\n{self.said()}") from None
        self.said()
        return code

    def said(self):
        if self.process.poll() is not None:
            self.teller.join()
        with self.told:
            self.errors = "".join(line for line in self.lines if line is not None and not line.startswith("egret: stats "))
        return self.errors

    def kill_after(self, seconds):
        """SIGKILL, unless it ends by itself before."""
        try:
            self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
        return self.ended()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def finish(self, *words, **variables):
        """Feeds the end and runs through; the exit code."""
        self.feed_end()
        return self.run_through(*words, **variables)

    def run_through(self, *words, **variables):
        return self.start("--set", "sources.in.kafka.until=now", *words, **variables).ended(120)

    def wait_until(self, condition, limit_s=30):
        limit = time.monotonic() + limit_s
        while not condition():
            with self.told:
                seen = len(self.lines)
                ended = bool(self.lines) and self.lines[-1] is None
                if ended or not self.told.wait_for(lambda: len(self.lines) > seen, limit - time.monotonic()):
                    raise AssertionError(f"it did not come to that: {self.process.poll()}\n" +
                                         "".join(line or "" for line in self.lines[-20:]))

    # ---- output ----

    def alerts(self, *settings):
        rows = self.broker.dump(f"{self.name}.out", *settings) + self.broker.dump(f"{self.name}.answered", *settings)
        ids = [row[3].get("egret-id") for row in rows]
        if len(set(ids)) != len(ids):
            return {("doubled", "ids"): [("?", tuple(sorted(i for i in set(ids) if ids.count(i) > 1)[:3]))]}
        return workload.seen_alerts(rows)

    def settle(self):
        """The broker answers a commit before it has marked the topics; readers have the last alerts only then."""
        for topic in ("out", "answered"):
            self.broker.tool("decided", f"{self.name}.{topic}")

    def difference(self):
        self.settle()
        return workload.compare(self.work.expected(), self.alerts())

    def committed(self):
        return self.broker.offsets(self.name, f"{self.name}.in")
