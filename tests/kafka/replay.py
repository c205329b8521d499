#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The state directory of an exactly-once job is lost: `--recover replay` makes the state anew, and the alerts are those of a run
that nobody disturbed.

    replay.py VERSION [TEST...]       EGRET is a build with kill points, KAFKA_TOOL the witness
"""
import collections
import copy
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Broker  # noqa: E402
from job import Job  # noqa: E402
from workload import HEAD, SILENT, Workload, compare  # noqa: E402

VERSION = None
broker = None
CONFIG = 78
REPLAY = ("--recover", "replay")

# What each of them remembers is bounded; `busy` and `pairs` reach as far back as they look, `silent` twice as far as its `within`.
BOUNDED = HEAD + SILENT + """\
  - id: pairs
    source: in
    key_by: user
    pattern:
      - begin: login
        match: { type: login }
      - followedBy: other
        match: { type: other }
    within: 8s
    after_match: no_skip
    alert: { message: "{{ key.user }}" }
  - id: busy
    source: in
    key_by: user
    match: { type: login }
    window: { sliding: 4s }
    aggregate: { n: count() }
    having: n >= 12
    fire: on_every
    alert: { message: "{{ n }}" }
"""
UNBOUNDED = BOUNDED + """\
  - id: ever
    source: in
    key_by: user
    pattern:
      - begin: nothing
        match: { type: nothing }
      - followedBy: more
        match: { type: nothing }
    alert: { message: "never" }
  - id: hundred
    source: in
    key_by: user
    match: { type: nothing }
    window: { count: 100, expires: 1d }
    aggregate: { n: count() }
    alert: { message: "never" }
