#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`--state`, `egret savepoint` and `egret state` as people call them.  EGRET is the program with kill points, so that a run can
be ended at a known place."""
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))
from crash import KILLED, Place  # noqa: E402
from program import egret, program  # noqa: E402

WORDS = ("run", "rules.yaml", "-i", "in.ndjson", "-o", "a.out", "--dead-letter", "a.dead", "--out-of-orderness", "250ms")


class State(unittest.TestCase):
    """One folder for all: a run that was killed after its second checkpoint."""

    @classmethod
    def setUpClass(cls):
        cls.place = Place(12000)
        cls.folder = cls.place.folder
        done = cls.place.run("a", EGRET_KILLPOINT="committed:2")
        assert done.returncode == KILLED, done.stderr
        cls.kept = os.path.join(cls.folder, "kept")
        os.makedirs(cls.kept)
        for name in ("a.state", "a.out", "a.dead"):
            cls.copy(name, cls.folder, cls.kept)

    @classmethod
    def tearDownClass(cls):
        cls.place.done()

    @staticmethod
    def copy(name, source, target):
        from_path, to_path = os.path.join(source, name), os.path.join(target, name)
        if os.path.isdir(from_path):
            shutil.rmtree(to_path, ignore_errors=True)
            shutil.copytree(from_path, to_path)
        else:
            shutil.copy(from_path, to_path)

    def setUp(self):
        for name in ("a.state", "a.out", "a.dead"):
            self.copy(name, self.kept, self.folder)

    def call(self, *words):
        return egret(*words, folder=self.folder)

    def go_on(self, *more, rules="rules.yaml", state="a.state"):
        return self.call("run", rules, *WORDS[2:], "--state", state, *more)

    def edited(self, old, new):
        with open(os.path.join(self.folder, "rules.yaml"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        with open(os.path.join(self.folder, "other.yaml"), "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))
        return "other.yaml"

    # ---- run --state ----

    def test_a_run_goes_on_and_says_from_where(self):
        done = self.go_on()
        self.assertEqual(done.code, 0, done.err)
        self.assertRegex(done.err, r"goes on from checkpoint 2 in a\.state, made 20\d\d-")
        self.assertEqual(self.place.outputs("a"), self.place.expected)

    def test_a_finished_run_says_so_and_does_nothing(self):
        self.go_on()
        before = self.place.outputs("a")
        done = self.go_on()
        self.assertEqual(done.code, 0)
        self.assertRegex(done.err, r"this run was finished with checkpoint \d+ in a\.state.*: nothing to do")
        self.assertEqual(self.place.outputs("a"), before)

    def test_other_words_are_another_job(self):
        done = self.call("run", "rules.yaml", "-i", "in.ndjson", "-o", "b.out", "--state", "a.state")
        self.assertEqual(done.code, 78)
        self.assertIn("belongs to another job", done.err)
        self.assertIn("writes a.out", done.err)
        self.assertIn("writes b.out", done.err)

    def test_what_cannot_be_read_or_written_again_is_refused(self):
        for words, what in ((("-o", "x.out"), "stdin cannot be read again"), (("-i", "in.ndjson"), "stdout cannot be taken back")):
            done = self.call("run", "rules.yaml", *words, "--state", "s")
            self.assertEqual(done.code, 2)
            self.assertIn(what, done.err)

    def test_what_goes_to_a_pipe_comes_again_with_the_same_ids(self):
        with open(os.path.join(self.folder, "pipe.yaml"), "w", encoding="utf-8") as file:
            file.write("version: 1\nrules: [rules.yaml]\nsources: { in: { file: { path: in.ndjson }, "
                       "event_time: { max_out_of_orderness: 250ms } } }\nsinks: { out: { stdout: {} } }\n"
                       "state: { dir: p.state, checkpoint: { every: 1ms } }\n")
        seen = []
        for point, code in (("committed:2", KILLED), ("frozen:2", KILLED), (None, 0)):
            more = {"EGRET_TUNED": "merge_after:3,in_step:1"}  # many checkpoints
            if point is not None:
                more["EGRET_KILLPOINT"] = point
            done = egret("run", "--config", "pipe.yaml", folder=self.folder, **more)
            self.assertEqual(done.code, code, done.err)
            self.assertIn("sink `out`: nothing can be taken back from stdout", done.err)
            seen.append([json.loads(line)["id"] for line in done.lines()])
        alone = egret("run", "--config", "pipe.yaml", "--set", "state.dir=alone.state", folder=self.folder)
        wanted = [json.loads(line)["id"] for line in alone.lines()]
        self.assertEqual(set(seen[0]) | set(seen[1]) | set(seen[2]), set(wanted))
        self.assertEqual(seen[2], wanted[-len(seen[2]):])
        self.assertGreater(sum(map(len, seen)), len(wanted))  # some came again

    def test_an_output_that_lost_something_is_refused(self):
        with open(os.path.join(self.folder, "a.out"), "r+b") as file:
            file.truncate(10)
        done = self.go_on()
        self.assertEqual(done.code, 74)
        self.assertRegex(done.err, r"`a\.out` has 10 bytes, but \d+ had been written to it")
        self.assertIn("Bring the file back", done.err)

    def test_an_input_that_is_another_is_refused(self):
        path = os.path.join(self.folder, "in.ndjson")
        with open(path, "rb") as file:
            kept = file.read()
        try:
            with open(path, "wb") as file:
                file.write(kept[100:])
            done = self.go_on()
        finally:
            with open(path, "wb") as file:
                file.write(kept)
        self.assertEqual(done.code, 74)
        self.assertIn("it is not the file that it was", done.err)
        self.assertIn("Bring the input back", done.err)

    def test_a_damaged_checkpoint_is_refused_with_what_to_do_which_works(self):
        path = os.path.join(self.folder, "a.state", "checkpoint-2")
        with open(path, "r+b") as file:
            file.seek(30)
            file.write(b"\xff")
        done = self.go_on()
        self.assertEqual(done.code, 74)
        self.assertIn("`a.state/checkpoint-2` is damaged at byte", done.err)
        self.assertIn("remove `a.state/checkpoint-2` to go on from", done.err)
        os.unlink(path)
        done = self.go_on()
        self.assertEqual(done.code, 0, done.err)
        self.assertIn("goes on from checkpoint 1", done.err)
        self.assertEqual(self.place.outputs("a"), self.place.expected)

    def test_a_changed_rule_is_said_before_it_starts(self):
        done = self.go_on(rules=self.edited("type: order", "type: orders"))
        self.assertEqual(done.code, 0, done.err)
        self.assertRegex(done.err, r"restart  silent +step `order` has changed: \d+ partial matches are dropped")
        self.assertRegex(done.err, r"keep     three-failures +same rule")

    def test_a_rule_that_may_not_restart_stops_the_run(self):
        rules = self.edited("type: order", "type: orders")
        done = self.go_on("--allow-restart", "busy", rules=rules)
        self.assertEqual(done.code, 78)
        self.assertIn("a rule would lose its partial matches", done.err)
        self.assertEqual(self.go_on("--allow-restart", "silent", rules=rules).code, 0)

    def test_a_run_that_fails_is_tried_again_and_loses_nothing(self):
        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (500000, 500000))

        words = [program(), *WORDS, "--state", "a.state"]
        for pair in ("strategy=exponential", "delay=1ms", "max_delay=4ms", "attempts=3"):
            words += ["--set", f"state.restart.{pair}"]
        done = subprocess.run(words, cwd=self.folder, capture_output=True, preexec_fn=small_files, check=False, timeout=60)
        error = done.stderr.decode()
        self.assertEqual(done.returncode, 74, error)
        self.assertEqual(error.count("goes on from the last checkpoint in "), 3, error)
        self.assertIn("attempt 3", error)
        self.assertIn("cannot write `a.out`", error)
        self.assertEqual(self.go_on().code, 0)
        self.assertEqual(self.place.outputs("a"), self.place.expected)

    # ---- savepoint ----

    def savepoint(self, *words):
        return self.call("savepoint", *words, "--dir", "a.state")

    def test_a_savepoint_is_made_listed_shown_and_deleted(self):
        done = self.savepoint("create", "--name", "before")
        self.assertEqual(done.code, 0, done.err)
        self.assertRegex(done.out, r"^savepoint sp-20\d{6}T\d{6}Z-before   [\d.]+ [kM]?B   \d+ entries   \d+\.\d s$")
        self.assertRegex(self.savepoint("list").out, r"^sp-20\d{6}T\d{6}Z-before +checkpoint 2 ")
        shown = self.savepoint("show", "before").out
        for part in ("checkpoint 2, mark ", "reads in.ndjson", "source     input: in.ndjson, goes on at ", "output     a.out: ",
                     "verified   every file"):
            self.assertIn(part, shown)
        self.assertEqual(self.savepoint("delete", "before").code, 0)
        self.assertIn("no savepoints", self.savepoint("list").out)
        self.assertEqual(self.savepoint("show", "before").code, 2)

    def test_a_savepoint_brings_the_state_back(self):
        self.savepoint("create", "--name", "before")
        self.assertEqual(self.go_on().code, 0)
        done = self.savepoint("restore", "before")
        self.assertEqual(done.code, 0, done.err)
        done = self.go_on()
        self.assertEqual(done.code, 0, done.err)
        self.assertIn("goes on from checkpoint", done.err)
        self.assertEqual(self.place.outputs("a"), self.place.expected)

    def test_a_savepoint_may_be_moved(self):
        self.savepoint("create", "--name", "before")
        folder = os.path.join(self.folder, "a.state", "savepoints")
        os.rename(os.path.join(folder, os.listdir(folder)[0]), os.path.join(self.folder, "elsewhere"))
        done = self.call("savepoint", "restore", "./elsewhere", "--dir", "new.state")
        self.assertEqual(done.code, 0, done.err)
        done = self.go_on(state="new.state")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(self.place.outputs("a"), self.place.expected)
        shutil.rmtree(os.path.join(self.folder, "new.state"))
        shutil.rmtree(os.path.join(self.folder, "elsewhere"))

    def test_check_tells_what_other_rules_would_do(self):
        self.savepoint("create", "--name", "before")
        self.assertEqual(self.savepoint("check", "before", "--rules", "rules.yaml").code, 0)
        rules = self.edited("type: order", "type: orders")
        done = self.savepoint("check", "before", "--rules", rules)
        self.assertEqual(done.code, 1)
        self.assertIn("1 rule restarts.  Accept with --allow-restart silent", done.out)
        self.assertEqual(self.savepoint("check", "before", "--rules", rules, "--allow-restart", "silent").code, 0)

    def test_a_damaged_savepoint_is_refused(self):
        self.savepoint("create", "--name", "before")
        folder = os.path.join(self.folder, "a.state", "savepoints")
        path = os.path.join(folder, os.listdir(folder)[0], "base-2")
        with open(path, "r+b") as file:
            file.seek(1000)
            file.write(b"\xff\x00\xff")
        for word in ("show", "restore", "check"):
            done = self.savepoint(word, "before")
            self.assertEqual(done.code, 74, word)
            self.assertIn("base-2` is damaged at byte", done.err)

    # ---- state ----

    def state(self, *words):
        return self.call("state", *words, "--dir", "a.state", "--rules", "rules.yaml")

    def exported(self, *words):
        done = self.state("export", *words)
        self.assertEqual(done.code, 0, done.err)
        return [json.loads(line) for line in done.out.splitlines()]

    def test_state_tells_what_is_remembered(self):
        rows = {line.split()[0]: line.split() for line in self.state("ls").out.splitlines()[1:]}
        slots = self.exported()
        for rule in ("three-failures", "silent", "busy"):
            mine = [slot for slot in slots if slot["rule"] == rule]
            self.assertGreater(len(mine), 10)
            self.assertEqual(int(rows[rule][1]), len(mine))
            self.assertEqual(int(rows[rule][2]), sum(slot["partials"] for slot in mine))
            saved = sum(slot["bytes"] for slot in mine)
            self.assertEqual(" ".join(rows[rule][3:5]), f"{saved} B" if saved < 1000 else f"{saved / 1000:.1f} kB")
            for slot in mine:
                self.assertEqual(sum(slot["steps"].values()), slot["partials"])
                self.assertGreater(slot["bytes"], 20 if rule == "silent" else 0)
        most = max(slot["partials"] for slot in slots)
        self.assertEqual(int(self.state("top").out.splitlines()[1].split()[0]), most)
        self.assertEqual(len(self.exported("silent")), int(rows["silent"][1]))

    def test_state_shows_one_key_and_drops_it_alone(self):
        before = self.exported()
        user = next(slot["key"]["user"] for slot in before if slot["rule"] == "silent")
        shown = self.state("show", "silent", "--key", f"user={user}").out
        self.assertIn(f'silent {{"user":"{user}"}}: ', shown)
        self.assertIn("(order ", shown)
        done = self.state("drop", "silent", "--key", f"user={user}")
        self.assertEqual(done.code, 0, done.err)
        self.assertRegex(done.out, r"^\d+ partial match(es)? of silent dropped; checkpoint 3 is the state without$")
        kept = [slot for slot in before if slot["rule"] != "silent" or slot["key"]["user"] != user]
        order = lambda slot: (slot["rule"], slot["key"]["user"])  # noqa: E731
        self.assertEqual(sorted(self.exported(), key=order), sorted(kept, key=order))
        self.assertEqual(self.state("show", "silent", "--key", f"user={user}").out, "nothing\n")
        done = self.go_on()
        self.assertEqual(done.code, 0, done.err)
        self.assertIn("goes on from checkpoint 3", done.err)

    def test_state_drops_a_rule_and_the_run_goes_on(self):
        self.assertEqual(self.state("drop", "silent").code, 0)
        self.assertEqual(self.exported("silent"), [])
        self.assertGreater(len(self.exported("busy")), 10)
        self.assertEqual(self.go_on().code, 0)

    def test_state_larger_than_memory_gives_the_same(self):
        """Also killed again and again; what is not in memory lies in the folder `work`."""
        small = ("--set", "state.limits.memory=60kB", "--set", "state.checkpoint.every=20ms", "--quiet")
        for points in ((), ("database_filled:1", "saved:3", "prepared:2", "committed:4", "database_filled:1", "restored:1")):
            for name in ("a.out", "a.dead"):
                os.unlink(os.path.join(self.folder, name))
            shutil.rmtree(os.path.join(self.folder, "a.state"))
            for point in points:
                os.environ["EGRET_KILLPOINT"] = point
                done = self.go_on(*small)
                del os.environ["EGRET_KILLPOINT"]
                self.assertIn(done.code, (0, KILLED), done.err)
            done = self.go_on(*small)
            self.assertEqual(done.code, 0, done.err)
            self.assertTrue(os.path.isdir(os.path.join(self.folder, "a.state", "work")))
            self.assertEqual(self.place.outputs("a"), self.place.expected)

    def check_steps(self, name, more, events, *words):
        """Ever the same, also killed again and again until that was in the middle; so many keys become silent at once that each of
        three workers takes two steps for them, `more` when they are told of."""
        keys, small = 14000, ("--set", "state.limits.memory=400kB", "--set", "state.checkpoint.every=1h")
        with open(os.path.join(self.folder, "far.yaml"), "w", encoding="utf-8") as file:
            file.write("version: 1\nrules:\n"
                       "  - { id: silent, key_by: k, within: 10m, pattern: [{ begin: a }, { notFollowedBy: b, where: x == 2 }] }\n"
                       "  - { id: pair, key_by: k, within: 2d, pattern: [{ begin: a }, { followedBy: b, where: x == 2 }] }\n")
        with open(os.path.join(self.folder, name + ".ndjson"), "w", encoding="utf-8") as file:
            for number in range(keys):
                file.write(f'{{"ts": {1760000000000 + number}, "k": "k{number}", "x": 1}}\r\n\n')
            for number in range(events):  # a day later; every third is no event
                file.write(f'{{"ts": {1760086400000 + number}, "k": "k{number * 7}", "x": {number % 3}{"" if number % 3 else "."}}}\n')
        words = ("run", "far.yaml", "-i", name + ".ndjson", "-o", name + ".out", *words)
        path = os.path.join(self.folder, name + ".out")

        def lines():
            with open(path, encoding="utf-8") as file:
                return file.readlines()

        done = self.call(*words)
        self.assertEqual(done.code, 0, done.err)
        expected, counts = lines(), done.err.splitlines()[-1]
        self.assertIn(f"read {keys + events}, late 0, rejected {events // 3}, ", counts)
        self.assertEqual(len(expected), keys + more)
        os.unlink(path)
        for workers, point in (("1", "committed:4"), ("3", "committed:1")):
            for kills in range(20):
                done = egret(*words, "--state", name + workers, "--workers", workers, *small, folder=self.folder, EGRET_KILLPOINT=point)
                self.assertEqual(done.code, KILLED, done.err)
                if 0 < len(lines()) < keys:
                    break
            else:
                self.fail("never killed in the middle")
            self.assertGreater(kills, 0)
            done = self.call(*words, "--state", name + workers, "--workers", workers, *small)
            self.assertEqual(done.code, 0, done.err)
            self.assertEqual(lines(), expected)
            self.assertEqual(done.err.splitlines()[-1], counts)
            os.unlink(path)

    def test_the_end_brings_back_no_more_than_memory_takes(self):
        """Checkpoints are made while all deadlines pass, and a run that is killed behind one goes on from there."""
        self.check_steps("end", 0, 0)

    def test_a_long_silence_brings_back_no_more_than_memory_takes(self):
        """The same between two events of one batch: a checkpoint there knows that only the first one has been read."""
        self.check_steps("gap", 200 + 400, 600)

    def test_so_does_one_behind_a_bound_of_disorder(self):
        self.check_steps("bound", 200 + 400, 600, "--out-of-orderness", "250ms")

    def test_the_rules_of_a_state_are_asked_for(self):
        for words in (("state", "ls"), ("savepoint", "check", "x")):
            self.savepoint("create", "--name", "x")
            done = self.call(*words, "--dir", "a.state")
            self.assertEqual(done.code, 2)
            self.assertIn("which rules does the state belong to?", done.err)
            self.assertIn("--rules PATH", done.err)
        one, other = self.edited("silent", "quiet"), "rules.yaml"
        done = self.call("state", "ls", "--dir", "a.state", "--rules", other, "--rules", one)
        self.assertEqual(done.code, 1)  # both were read: their rules have the same ids
        self.assertIn("E501", done.err)

    def test_wrong_calls_of_state(self):
        for words, part in ((("show",), "id of one rule"), (("show", "silnt"), "silent"), (("look",), "ls, show, top"),
                            (("ls", "--key", "bob"), "NAME=VALUE")):
            done = self.state(*words)
            self.assertEqual(done.code, 2, words)
            self.assertIn(part, done.err)

    def test_wrong_calls(self):
        for words, part in ((("create", "x"), "takes no further words"), (("show",), "name of one savepoint"),
                            (("make",), "create, list, show, check, restore or delete"), (("create", "--name", "a b"), "letters")):
            done = self.savepoint(*words)
            self.assertEqual(done.code, 2, words)
            self.assertIn(part, done.err)
        self.assertEqual(self.call("savepoint", "list").code, 2)
        self.assertEqual(self.call("savepoint", "create", "--dir", "none").code, 2)


if __name__ == "__main__":
    unittest.main()
