#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exactly once against a real broker: whatever kills the job, the alerts that a read-committed reader sees are those that
the oracle works out, none lost, none doubled, in order within a key.

    exactly_once.py VERSION [TEST...]       EGRET is a build with kill points, KAFKA_TOOL the witness
    EGRET_KAFKA_CYCLES=200                  kills of the random test
    EGRET_KAFKA_SEED=1
"""
import os
import signal
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Broker  # noqa: E402
from job import Job  # noqa: E402
import workload  # noqa: E402

CYCLES = int(os.environ.get("EGRET_KAFKA_CYCLES", "40"))
SEED = int(os.environ.get("EGRET_KAFKA_SEED", "1"))
VERSION = None
broker = None

# Each breaks one rule of the protocol; where it has to be killed for that to show.
MUTANTS = {
    "kafka_newest": ["prepared", "kafka_offsets_sent"],  # restores the newest checkpoint, not the committed one
    "kafka_no_hold": ["kafka_committed", "committed"],   # alerts of the next epoch go out with this one
    "kafka_places_late": ["kafka_committed", "committed"],  # the offsets of the commit, not those of the barrier
    "kafka_drop_held": ["committed"],                    # what was held back is forgotten
    "kafka_first_only": ["committed"],                   # offsets of one partition only
}


def setUpModule():
    global broker
    broker = Broker(VERSION).__enter__()


def tearDownModule():
    broker.__exit__()


class Kills(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="egret-job-")
        self.addCleanup(self.folder.cleanup)

    def job(self, name, **more):
        return Job(broker, os.path.join(self.folder.name, name), name, seed=SEED, **more)

    def assert_exact(self, job):
        code = job.finish()
        self.assertEqual(code, 0, job.errors)
        self.assertEqual(job.difference(), "")

    def points(self):
        """Every kill point that a run and a restart reach."""
        job = self.job("points")
        log = os.path.join(self.folder.name, "points.log")
        for _ in range(2):
            job.feed(3000)
            job.start(EGRET_KILLPOINT_LOG=log)
            job.wait_until(lambda: sum(offset for offset, _ in job.committed().values()) >=
                           sum(len(events) for events in job.work.logs.values()))
            self.assertEqual(job.stop(), 0, job.errors)
        self.assert_exact(job)
        with open(log, encoding="utf-8") as file:
            return sorted(set(file.read().split()))

    def test_every_kill_point(self):
        """T1, and T3 for those that lie on the way back."""
        points = self.points()
        for needed in ("kafka_after_init", "kafka_committed_read", "kafka_offsets_sent", "kafka_committed", "frozen",
                       "prepared", "committed", "restored"):
            self.assertIn(needed, points)
        job = self.job("each")
        reached = set()
        for hit in (1, 2, 3) if CYCLES >= 100 else (1,):
            for point in points:
                job.feed(400)
                code = job.start(EGRET_KILLPOINT=f"{point}:{hit}").kill_after(1.5)
                self.assertEqual(code, -signal.SIGKILL, f"{point}: {job.errors}")
                reached.add(point)
                if hit == 1:  # and again at a point of recovery, before anything else happens
                    job.start(EGRET_KILLPOINT="restored:1").kill_after(1.5)
        self.assert_exact(job)

    def test_a_job_that_never_got_to_its_first_commit(self):
        for point in ("prepared", "kafka_offsets_sent", "kafka_committed"):
            job = self.job("first-" + point.replace("_", "-"))
            job.feed(300)
            for _ in range(2):
                self.assertEqual(job.start(EGRET_KILLPOINT=f"{point}:1").ended(), -signal.SIGKILL, job.errors)
            self.assert_exact(job)

    def test_random_kills(self):
        """T2: any time, and sometimes at a point where it hurts."""
        job = self.job("random")
        points = ["frozen", "saved", "prepared", "kafka_offsets_sent", "kafka_committed", "committed"]
        for cycle in range(CYCLES):
            job.feed(job.random.choice((50, 300, 1500)))
            more = {}
            if cycle % 5 == 4:
                more = {"EGRET_KILLPOINT": f"{job.random.choice(points)}:{job.random.randrange(1, 4)}"}
            job.start(**more)
            code = job.kill_after(job.random.uniform(0.02, 0.8))
            self.assertEqual(code, -signal.SIGKILL, job.errors)
        self.assert_exact(job)

    def test_a_writer_that_is_replaced_after_each_commit(self):
        """As after one that took long."""
        job = self.job("replaced")
        for _ in range(2):
            before = job.committed()
            job.start(EGRET_TUNED="slow_commit_ms:0")
            job.feed(1000)
            job.wait_until(lambda before=before: job.committed() != before)
            job.feed(1000)
            job.kill_after(0.5)
        self.assert_exact(job)

    def test_an_alert_to_two_topics_is_in_both_once(self):
        both = "sink: [out, answered]"
        rules = workload.RULES.replace("sink: answered", both).replace(
            'message: "{{ key.user }}" }', 'message: "{{ key.user }}", ' + both + " }")
        self.assertEqual(rules.count(both), 3)
        job = self.job("both", rules=rules)
        for point in ("", "prepared:2", "kafka_offsets_sent:2", "", "kafka_committed:2", "committed:2"):
            job.feed(800)
            code = job.start(**({"EGRET_KILLPOINT": point} if point else {})).kill_after(0.7)
            self.assertEqual(code, -signal.SIGKILL, job.errors)
        self.assertEqual(job.finish(), 0, job.errors)
        job.settle()
        rows = {topic: broker.dump(f"both.{topic}") for topic in ("out", "answered")}
        for topic, found in rows.items():
            self.assertEqual(workload.compare(job.work.expected(), workload.seen_alerts(found)), "", topic)
        self.assertEqual(*({row[3]["egret-id"]: row[4] for row in found} for found in rows.values()))

    def test_a_reader_beside_it_sees_nothing_that_is_taken_back(self):
        job = self.job("beside")
        seen = {}
        for _ in range(6):
            job.feed(1000)
            job.start().kill_after(0.7)
            for row in broker.dump("beside.out"):
                self.assertEqual(seen.setdefault((row[0], row[1]), row), row)
        self.assert_exact(job)
        last = {(row[0], row[1]): row for row in broker.dump("beside.out")}
        for place, row in seen.items():
            self.assertEqual(last[place], row)

    def test_the_broker_is_killed_under_load(self):
        job = self.job("outage")
        job.start()
        for number in (signal.SIGKILL, signal.SIGTERM):
            before = job.committed()
            job.feed(2000)
            job.wait_until(lambda: job.committed() != before)
            job.feed(20000)  # it is in the middle of them
            broker.end(number)
            broker.start()  # which takes seconds
            self.assertIsNone(job.process.poll(), job.said())
        self.assertEqual(job.stop(), 0, job.errors)
        self.assert_exact(job)


class Mutants(unittest.TestCase):
    """A job that breaks the protocol on purpose must be noticed: by its alerts, or because it refuses to go on."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="egret-job-")
        self.addCleanup(self.folder.cleanup)

    def noticed(self, mutant):
        for attempt in range(4):
            name = f"{mutant}-{attempt}"
            job = Job(broker, os.path.join(self.folder.name, name), name, seed=SEED + attempt, every="1ms")
            for point in MUTANTS[mutant] * 2:
                job.feed(20000)
                code = job.start(EGRET_MUTANT=mutant, EGRET_KILLPOINT=f"{point}:2").kill_after(3.0)
                if code != -signal.SIGKILL:
                    return f"stopped: {job.errors[-300:]}"
            code = job.finish(EGRET_MUTANT=mutant)
            if code != 0:
                return f"stopped: {job.errors[-300:]}"
            different = job.difference()
            if different:
                return different
        return ""

    @unittest.skipIf(CYCLES < 100, "the long run has them")
    def test_each_is_noticed(self):
        for mutant in MUTANTS:
            with self.subTest(mutant):
                found = self.noticed(mutant)
                print(f"{mutant}: {found.splitlines()[0] if found else 'NOT NOTICED'}", flush=True)
                self.assertNotEqual(found, "")


if __name__ == "__main__":
    VERSION = sys.argv.pop(1)
    unittest.main(verbosity=2)