"""
SOON_SILENT = HEAD + SILENT.replace("5s", "300ms")


def setUpModule():
    global broker
    broker = Broker(VERSION).__enter__()


def tearDownModule():
    broker.__exit__()


class Stamped(Workload):
    """The records are as old as their events, and the oracle knows two rules more."""

    @staticmethod
    def stamp(lines):
        return [(partition, key, headers, json.loads(value)["ts"], value)
                for partition, key, headers, _, value in lines]

    def chunk(self, count):
        return self.stamp(super().chunk(count))

    def end(self):
        return self.stamp(super().end())

    def expected(self):
        found = super().expected()
        found.pop(("tenth", "match"), None)
        for partition, events in self.logs.items():
            logins = collections.defaultdict(list)
            for offset, event in enumerate(events):
                mine = logins[event["user"]]
                if event["type"] == "login":
                    mine.append((event["ts"], (partition, offset)))
                if event["type"] == "other":
                    for time, place in mine:
                        if event["ts"] - time < 8000:
                            found["pairs", "match"].append((event["user"], (place, (partition, offset))))
                    mine.clear()
            self.count(found, partition, events)
        return found

    @staticmethod
    def count(found, partition, events):
        recent = collections.defaultdict(list)
        for event in events:
            if event["type"] != "login":
                continue
            mine = recent[event["user"]]
            mine.append(event["ts"])
            mine[:] = [time for time in mine if time > event["ts"] - 4000]
            if len(mine) >= 12:
                found["busy", "match"].append((event["user"], (len(mine), event["ts"] % 1000)))


def seen(rows):
    found = collections.defaultdict(list)
    for _, _, _, _, value in rows:
        alert = json.loads(value)
        events = sorted((event["offset"], event["partition"]) for step in alert["events"].values() for event in step)
        places = tuple((p, o) for o, p in events)
        if alert["rule"] == "busy":
            places = (int(alert["message"]), int(alert["time"][20:23]))
        found[alert["rule"], alert["output"]].append((alert["key"]["user"], places))
    return found


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="egret-job-")
        self.addCleanup(self.folder.cleanup)

    def job(self, name, seed=1, rules=BOUNDED, partitions=4, users=12, **more):
        job = Job(broker, os.path.join(self.folder.name, name), name, seed=seed, rules=rules, partitions=partitions,
                  **more)
        job.work = Stamped(seed, users=users, partitions=partitions)
        return job

    @staticmethod
    def lose(job):
        shutil.rmtree(os.path.join(job.folder, "state"))

    @staticmethod
    def all_read(job):
        found = job.committed()
        return all(found.get(p, (0, ""))[0] >= len(events) for p, events in job.work.logs.items())

    def read_all(self, job, *words):
        job.start(*words)
        job.wait_until(lambda: self.all_read(job))

    def assert_exact(self, job):
        job.settle()
        rows = broker.dump(f"{job.name}.out") + broker.dump(f"{job.name}.answered")
        ids = [row[3]["egret-id"] for row in rows]
        self.assertEqual(len(ids), len(set(ids)), [i for i in set(ids) if ids.count(i) > 1][:3])
        self.assertEqual(compare(job.work.expected(), seen(rows)), "")

    def replayed(self, job):
        """(records that were read again, records that were not written again)"""
        found = re.search(r"(\d+) records were read again, and (\d+) that had come of them were not written", job.errors)
        self.assertIsNotNone(found, job.errors)
        return int(found[1]), int(found[2])


class Replays(Case):
    def test_what_was_under_way_goes_on_as_if_nothing_had_been_lost(self):
        for partitions in (1, 4):
            job = self.job(f"lost{partitions}", seed=partitions, partitions=partitions)
            for words in ((), REPLAY, (*REPLAY, "--workers", "2", "--set", "state.limits.memory=16KB")):
                job.feed(3000)
                job.start(*words)
                before = job.committed()  # what the kill left open is decided by now
                job.wait_until(lambda: job.feed(100) or job.committed() != before)
                job.wait_until(lambda: job.feed(300) or job.committed() != before)
                self.assertEqual(job.kill_after(0), -signal.SIGKILL)
                self.lose(job)
            self.assertEqual(job.finish(*REPLAY), 0, job.errors)
            self.assertIn("is made anew from the records since 2026-01-01T00:0", job.errors)
            records, silent = self.replayed(job)
            self.assertGreater(silent, 0)
            self.assertLess(records, sum(len(events) for events in job.work.logs.values()) // 2)
            self.assert_exact(job)

    def test_a_replay_that_is_killed_begins_anew_with_the_same_line(self):
        job = self.job("killed")
        job.feed(4000)
        self.read_all(job)
        self.assertEqual(job.stop(), 0, job.errors)
        self.lose(job)
        for point in ("chosen:1", "replaying:1", "replaying:3", "replayed:1", "frozen:1", "prepared:1",
                      "kafka_offsets_sent:1"):
            before = job.committed()
            self.assertEqual(job.start(*REPLAY, EGRET_KILLPOINT=point).ended(), -signal.SIGKILL, job.errors)
            if point != "kafka_offsets_sent:1":  # who asks then waits until that is decided
                self.assertEqual(job.committed(), before, point)
            job.feed(200)
        self.assertEqual(job.start(*REPLAY, EGRET_KILLPOINT="kafka_committed:1").ended(), -signal.SIGKILL, job.errors)
        self.assertNotEqual(job.committed(), before)
        self.assertEqual(job.finish(*REPLAY), 0, job.errors)  # there is a state now: nothing is read again
        self.assertNotIn("were read again", job.errors)
        self.assertIn("goes on from checkpoint", job.errors)
        self.assert_exact(job)

    def test_a_replay_that_is_stopped_leaves_all_as_it_was(self):
        job = self.job("stopped")
        job.feed(20000)
        self.read_all(job)
        self.assertEqual(job.stop(), 0, job.errors)
        self.lose(job)
        before = job.committed()
        job.start(*REPLAY)
        job.wait_until(lambda: "is made anew" in job.said())
        self.assertEqual(job.stop(), 0, job.errors)
        if "were read again" not in job.errors:
            self.assertIn("stopped before all had been read again", job.errors)
            self.assertEqual(job.committed(), before)
        self.assertEqual(job.finish(*REPLAY), 0, job.errors)
        self.assert_exact(job)

    def test_what_silence_has_made_is_not_made_again(self):
        """The clock moved the watermark beyond the last record: the offsets' marker says how far.  A partition is empty."""
        job = self.job("silence", rules=SOON_SILENT, partitions=5, users=4)
        idle = ("--set", "sources.in.event_time.idle_timeout=100ms")
        job.feed(300)
        job.work.within_ms = 300
        later = copy.deepcopy(job.work)
        later.end()
        due = len(later.expected()["silent", "timeout"])
        job.start(*idle)
        job.wait_until(lambda: len(broker.dump("silence.out")) == due)
        self.assertEqual(job.kill_after(0), -signal.SIGKILL)
        before = broker.dump("silence.out")
        self.lose(job)
        self.assertEqual(job.finish(*REPLAY, *idle), 0, job.errors)
        self.replayed(job)
        self.assertEqual(broker.dump("silence.out"), before)
        self.assertEqual(len(before), due)

    def test_a_file_beside_kafka_keeps_what_it_holds(self):
        for word in ("replay", "offsets"):
            job = self.job("beside-" + word)
            with open(job.config, encoding="utf-8") as file:
                text = file.read()
            path = os.path.join(job.folder, "alerts.jsonl")
            text = text.replace("default_sinks: [out]", "  beside: { file: { path: " + path + " } }\n"
                                "default_sinks: [out, beside]")
            with open(job.config, "w", encoding="utf-8") as file:
                file.write(text)
            job.feed(2000)
            self.read_all(job)
            self.assertEqual(job.stop(), 0, job.errors)
            with open(path, encoding="utf-8") as file:
                before = file.read()
            self.assertGreater(len(before), 1000)
            self.lose(job)
            job.feed(500)
            self.assertEqual(job.finish("--recover", word), 0, job.errors)
            with open(path, encoding="utf-8") as file:
                after = file.read()
            self.assertEqual(after[:len(before)], before)
            self.assertGreater(len(after), len(before))
            if word == "replay":
                self.assert_exact(job)
                self.assertEqual({json.loads(line)["id"] for line in after.splitlines()},
                                 {row[3]["egret-id"] for row in broker.dump(f"{job.name}.out")})

    def test_a_partition_that_is_new_has_nothing_to_be_read_again(self):
        job = self.job("grown", source="new_partitions: read")
        job.feed(2000)
        self.read_all(job)
        self.assertEqual(job.stop(), 0, job.errors)
        self.lose(job)
        broker.tool("grow", "grown.in", 5)
        self.assertEqual(job.finish(*REPLAY, "--set", "sources.in.event_time.idle_timeout=5s"), 0, job.errors)
        self.replayed(job)
        self.assert_exact(job)

    def test_rejected_records_are_not_kept_twice(self):
        job = self.job("dead")
        job.feed(500)
        bad = Stamped.stamp([(p, None, None, None, json.dumps({"ts": job.work.now, "user": 1})) for p in range(4)])
        broker.produce("dead.in", [(p, k, h, t, value[:-1]) for p, k, h, t, value in bad])
        for p in range(4):
            job.work.logs[p].append({"ts": job.work.now, "type": "none", "user": "none"})
        self.read_all(job)
        self.assertEqual(job.stop(), 0, job.errors)
        self.assertEqual(len(broker.dump("dead.dead")), 4)
        self.lose(job)
        self.assertEqual(job.finish(*REPLAY), 0, job.errors)
        self.assertEqual(len(broker.dump("dead.dead")), 4)
        self.assert_exact(job)


