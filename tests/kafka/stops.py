#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What ends a job that reads and writes Kafka, with its words and exit code; bad records; zombies.

    stops.py VERSION [TEST...]       EGRET is the program, KAFKA_TOOL the witness
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Broker  # noqa: E402
from job import Job  # noqa: E402
from workload import START_MS, seen_alerts  # noqa: E402

VERSION = None
broker = None
UNAVAILABLE, FENCED, CONFIG, TEMPORARY = 69, 76, 78, 75


def setUpModule():
    global broker
    broker = Broker(VERSION).__enter__()


def tearDownModule():
    broker.__exit__()


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="egret-job-")
        self.addCleanup(self.folder.cleanup)

    def job(self, name, **more):
        return Job(broker, os.path.join(self.folder.name, name), name, **more)

    def stopped(self, name, **more):
        """A job that has read something and was stopped in order."""
        job = self.job(name, **more)
        job.feed(500)
        job.start()
        job.wait_until(lambda: self.all_read(job))
        self.assertEqual(job.stop(), 0, job.errors)
        return job

    @staticmethod
    def all_read(job):
        found = job.committed()
        return all(found.get(p, (0, ""))[0] >= len(events) for p, events in job.work.logs.items())

    def assert_stops(self, job, word, *texts, code=CONFIG):
        self.assertEqual(job.start().ended(), code, job.errors)
        self.assertIn(f"kafka/{word}: ", job.errors)
        for text in texts:
            self.assertIn(text, job.errors)

    def assert_goes_on(self, job, *words):
        job.feed(300)
        code = job.finish(*words)
        self.assertEqual(code, 0, job.errors)

    def assert_exact(self, job):
        self.assertEqual(job.difference(), "")


class Stops(Case):
    def test_a_checkpoint_that_is_missing(self):
        job = self.stopped("missing")
        shutil.rmtree(os.path.join(job.folder, "state"))
        self.assert_stops(job, "checkpoint-missing", "bring the state directory back", "--recover offsets")
        self.assert_goes_on(job, "--recover", "offsets")

    def test_a_copy_of_the_directory_that_is_older(self):
        job = self.stopped("older")
        state = os.path.join(job.folder, "state")
        shutil.copytree(state, state + ".copy")
        job.feed(500)
        job.start()
        job.wait_until(lambda: self.all_read(job))
        self.assertEqual(job.stop(), 0, job.errors)
        os.rename(state, state + ".new")
        os.rename(state + ".copy", state)
        self.assert_stops(job, "checkpoint-missing")
        shutil.rmtree(state)
        os.rename(state + ".new", state)
        self.assert_goes_on(job)
        self.assert_exact(job)

    def test_offsets_that_are_gone(self):
        job = self.stopped("gone")
        broker.tool("delete-group", "gone")
        self.assert_stops(job, "offsets-gone", "the state directory has checkpoint",
                          "they expired, the group was deleted")
        self.assert_goes_on(job, "--recover", "checkpoint")
        self.assert_exact(job)

    def test_offsets_that_somebody_set(self):
        job = self.stopped("foreign")
        broker.tool("commit", "foreign", "foreign.in", 1, 3, "by hand")
        self.assert_stops(job, "offsets-foreign", "offset 3 of foreign.in/1 was not committed by Egret")
        self.assert_goes_on(job, "--recover", "checkpoint")
        self.assert_exact(job)

    def test_offsets_that_were_moved_under_a_marker(self):
        job = self.stopped("moved")
        offset, marker = job.committed()[1]
        broker.tool("commit", "moved", "moved.in", 1, offset - 1, marker)
        self.assert_stops(job, "offsets-differ", f"offset {offset - 1} is committed for moved.in/1")

    def test_markers_that_differ(self):
        job = self.stopped("mixed")
        offset, marker = job.committed()[2]
        broker.tool("commit", "mixed", "mixed.in", 2, offset, marker.replace(";ck=", ";ck=9"))
        self.assert_stops(job, "offsets-mixed")

    def test_offsets_of_another_directory(self):
        job = self.stopped("other")
        offset, marker = job.committed()[0]
        job_of = marker.split(";")[1]
        for partition, (offset, marker) in job.committed().items():
            broker.tool("commit", "other", "other.in", partition, offset, marker.replace(job_of, "job=00000000"))
        self.assert_stops(job, "other-job", "the committed offsets are of job 00000000")

    def test_records_that_were_deleted_unread(self):
        job = self.stopped("lost")
        job.feed(400)
        read = job.committed()[0][0]
        broker.tool("delete-records", "lost.in", 0, read + 10)
        self.assert_stops(job, "data-lost", "10 records are gone unread")
        self.assert_goes_on(job, "--recover", "checkpoint")

    def test_a_topic_that_was_made_anew(self):
        job = self.stopped("anew")
        broker.tool("delete-topic", "anew.in")
        broker.create("anew.in", 4)
        limit = time.monotonic() + 30
        while job.committed() and time.monotonic() < limit:  # each question is a conversation with the broker
            pass
        self.assert_stops(job, "offsets-gone")  # they went with the topic
        self.assertEqual(job.start("--recover", "checkpoint").ended(), CONFIG, job.errors)
        self.assertIn("kafka/data-other: anew.in/0 was read up to offset", job.errors)
        self.assertIn("and ends at 0 now", job.errors)

    def test_a_partition_that_is_new(self):
        job = self.stopped("new")
        broker.tool("grow", "new.in", 5)
        self.assert_stops(job, "partition-new", "new.in/4")
        job.write_config(source="new_partitions: read")
        self.assert_goes_on(job)
        self.assert_exact(job)

    def test_a_group_that_has_members(self):
        job = self.job("busy")
        member = subprocess.Popen(["kcat", "-b", broker.address, "-G", "busy", "-q", "busy.in"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        try:
            limit = time.monotonic() + 20
            while time.monotonic() < limit:
                if job.start().kill_after(2) == CONFIG:
                    break
            self.assertIn("kafka/group-busy: the group `busy` has 1 members", job.errors)
        finally:
            member.kill()
            member.wait()

    def test_a_topic_that_is_missing(self):
        job = self.job("nothing", create=False)
        self.assert_stops(job, "topic-missing", "`nothing.in`")
        broker.create("nothing.in", 1)
        self.assert_stops(job, "topic-missing", "nothing.out")

    def test_brokers_that_do_not_answer(self):
        job = self.job("nobody", create=False)
        with open(job.config, encoding="utf-8") as file:
            text = file.read()
        with open(job.config, "w", encoding="utf-8") as file:
            file.write(text.replace(broker.address, "127.0.0.1:1"))
        self.assert_stops(job, "unreachable", code=UNAVAILABLE)

    def test_options_that_the_guarantees_stand_on(self):
        for option, says in (("isolation.level", "what was not committed is never read"),
                             ("enable.auto.commit", "offsets are committed with what was made")):
            job = self.job("option-" + option, create=False, source=f"options: {{ {option}: x }}")
            self.assertEqual(job.start().ended(), CONFIG, job.errors)
            self.assertIn(f"option `{option}` cannot be set: {says}", job.errors)

    def test_exactly_once_without_anything_that_could_decide(self):
        job = self.job("stateless", create=False, state="")
        self.assertEqual(job.start().ended(), CONFIG, job.errors)
        self.assertIn("state.dir", job.errors)

    def edit(self, job, old, new):
        with open(job.config, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        with open(job.config, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))

    def test_two_clusters_in_one_transaction(self):
        with Broker(VERSION) as other:
            for name, part in (("clusters1", "topics"), ("clusters2", "topic: clusters2.dead")):
                job = self.job(name, create=False)
                self.edit(job, f'brokers: ["{broker.address}"], {part}', f'brokers: ["{other.address}"], {part}')
                self.assertEqual(job.start().ended(), CONFIG, job.errors)
                self.assertIn("sink `out`: exactly_once cannot span two clusters", job.errors)
                self.assertIn("`in`" if part == "topics" else "`dead_letter`", job.errors)

    def test_one_cluster_by_two_names(self):
        job = self.job("names")
        port = broker.address.rpartition(":")[2]
        self.edit(job, f'brokers: ["{broker.address}"], topics', f'brokers: ["localhost:{port}"], topics')
        self.assert_goes_on(job)
        self.assert_exact(job)


class Idle(Case):
    """Committed offsets expire unless they are committed again: here an hour is 100 ms."""

    def test_offsets_are_committed_again_though_nothing_comes(self):
        for name, more in (("idle", {}), ("idle-least", {"sink": "delivery: at_least_once", "state": ""})):
            job = self.job(name, **more)
            job.feed(300)
            job.start("--set", "sources.in.event_time.idle_timeout=100ms", EGRET_TUNED="idle_ms:100")
            job.wait_until(lambda: self.all_read(job))
            before = self.commits()
            job.wait_until(lambda: self.commits() >= before + 3)
            self.assertTrue(self.all_read(job))
            self.assertEqual(job.stop(), 0, job.errors)

    def test_what_time_alone_has_made_is_committed(self):
        """The clock goes on without records: an alert of a deadline does not wait for the next one."""
        job = self.job("alone", partitions=1)
        pings = [(0, "u1", None, None, json.dumps({"ts": START_MS + n, "type": kind, "user": "u1"}))
                 for n, kind in enumerate(("ping", "other"))]
        broker.produce("alone.in", pings)
        job.start("--set", "sources.in.event_time.idle_timeout=100ms")
        job.wait_until(lambda: broker.dump("alone.out"))
        self.assertEqual(job.stop(), 0, job.errors)
        self.assertEqual(len(broker.dump("alone.out")), 1)

    @staticmethod
    def commits():
        """Each commit is a record of the topic where Kafka keeps them."""
        return int(broker.tool("ends", "__consumer_offsets"))


class Restarts(Case):
    def test_what_the_operator_chose_is_for_the_first_attempt_only(self):
        """From then on this very process has made checkpoints and committed them."""
        job = self.stopped("chosen", sink="options: { message.max.bytes: 2000 }")
        job.start("--recover", "offsets", "--set", "state.restart.strategy=fixed", "--set", "state.restart.delay=1ms",
                  "--set", "state.restart.attempts=1")
        job.feed(300)
        job.wait_until(lambda: self.all_read(job))
        broker.produce("chosen.in", [(0, None, None, None, "x" * 3000)])  # its dead letter is too large to be written
        self.assertEqual(job.ended(), 74, job.errors)
        self.assertEqual(job.errors.count("Message size too large"), 2, job.errors)
        self.assertIn("goes on from checkpoint ", job.errors.partition(", attempt 1\n")[2], job.errors)


class Zombies(Case):
    def test_the_same_directory_twice(self):
        job = self.job("twice")
        job.start()
        job.wait_until(lambda: job.committed())
        second = self.job("twice", create=False)
        self.assertEqual(second.start().ended(), TEMPORARY, second.errors)
        self.assertEqual(job.stop(), 0, job.errors)

    def test_a_twin_with_a_copy_of_the_directory_fences_the_first(self):
        job = self.stopped("twin", every="300ms")
        twin_folder = os.path.join(self.folder.name, "copy")
        shutil.copytree(job.folder, twin_folder)
        job.start()
        before = job.committed()
        job.feed(2000)
        job.wait_until(lambda: job.committed() != before)
        twin = Job(broker, twin_folder, "twin", create=False, every="300ms")
        twin.start()
        twin_ended = None
        job.feed(2000)
        try:
            code = job.ended(20)
        finally:
            twin_ended = twin.kill_after(1)
        # Whoever came second goes on only if its copy is still what is committed; either way nobody works on in silence.
        self.assertEqual(code, FENCED, job.errors)
        self.assertIn("kafka/fenced: ", job.errors)
        self.assertIn("or a transaction took longer than transaction.timeout.ms", job.errors)
        self.assertIn(twin_ended, (-signal.SIGKILL, CONFIG), twin.errors)

    def test_a_job_that_slept_longer_than_its_transaction(self):
        job = self.job("slept", every="1s", sink="options: { transaction.timeout.ms: 3000 }")
        job.feed(1000)
        job.start()
        job.wait_until(lambda: self.all_read(job))
        job.wait_until(lambda: job.feed(300) or broker.undecided("slept.out") > 0)
        job.process.send_signal(signal.SIGSTOP)
        broker.tool("decided", "slept.out")  # it is committed, or the broker has given up waiting for it
        job.feed(1000)
        job.process.send_signal(signal.SIGCONT)
        try:
            code = job.process.wait(timeout=5)
            self.assertEqual(code, FENCED, job.said())
        except subprocess.TimeoutExpired:
            self.assertEqual(job.stop(), 0, job.errors)  # it slept between two transactions
        self.assert_goes_on(job)
        self.assert_exact(job)


SINGLE = """
version: 1
rules:
  - id: single
    source: in
    key_by: user
    match: { type: login }
    alert: { message: "{{ key.user }}" }
  - id: other
    source: in
    key_by: user
    match: { type: nothing }
    alert: { message: "never", sink: answered }
"""


class AtLeastOnce(Case):
    def logins(self, job):
        return {(p, o) for p, events in job.work.logs.items() for o, e in enumerate(events) if e["type"] == "login"}

    def seen(self, job):
        found = [json.loads(row[4])["events"]["event"][0] for row in broker.dump(f"{job.name}.out")]
        return [(event["partition"], event["offset"]) for event in found]

    def check(self, job):
        for _ in range(2):
            job.feed(3000)
            before = job.committed()
            job.start()
            job.wait_until(lambda: len(self.seen(job)) > 0 and (job.feed(200) or job.committed() != before))
            self.assertEqual(job.kill_after(0), -signal.SIGKILL)
        self.assertEqual(job.finish(), 0, job.errors)
        self.assertEqual(set(self.seen(job)), self.logins(job))

    def test_without_any_state_the_group_remembers(self):
        job = self.job("group", sink="delivery: at_least_once", state="", rules=SINGLE)
        with open(job.config, encoding="utf-8") as file:
            text = file.read().replace("start: earliest", "start: committed")
        with open(job.config, "w", encoding="utf-8") as file:
            file.write(text)
        self.check(job)
        again = len(self.seen(job))
        self.assertLess(again, 2 * len(self.logins(job)))
        self.assertTrue(self.all_read(job), job.committed())
        self.assertEqual(job.run_through(), 0, job.errors)  # nothing is left: nothing comes again
        self.assertEqual(len(self.seen(job)), again)

    def test_with_checkpoints_patterns_survive_too(self):
        job = self.job("least", sink="delivery: at_least_once")
        for number in range(4):
            job.feed(2000)
            job.start()
            self.assertEqual(job.kill_after(0.3 + 0.1 * number), -signal.SIGKILL)
        self.assertEqual(job.finish(), 0, job.errors)
        rows = broker.dump("least.out") + broker.dump("least.answered")
        unique = list({row[3]["egret-id"]: row for row in rows}.values())
        wanted = {(kind, alert) for kind, alerts in job.work.expected().items() for alert in alerts}
        got = {(kind, alert) for kind, alerts in seen_alerts(unique).items() for alert in alerts}
        self.assertEqual(got, wanted)


class BadRecords(Case):
    def test_what_is_no_event_goes_to_the_dead_letters_and_stops_nothing(self):
        job = self.job("bad")
        good = {"ts": 1767225600000, "type": "login", "user": "u1"}
        bad = [("not json", "hello"), ("truncated", '{"ts":1767225600000,"type":"lo'),
               ("deep", '{"ts":1,"a":' + "[" * 100000 + "]" * 100000 + "}"),
               ("twice", '{"ts":1767225600000,"type":"a","type":"b"}'), ("nan", '{"ts":NaN}'),
               ("huge", '{"ts":1e999}'), ("no time", '{"type":"login"}'), ("time is text", '{"ts":"yesterday"}'),
               ("empty", ""), ("a list", "[1,2]"), ("null", "null"), ("negative", '{"ts":-99999999999999999}'),
               ("far", '{"ts":99999999999999999}')]
        job.broker.produce("bad.in", [(0, "k", None, None, text) for _, text in bad] + [(0, "k", None, None, None)])
        broker.tool("produce", "bad.in", "compression.type=zstd", "transactional.id=bad",
                    stdin=b"!begin\n0\t-\t-\t-\t{\"ts\":1767225600000,\"user\":\"\xff\xfe\"}\n!commit\n"
                          b"!begin\n0\t-\t-\t-\taborted\n!abort\n")
        ten = [(0, "u1", None, None, json.dumps({**good, "n": n})) for n in range(10)]
        job.broker.produce("bad.in", ten, "compression.type=gzip")
        job.broker.produce("bad.in", [(0, None, None, None, json.dumps({"ts": good["ts"], "type": "login", "user": user}))
                                      for user in (None, [], {})])
        self.assertEqual(job.run_through(), 0, job.errors)
        dead = [json.loads(row[4]) for row in broker.dump("bad.dead")]
        self.assertEqual({d["source"] for d in dead}, {"in"})
        by_offset = {d["offset"]: d["reason"] for d in dead}
        self.assertEqual(len(by_offset), len(dead))
        for offset, (what, _) in enumerate(bad):
            self.assertIn(offset, by_offset, what)
        self.assertEqual(by_offset[len(bad)], "no_value")
        self.assertEqual(by_offset[len(bad) + 1], "bad_utf8")
        self.assertEqual([reason for reason in by_offset.values()].count("missing_key"), 3)
        self.assertEqual(len(dead), len(bad) + 5)
        rows = broker.dump("bad.out")
        self.assertEqual([json.loads(row[4])["rule"] for row in rows], ["tenth"])
        self.assertEqual(self.start_again(job), 0, job.errors)
        self.assertEqual(len(broker.dump("bad.dead")), len(dead))

    @staticmethod
    def start_again(job):
        return job.run_through()

    def test_a_plain_console_consumer_reads_the_alerts(self):
        job = self.job("console")
        job.feed(2000)
        self.assertEqual(job.finish(), 0, job.errors)
        done = subprocess.run(["kcat", "-b", broker.address, "-C", "-t", "console.out", "-e", "-q", "-f",
                               "%k %h %s\\n"], capture_output=True, text=True, check=True, timeout=60)
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), len(broker.dump("console.out")))
        self.assertIn("egret-rule=tenth", done.stdout)
        self.assertIn("egret-detected=", done.stdout)


if __name__ == "__main__":
    VERSION = sys.argv.pop(1)
    unittest.main(verbosity=2)