class Refusals(Case):
    def stopped(self, name, **more):
        job = self.job(name, **more)
        job.feed(3000)
        self.read_all(job)
        self.assertEqual(job.stop(), 0, job.errors)
        return job

    def assert_refuses(self, job, message, *words):
        before = job.committed()
        self.assertEqual(job.start(*REPLAY, *words).ended(), CONFIG, job.errors)
        self.assertIn(message, job.errors)
        self.assertEqual(job.committed(), before)

    def test_rules_without_a_bound_are_named(self):
        job = self.stopped("unbounded", rules=UNBOUNDED)
        self.lose(job)
        says = "kafka/replay-unbounded: no number of records brings back what these rules remember: "
        self.assert_refuses(job, says + "`ever` (a pattern without `within`), `hundred` (it counts events, whenever they "
                            "came); name each with `--allow-restart RULE`")
        self.assert_refuses(job, says + "`hundred` (it counts events, whenever they came); ", "--allow-restart", "ever")
        self.assertEqual(job.finish(*REPLAY, "--allow-restart", "ever", "--allow-restart", "hundred"), 0, job.errors)
        self.assert_exact(job)

    def test_records_that_are_no_longer_there_are_told_with_the_rules_that_need_them(self):
        job = self.stopped("short")
        self.lose(job)
        last = {p: events[-1]["ts"] for p, events in job.work.logs.items()}
        kept = next(o for o, event in enumerate(job.work.logs[2]) if event["ts"] > min(last.values()) - 9000)
        broker.tool("delete-records", "short.in", 2, kept)
        self.assert_refuses(job, "kafka/replay-short: the topic does not keep its records long enough (short.in/2) for "
                            "what these rules remember: `silent` (10s); name each with `--allow-restart RULE`")
        self.assertEqual(job.finish(*REPLAY, "--allow-restart", "silent"), 0, job.errors)
        self.assert_exact(job)  # what was under way of it began later than that

    def test_records_that_were_deleted_unread_are_told_as_ever(self):
        job = self.stopped("unread")
        job.feed(300)
        self.lose(job)
        broker.tool("delete-records", "unread.in", 0, job.committed()[0][0] + 5)
        self.assert_refuses(job, "kafka/data-lost: unread.in/0 was read up to offset")

    def test_the_directory_of_another_job_stays_as_it_is(self):
        job = self.stopped("mine")
        other = self.stopped("theirs")
        self.lose(job)
        shutil.copytree(os.path.join(other.folder, "state"), os.path.join(job.folder, "state"))
        self.assertEqual(job.start(*REPLAY).ended(), CONFIG, job.errors)
        self.assertNotIn("is made anew", job.errors)

    def test_a_state_that_is_there_is_gone_on_from(self):
        job = self.stopped("there")
        self.assertEqual(job.finish(*REPLAY), 0, job.errors)
        self.assertIn("goes on from checkpoint", job.errors)
        self.assertNotIn("read again", job.errors)
        self.assert_exact(job)

    def test_an_older_copy_of_the_directory_is_no_state(self):
        job = self.stopped("older")
        state = os.path.join(job.folder, "state")
        shutil.copytree(state, state + ".copy")
        job.feed(500)
        self.read_all(job)
        self.assertEqual(job.stop(), 0, job.errors)
        self.lose(job)
        os.rename(state + ".copy", state)
        self.assertEqual(job.start().ended(), CONFIG, job.errors)
        self.assertIn("kafka/checkpoint-missing: ", job.errors)
        self.assertIn("`--recover replay` makes the state anew", job.errors)
        self.assertEqual(job.finish(*REPLAY), 0, job.errors)
        self.replayed(job)
        self.assert_exact(job)

    def test_jobs_that_have_nothing_to_replay_are_told(self):
        job = self.job("least", create=False, sink="delivery: at_least_once")
        self.assertEqual(job.start(*REPLAY).ended(), CONFIG, job.errors)
        self.assertIn("--recover replay is for jobs with a state directory and a sink that is `delivery: exactly_once`",
                      job.errors)


if __name__ == "__main__":
    VERSION = sys.argv.pop(1)
    unittest.main(verbosity=2)
