#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The program as people and scripts call it: exit codes, what goes to stdout and what to stderr, bad calls, bad rules, bad
events, limits, signals.

    cli.py Run Check ...     only these groups
"""
import gzip
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from program import EXAMPLES, egret, environment, program  # noqa: E402

LOGIN_RULE = """
version: 1
rules:
  - id: two-failures
    key_by: user
    pattern:
      - begin: first
        match: { type: failure }
      - followedBy: second
        match: { type: failure }
    within: 1m
    alert: { message: "{{ key.user }} failed twice" }
"""


def event(second, **fields):
    return json.dumps({"ts": f"2026-01-01T00:{second // 60:02d}:{second % 60:02d}Z", **fields}) + "\n"


def failures(*seconds, user="eva"):
    return "".join(event(second, type="failure", user=user) for second in seconds)


class Folder(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name
        self.write("rule.yaml", LOGIN_RULE)

    def tearDown(self):
        self.temporary.cleanup()

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return file.read()

    def egret(self, *words, stdin="", **more):
        return egret(*words, stdin=stdin, folder=self.folder, **more)

    def counts(self, ended):
        """The last line of the summary: what was read, late, rejected and matched."""
        last = ended.err.strip().splitlines()[-1]
        found = re.search(r"read (\d+), late (\d+), rejected (\d+), matched (\d+)$", last)
        self.assertIsNotNone(found, ended.err)
        return tuple(map(int, found.groups()))


class Call(Folder):
    """The command line itself."""

    def test_the_help_of_run_names_every_limit(self):
        page = self.egret("run", "--help").out
        for name in ("partials_per_key", "events_per_partial", "matches_per_event", "held_matches", "keys",
                     "captured_bytes", "memory", "on_limit"):
            self.assertRegex(page, rf"\n  state\.limits\.{name} +\w")

    def test_a_wrong_call_ends_with_2_and_says_why_on_stderr(self):
        cases = [
            ([], "Usage"),
            (["rnu"], "did you mean `run`?"),
            (["dance"], "unknown command `dance`"),
            (["run"], "which rules?"),
            (["run", "rule.yaml", "--watermark"], "did you mean"),
            (["run", "rule.yaml", "--keep-opne"], "did you mean `--keep-open`?"),
            (["run", "rule.yaml", "--keep-open=yes"], "takes no value"),
            (["run", "rule.yaml", "-i"], "--input needs a value"),
            (["run", "rule.yaml", "-z"], "unknown option `-z`"),
            (["run", "rule.yaml", "--format", "jsno"], "did you mean `json`?"),
            (["run", "rule.yaml", "--out-of-orderness", "5"], "not a duration"),
            (["run", "rule.yaml", "--out-of-orderness", "5s", "--watermark-when", "true"], "has no meaning with"),
            (["run", "rule.yaml", "--time", ":rfc3339"], "the name of a field is missing"),
            (["run", "rule.yaml", "--time", "ts:sundial"], "`sundial` is not a format"),
            (["run", "rule.yaml", "--set", "state.limits.keys"], "KEY=VALUE"),
            (["run", "rule.yaml", "--set", "state.limits.kesy=1"], "did you mean `keys`?"),
            (["run", "rule.yaml", "--set", "state.limits.keys=many"], "takes a whole number"),
            (["run", "rule.yaml", "--state", "dir"], "stdin cannot be read again"),
            (["run", "rule.yaml", "--dead-letter", "-"], "stdout is for alerts"),
            (["run", "rule.yaml", "-o", "x", "--dead-letter", "x"], "same file"),
            (["run", "rule.yaml", "-i", "rule.yaml", "-o", "rule.yaml"], "also read"),
            (["run", "nowhere.yaml"], "nowhere.yaml"),
            (["run", "rule.yaml", "-i", "nowhere.ndjson"], "nowhere.ndjson"),
            (["run", "-"], "cannot both come from stdin"),
            (["version", "x"], "one argument too many"),
            (["check", "nowhere"], "nowhere"),
            (["check"], "rules: No such file or directory; rules are looked for there when none are named"),
            (["test"], "looked for there"),
            (["graph", "two-failures"], "looked for there"),
            (["test", "rule.yaml", "--run", "("], "--run"),
            (["explain"], "something is missing"),
            (["explain", "E999"], "no diagnostic E999"),
            (["explain", "two-failure", "rule.yaml"], "did you mean `two-failures`?"),
        ]
        for words, message in cases:
            with self.subTest(words=words):
                ended = self.egret(*words)
                self.assertEqual(ended.code, 2, ended.err)
                self.assertEqual(ended.out, "")
                self.assertIn(message, ended.err)

    def test_help_and_version_go_to_stdout_and_end_with_0(self):
        for words in (["--help"], ["help"], ["help", "run"], ["run", "--help"], ["test", "-h"], ["--version"], ["-V"],
                      ["version"], ["version", "--format", "json"]):
            with self.subTest(words=words):
                ended = self.egret(*words)
                self.assertEqual((ended.code, ended.err), (0, ""))
                self.assertNotEqual(ended.out, "")
        self.assertEqual(json.loads(self.egret("version", "--format", "json").out)["version"],
                         self.egret("version").out.split()[1])

    def test_every_command_has_a_page_that_names_its_options(self):
        overview = self.egret("help").out
        commands = re.findall(r"^  ([a-z]+) +[a-z]", overview, re.M)
        self.assertIn("run", commands)
        for command in set(commands) - {"egret"}:
            with self.subTest(command=command):
                page = self.egret("help", command).out
                self.assertIn(f"egret {command}", page)
                self.assertIn("--help", page)

    def test_colours_follow_the_option_then_the_environment(self):
        self.write("bad.yaml", LOGIN_RULE.replace("begin", "bgin"))
        cases = [([], {}, False), (["--color", "always"], {}, True), ([], {"CLICOLOR_FORCE": "1"}, True),
                 ([], {"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False),
                 (["--color=always"], {"NO_COLOR": "1"}, True), (["--color", "never"], {"CLICOLOR_FORCE": "1"}, False)]
        for words, variables, colored in cases:
            with self.subTest(words=words, variables=variables):
                ended = self.egret("check", "bad.yaml", *words, **variables)
                self.assertEqual("\033[" in ended.out, colored)


class Run(Folder):
    """egret run."""

    def test_alerts_go_to_stdout_and_all_else_to_stderr(self):
        ended = self.egret("run", "rule.yaml", stdin=failures(0, 5))
        self.assertEqual(ended.code, 0, ended.err)
        self.assertEqual(len(ended.lines()), 1)
        alert = json.loads(ended.out)
        self.assertEqual((alert["rule"], alert["message"]), ("two-failures", "eva failed twice"))
        self.assertEqual(self.counts(ended), (2, 0, 0, 1))

    def test_the_first_keys_of_an_alert_are_in_the_documented_order(self):
        alert = json.loads(self.egret("run", "rule.yaml", stdin=failures(0, 5)).out)
        self.assertEqual(list(alert), ["v", "id", "rule", "revision", "output", "severity", "message", "key", "time",
                                       "first_time", "fields", "tags", "events"])

    def test_quiet_leaves_stderr_empty(self):
        ended = self.egret("run", "rule.yaml", "-q", stdin=failures(0, 5) + "broken\n")
        self.assertEqual((ended.code, ended.err, len(ended.lines())), (0, "", 1))

    def test_text_format_is_a_line_for_people_and_shows_control_characters(self):
        ended = self.egret("run", "rule.yaml", "--format", "text", stdin=failures(0, 5, user="e\033[31m\nva"))
        self.assertEqual(ended.out, "2026-01-01 00:00:05  MEDIUM    two-failures  e\\u{1b}[31m\\nva failed twice\n")

    def test_input_comes_from_files_folders_and_gzip_as_one_stream(self):
        self.write("in/a.ndjson", failures(0))
        self.write("in/b.ndjson.gz", gzip.compress(failures(5).encode()))
        self.write("c.ndjson", failures(70, 75))
        ended = self.egret("run", "rule.yaml", "-i", "in", "-i", "c.ndjson")
        self.assertEqual(self.counts(ended), (4, 0, 0, 2))
        events = json.loads(ended.lines()[0])["events"]
        self.assertEqual([events[step][0]["partition"] for step in ("first", "second")], [0, 1])

    def test_output_goes_to_a_file(self):
        ended = self.egret("run", "rule.yaml", "-o", "alerts.ndjson", stdin=failures(0, 5))
        self.assertEqual((ended.code, ended.out), (0, ""))
        self.assertEqual(json.loads(self.read("alerts.ndjson"))["rule"], "two-failures")

    def test_a_folder_of_rules_leaves_tests_configuration_and_hidden_files_alone(self):
        self.write("rules/deep/a.yaml", LOGIN_RULE)
        self.write("rules/b.yml", LOGIN_RULE.replace("two-failures", "other"))
        for name in ("rules/egret.yaml", "rules/.hidden.yaml", "rules/notes.txt"):
            self.write(name, "not: [valid")
        ended = self.egret("run", "rules/", stdin=failures(0, 5))
        self.assertEqual([json.loads(line)["rule"] for line in ended.lines()], ["other", "two-failures"])

    def test_rules_that_are_not_valid_end_with_78(self):
        self.write("bad.yaml", LOGIN_RULE.replace("begin", "bgin"))
        ended = self.egret("run", "bad.yaml", stdin=failures(0, 5))
        self.assertEqual((ended.code, ended.out), (78, ""))
        self.assertIn("E110", ended.err)

    def test_a_watermark_condition_that_is_not_valid_ends_with_78(self):
        ended = self.egret("run", "rule.yaml", "--watermark-when", "type ==", stdin="")
        self.assertEqual(ended.code, 78)
        self.assertIn("--watermark-when", ended.err)

    def test_bad_records_are_counted_kept_with_their_reason_and_never_stop_the_run(self):
        deep = '{"ts":1,"a":' + "[" * 10000 + "]" * 10000 + "}"
        bad = [
            ("bad_json", b'{"ts":1,'),
            ("bad_json", b"hello"),
            ("not_an_object", b"[1,2]"),
            ("bad_utf8", b'{"ts":1,"user":"\xff\xfe"}'),
            ("too_deep", deep.encode()),
            ("too_large", b'{"ts":1,"a":"' + b"x" * (10 << 20) + b'"}'),
            ("duplicate_field", b'{"ts":1,"user":"a","user":"b"}'),
            ("missing_event_time", b'{"type":"failure","user":"eva"}'),
            ("missing_event_time", b'{"ts":null,"user":"eva"}'),
            ("bad_event_time", b'{"ts":"yesterday"}'),
            ("bad_event_time", b'{"ts":{"year":2026}}'),
            ("event_time_out_of_range", b'{"ts":999999999999999999}'),
        ]
        stdin = failures(0).encode() + b"\n\n" + b"\n".join(record for _, record in bad) + b"\n" + failures(5).encode()
        ended = self.egret("run", "rule.yaml", "--dead-letter", "dead.ndjson", stdin=stdin)
        self.assertEqual(ended.code, 0, ended.err)
        self.assertEqual(self.counts(ended), (len(bad) + 2, 0, len(bad), 1))
        self.assertIn("bad_json 2", ended.err)
        self.assertIn("missing_event_time 2", ended.err)
        letters = [json.loads(line) for line in self.read("dead.ndjson").splitlines()]
        self.assertEqual([letter["reason"] for letter in letters], [reason for reason, _ in bad])
        for letter, (_, record) in zip(letters, bad):
            self.assertEqual(letter["bytes"], len(record))
            self.assertEqual(letter["source"], "input")
            self.assertEqual(stdin[letter["offset"]:letter["offset"] + 4], record[:4])
            self.assertLessEqual(len(letter.get("raw", "")), 64 << 10)
            self.assertIn("raw_base64" if letter["reason"] == "bad_utf8" else "raw", letter)
            if "event_time" in letter["reason"]:
                self.assertEqual(letter["detail"], "expected an integer of Unix milliseconds or an RFC 3339 string")

    def test_an_event_that_a_rule_wants_but_that_has_no_key_is_kept_once_and_still_an_event(self):
        keyless = ['{"ts":1,"type":"failure"}', '{"ts":2,"type":"failure","user":null}',
                   '{"ts":3,"type":"failure","user":["eva"]}', '{"ts":4,"type":"failure","user":{"name":"eva"}}']
        unwanted = '{"ts":5,"type":"view"}'
        self.write("twice.yaml", self.read("rule.yaml").replace("id: ", "id: second-"))
        stdin = "\n".join(keyless + [unwanted]) + "\n"
        ended = self.egret("run", "rule.yaml", "twice.yaml", "--dead-letter", "dead.ndjson", stdin=stdin)
        self.assertEqual(self.counts(ended), (len(keyless) + 1, 0, 0, 0))
        self.assertIn(f"no key {2 * len(keyless)}", ended.err)
        letters = [json.loads(line) for line in self.read("dead.ndjson").splitlines()]
        self.assertEqual([(letter["reason"], letter["raw"]) for letter in letters],
                         [("missing_key", record) for record in keyless])

    def test_an_event_time_that_no_event_has_is_followed_by_advice(self):
        advice = "--time FIELD[:FORMAT]"
        self.assertIn(advice, self.egret("run", "rule.yaml", "--time", "when", stdin=failures(0, 5)).err)
        self.assertIn(advice, self.egret("run", "rule.yaml", "--time", "ts:unix_s", stdin=failures(0, 5)).err)
        self.assertNotIn(advice, self.egret("run", "rule.yaml", stdin=failures(0, 5) + '{"user":"eva"}\n').err)
        self.assertNotIn(advice, self.egret("run", "rule.yaml", stdin="").err)

    def test_dead_letters_are_in_the_order_of_the_records_however_the_input_is_cut(self):
        lines = ['{"ts":1,"type":"failure"}', "broken", '{"ts":2,"type":"failure"}', '{"ts":"x"}',
                 '{"ts":3,"type":"failure","user":null}']
        self.egret("run", "rule.yaml", "--dead-letter", "dead.ndjson", stdin="\n".join(lines) + "\n")
        letters = [json.loads(line) for line in self.read("dead.ndjson").splitlines()]
        self.assertEqual([letter["raw"] for letter in letters], lines)

    def test_the_last_line_needs_no_line_end_and_windows_lines_are_fine(self):
        ended = self.egret("run", "rule.yaml", stdin=failures(0, 5).strip())
        self.assertEqual(self.counts(ended), (2, 0, 0, 1))
        ended = self.egret("run", "rule.yaml", stdin=failures(0, 5).replace("\n", "\r\n"))
        self.assertEqual(self.counts(ended), (2, 0, 0, 1))

    def test_nothing_at_all_is_no_failure(self):
        ended = self.egret("run", "rule.yaml", stdin="")
        self.assertEqual((ended.code, ended.out), (0, ""))
        self.assertEqual(self.counts(ended), (0, 0, 0, 0))

    def test_events_out_of_order_are_late_without_a_bound_and_sorted_with_one(self):
        stdin = failures(10) + failures(20) + failures(15)
        self.assertEqual(self.counts(self.egret("run", "rule.yaml", stdin=stdin)), (3, 1, 0, 1))
        ended = self.egret("run", "rule.yaml", "--out-of-orderness", "10s", stdin=stdin)
        self.assertEqual(self.counts(ended), (3, 0, 0, 1))
        self.assertEqual(json.loads(ended.out)["time"], "2026-01-01T00:00:15.000Z")

    def test_the_time_field_and_its_format_can_be_named(self):
        cases = [
            ("when:unix_s", "when", (1767225600, 1767225605)),
            ("when:unix_ms", "when", (1767225600000, 1767225605000)),
            ("when", "when", (1767225600000, 1767225605000)),
            ("when:unix_us", "when", (1767225600000000, 1767225605000000)),
            ("when:unix_ns", "when", (1767225600000000000, 1767225605000000000)),
            ("when:%d/%b/%Y:%H:%M:%S %z", "when", ("01/Jan/2026:01:00:00 +0100", "01/Jan/2026:01:00:05 +0100")),
        ]
        for option, field, times in cases:
            with self.subTest(option=option):
                stdin = "".join(json.dumps({field: when, "type": "failure", "user": "eva"}) + "\n" for when in times)
                ended = self.egret("run", "rule.yaml", "--time", option, stdin=stdin)
                self.assertEqual(json.loads(ended.out)["time"], "2026-01-01T00:00:05.000Z", ended.err)
        stdin = "".join(json.dumps({"meta": {"at": f"2026-01-01T00:00:0{i}Z"}, "type": "failure", "user": "eva"}) + "\n"
                        for i in (0, 5))
        ended = self.egret("run", "rule.yaml", "--time", "meta.at", stdin=stdin)
        self.assertEqual(json.loads(ended.out)["first_time"], "2026-01-01T00:00:00.000Z")

    def test_only_the_named_events_move_the_watermark(self):
        stdin = failures(10) + event(9, type="tick") + failures(5) + event(30, type="tick") + failures(20)
        ended = self.egret("run", "rule.yaml", "--watermark-when", "type == 'tick'", stdin=stdin)
        self.assertEqual(self.counts(ended), (5, 2, 0, 0))

    def test_errors_of_the_watermark_condition_are_counted(self):
        stdin = failures(0) + event(1, type="tick", n=1) + event(2, type="tick", n="x")
        ended = self.egret("run", "rule.yaml", "--watermark-when", "event.n * 2 > 1", stdin=stdin)
        self.assertEqual(ended.code, 0, ended.err)
        self.assertIn("--watermark-when: ended in an error for 2 events", ended.err)
        ended = self.egret("run", "rule.yaml", "--watermark-when", "event.type == 'tick'", stdin=stdin)
        self.assertNotIn("ended in an error", ended.err)

    def test_keep_open_leaves_what_the_watermark_has_not_passed(self):
        rule = os.path.join(EXAMPLES, "missing-heartbeat", "rule.yaml")
        stdin = event(0, type="heartbeat", host="a", seq=1)
        self.assertEqual(len(self.egret("run", rule, stdin=stdin).lines()), 1)
        self.assertEqual(len(self.egret("run", rule, "--keep-open", stdin=stdin).lines()), 0)
        ended = self.egret("run", "rule.yaml", "--keep-open", "--out-of-orderness", "1m", stdin=failures(0, 5))
        self.assertEqual(ended.out, "")
        self.assertIn("held 2", ended.err)

    def test_parameters_of_the_rules_can_be_set(self):
        rule = os.path.join(EXAMPLES, "impossible-travel", "rule.yaml")
        events = os.path.join(EXAMPLES, "impossible-travel", "events.jsonl")
        usual = len(self.egret("run", rule, "-i", events).lines())
        none = self.egret("run", rule, "-i", events, "--set", "params.min_km=30000.0")
        self.assertGreater(usual, 0)
        self.assertEqual((none.code, none.out), (0, ""), none.err)

    def test_a_limit_drops_by_policy_counts_and_says_so(self):
        rule = LOGIN_RULE.replace("key_by: user", "key_by: user\n    after_match: no_skip") \
                         .replace("match: { type: failure }\n    within", "match: { type: success }\n    within")
        self.write("rule.yaml", rule)
        stdin = failures(*range(10)) + event(20, type="success", user="eva")
        ended = self.egret("run", "rule.yaml", stdin=stdin)
        self.assertEqual(len(ended.lines()), 10)
        self.assertNotIn("dropped", ended.err)
        ended = self.egret("run", "rule.yaml", "--set", "state.limits.partials_per_key=3", stdin=stdin)
        self.assertEqual(len(ended.lines()), 3)
        self.assertIn("7 partial matches dropped at a limit", ended.err)
        ended = self.egret("run", "rule.yaml", "--set", "state.limits.partials_per_key=3", "--set",
                           "state.limits.on_limit=stop", stdin=stdin)
        self.assertEqual((ended.code, ended.out), (74, ""), ended.err)

    def test_keys_beyond_the_limit_are_dropped_and_counted(self):
        stdin = "".join(event(0, type="failure", user=f"user-{i}") for i in range(100))
        stdin += "".join(event(1, type="failure", user=f"user-{i}") for i in range(100))
        self.assertEqual(len(self.egret("run", "rule.yaml", stdin=stdin).lines()), 100)
        ended = self.egret("run", "rule.yaml", "--set", "state.limits.keys=10", stdin=stdin)
        self.assertEqual(ended.code, 0)
        self.assertLess(len(ended.lines()), 100)
        self.assertIn("dropped at a limit", ended.err)

    def test_events_without_a_key_and_conditions_that_fail_are_counted(self):
        self.write("rule.yaml", LOGIN_RULE + "  - id: big\n    where: event.amount * 2 > 10\n")
        ended = self.egret("run", "rule.yaml", stdin=event(0, type="failure") + event(1, type="other", amount="x"))
        self.assertEqual(ended.code, 0)
        self.assertIn("no key 1", ended.err)
        self.assertRegex(ended.err, r"condition errors: .*big/where: ")

    def test_a_closed_pipe_ends_quietly_with_0(self):
        line = f"'{program()}' run rule.yaml -i events.ndjson | head -1; exit ${{PIPESTATUS[0]}}"
        self.write("events.ndjson", failures(*range(600)) * 1 + "".join(
            event(600 + i % 60, type="failure", user=f"u{i}") for i in range(60)))
        self.write("rule.yaml", LOGIN_RULE.replace("within: 1m", "within: 1h\n    after_match: no_skip"))
        done = subprocess.run(["bash", "-c", line], cwd=self.folder, env=environment(), capture_output=True, timeout=60,
                              check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(len(done.stdout.splitlines()), 1)

    def test_a_full_disk_ends_with_74(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        ended = self.egret("run", "rule.yaml", "-o", "/dev/full", stdin=failures(0, 5))
        self.assertEqual(ended.code, 74, ended.err)

    def test_alerts_reach_a_pipe_before_the_input_ends(self):
        with self.started() as process:
            process.stdin.write(failures(0, 5).encode())
            process.stdin.flush()
            self.assertEqual(json.loads(process.stdout.readline())["rule"], "two-failures")
            process.stdin.close()
            self.assertEqual(process.wait(30), 0)

    def started(self):
        return subprocess.Popen([program(), "run", "rule.yaml"], cwd=self.folder, env=environment(), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_a_second_interrupt_ends_it_at_once(self):
        # Nobody reads stdout, so the run waits in a write that the first signal does not end.
        self.write("events.ndjson", "".join(failures(i % 60, user=f"u{i}") + failures(i % 60, user=f"u{i}")
                                            for i in range(60)) * 20)
        self.write("rule.yaml", LOGIN_RULE.replace("within: 1m", "within: 1h\n    after_match: no_skip"))
        process = subprocess.Popen([program(), "run", "rule.yaml", "-i", "events.ndjson", "--out-of-orderness", "1h"],
                                   cwd=self.folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with process:
            process.stdout.readline()
            for _ in range(100):
                if process.poll() is not None:
                    break
                process.send_signal(signal.SIGINT)
                select.select([], [], [], 0.02)
            self.assertEqual(process.wait(30), 130)

    def test_signals_end_it_cleanly_although_the_input_stays_open(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number), self.started() as process:
                process.stdin.write(failures(0, 5).encode())
                process.stdin.flush()
                process.stdout.readline()
                process.send_signal(number)
                self.assertEqual(process.wait(30), 0)
                self.assertIn(b"read 2", process.stderr.read())


class Check(Folder):
    """egret check."""

    def test_good_rules_end_with_0_and_one_line(self):
        ended = self.egret("check", "rule.yaml")
        self.assertEqual((ended.code, ended.out, ended.err), (0, "1 file, 1 rule, 0 errors, 0 warnings\n", ""))

    def test_all_mistakes_are_shown_in_one_run_with_their_places(self):
        self.write("bad.yaml", LOGIN_RULE.replace("followedBy", "folowedBy").replace("within: 1m", "within: soon"))
        self.write("worse.yaml", "version: 1\nrules: [\n")
        ended = self.egret("check", "bad.yaml", "worse.yaml")
        self.assertEqual((ended.code, ended.err), (1, ""))
        self.assertIn("unknown step verb `folowedBy`", ended.out)
        self.assertIn("did you mean `followedBy`?", ended.out)
        self.assertIn("--> bad.yaml:9:9", ended.out)
        self.assertIn("--> bad.yaml:11:", ended.out)
        self.assertIn("--> worse.yaml:", ended.out)
        self.assertRegex(ended.lines()[-1], r"^2 files, 3 errors, 0 warnings$")

    def test_fields_that_no_event_of_a_sample_has_are_named_with_the_nearest_one(self):
        self.write("fields.yaml", "version: 1\nrules:\n  - id: x\n    match: { type: login, geo.cuontry: NL }\n"
                   "    where: usre != 'a' && !has(event.gone) && event.?lost.orValue(1) == 1\n")
        self.write("sample.ndjson", '{"ts":1,"user":"b","type":"login","geo":{"country":"NL"}}\n{"ts":2,"user":"c"}\n')
        ended = self.egret("check", "--sample", "sample.ndjson", "fields.yaml")
        self.assertEqual((ended.code, ended.err), (0, ""))
        self.assertIn("warning[W301]: no event of the sample has a field `geo.cuontry`\n --> fields.yaml:4:27", ended.out)
        self.assertIn("^^^^^^^^^^^ did you mean `geo.country`? (in 50 % of 2 events)", ended.out)
        self.assertIn("^^^^ did you mean `user`? (in 100 % of 2 events)", ended.out)
        self.assertEqual(ended.lines()[-1], "1 file, 1 rule, 0 errors, 3 warnings")
        self.assertEqual(self.egret("check", "--sample", "sample.ndjson", "fields.yaml", "--fail-on", "warning").code, 1)

    def test_a_sample_says_which_conditions_no_event_meets_also_when_other_rules_have_errors(self):
        self.write("never.yaml", SAMPLED_RULES)
        self.write("sample.ndjson", '{"ts":1,"user":"b","type":"login","n":3,"mixed":1}\n{"ts":2,"user":"c","n":8.5,"mixed":"a"}\n'
                   'no event\n{"ts":3,"user":"c","type":"other","n":9,"mixed":"a"}\n')
        ended = self.egret("check", "--sample", "sample.ndjson", "never.yaml")
        self.assertEqual((ended.code, ended.err), (1, ""))
        self.assertEqual(ended.out, SAMPLED_FINDINGS)

    def test_a_sample_that_is_not_there_or_empty_is_a_wrong_call(self):
        self.write("empty.ndjson", "\n")
        self.assertEqual(self.egret("check", "--sample", "nowhere.ndjson", "rule.yaml").code, 2)
        ended = self.egret("check", "--sample", "empty.ndjson", "rule.yaml")
        self.assertEqual((ended.code, ended.out, ended.err), (2, "", "egret: the sample has no events\n"))

    def test_json_has_the_same_findings(self):
        self.write("bad.yaml", LOGIN_RULE.replace("followedBy", "folowedBy"))
        ended = self.egret("check", "bad.yaml", "--format", "json")
        self.assertEqual(ended.code, 1)
        finding = json.loads(ended.out)[0]
        self.assertEqual((finding["code"], finding["severity"], finding["file"]), ("E110", "error", "bad.yaml"))
        start = finding["range"]["start"]
        self.assertEqual((start["line"], start["column"]), (9, 9))
        self.assertEqual(json.loads(self.egret("check", "rule.yaml", "--format", "json").out), [])

    def test_rules_come_from_stdin_with_a_dash(self):
        self.assertEqual(self.egret("check", "-", stdin=LOGIN_RULE).code, 0)
        ended = self.egret("check", "-", stdin=LOGIN_RULE.replace("begin", "bgin"))
        self.assertEqual(ended.code, 1)
        self.assertIn("<stdin>:", ended.out)

    def test_without_a_path_the_folder_rules_is_meant(self):
        self.assertEqual(self.egret("check").code, 2)
        self.write("rules/a.yaml", LOGIN_RULE)
        self.assertEqual(self.egret("check").code, 0)

    def test_a_folder_without_rules_is_a_wrong_call(self):
        os.mkdir(os.path.join(self.folder, "empty"))
        ended = self.egret("check", "empty")
        self.assertEqual(ended.code, 2)
        self.assertIn("no rule file", ended.err)

    def test_the_same_id_in_two_files_names_both_places(self):
        self.write("again.yaml", LOGIN_RULE)
        ended = self.egret("check", "rule.yaml", "again.yaml")
        self.assertEqual(ended.code, 1)
        self.assertIn("again.yaml:4", ended.out)
        self.assertIn("rule.yaml:4", ended.out)


SAMPLED_RULES = """version: 1
rules:
  - id: broken
    where: type =
  - id: steps
    key_by: user
    pattern:
      - begin: a
        where: user > 5
      - followedBy: b
        where: type == "logn"
      - followedBy: c
        where: n > 5 && type == "login"
      - followedBy: d
        optional: true
        where: b.user == user && mixed > 5
    within: 1m
  - id: held
    where: n > 3 && mixed.size() == 1
  - id: failing
    where: type > 5 || size(n) == 1
    filter: type == "login"
"""

SAMPLED_FINDINGS = """error[E202]: there is no operator `=`
 --> never.yaml:4:17
  |
4 |     where: type =
  |                 ^ did you mean `==`?
  |
  = fix:  replace with `==`

warning[W302]: `>` has no meaning between a string and an int
 --> never.yaml:9:16
  |
9 |         where: user > 5
  |                ^^^^^^^^
  |
  = note: `user` is a string in all 3 events of the sample that have it
  = help: a text stands in quotes: "5"

warning[W304]: `a` of `steps` ends in an error for 3 of 3 events that it is asked of
 --> never.yaml:9:16
  |
9 |         where: user > 5
  |                ^^^^^^^^ always an error: type
  |
  = note: so `steps` cannot match anything of this sample

warning[W303]: `b` of `steps` holds for 0 of 3 events that it is asked of
  --> never.yaml:11:16
   |
11 |         where: type == "logn"
   |                ^^^^^^^^^^^^^^ never true
   |
   = note: for 1 of them it ends in an error, the first: absent_field
   = note: so `steps` cannot match anything of this sample

warning[W303]: `c` of `steps` holds for 0 of 3 events that it is asked of
  --> never.yaml:13:16
   |
13 |         where: n > 5 && type == "login"
   |                ^^^^^^^^^^^^^^^^^^^^^^^^ its parts are never true together
   |
   = note: for 1 of them it ends in an error, the first: absent_field
   = note: so `steps` cannot match anything of this sample

warning[W303]: `d` of `steps` holds for 0 of 3 events that it is asked of
  --> never.yaml:16:34
   |
16 |         where: b.user == user && mixed > 5
   |                                  ^^^^^^^^^ never true
   |
   = note: for 2 of them it ends in an error, the first: type

warning[W302]: `>` has no meaning between a string and an int
  --> never.yaml:21:12
   |
21 |     where: type > 5 || size(n) == 1
   |            ^^^^^^^^
   |
   = note: `type` is a string in all 2 events of the sample that have it
   = help: a text stands in quotes: "5"

warning[W304]: `where` of `failing` ends in an error for 1 of 1 events that it is asked of
  --> never.yaml:21:12
   |
21 |     where: type > 5 || size(n) == 1
   |            ^^^^^^^^^^^^^^^^^^^^^^^^ always an error: type
   |
   = note: so `failing` cannot match anything of this sample

warning[W302]: `size` does not take a double
  --> never.yaml:21:24
   |
21 |     where: type > 5 || size(n) == 1
   |                        ^^^^^^^
   |
   = note: `n` is a double in all 3 events of the sample that have it
   = help: it takes string->int|bytes->int|list->int|map->int

never.yaml: 1 error, 8 warnings (1 with a fix)
1 file, 1 error, 8 warnings
"""

TESTED_RULE = LOGIN_RULE + """
    tests:
      - name: two are enough
        events:
          - { at: 0s, repeat: 2, every: 10s, event: { type: failure, user: eva } }
        expect:
          - { at: 10s, key: { user: eva }, message: "eva failed twice" }
      - name: one is not
        events: [{ at: 0s, event: { type: failure, user: eva } }]
        expect: []
"""


FAILING_RULE = """version: 1
rules:
  - id: big
    key_by: event.user
    pattern:
      - begin: small
        where: event.amount < 5
      - followedBy: large
        where: event.amount > 2 * small.amount && event.zone.matches("^a")
    within: 1h
    tests:
      - name: an alert
        events:
          - { at: 0s, event: { user: a, amount: 1 } }
          - { at: 1s, event: { user: a, amount: "7" } }
          - { at: 2s, event: { user: a, amount: 9 } }
        expect:
          - { at: 2s }
"""


class Mended(Folder):
    """Small things that were wrong once."""

    def test_a_blank_line_is_no_record(self):
        self.write("r.yaml", "version: 1\nrules:\n  - { id: a, where: event.x == 1 }\n")
        ended = self.egret("run", "r.yaml", stdin='{"ts":1,"x":1}\n \t\n\n   \r\n{"ts":2,"x":2}\n')
        self.assertIn("read 2, late 0, rejected 0, matched 1", ended.err)

    def test_what_a_terminal_would_hide_or_turn_is_shown(self):
        self.write("r.yaml", "version: 1\nrules:\n  - id: a\n    where: event.x != ''\n"
                             "    alert: { message: \"{{ event.x }}\" }\n")
        ended = self.egret("run", "r.yaml", "--format", "text", stdin='{"ts":1,"x":"a\u202eb\u2066c\ufeffd"}\n')
        self.assertTrue(ended.out.endswith("a\\u{202e}b\\u{2066}c\\u{feff}d\n"), ended.out)

    def test_all_errors_of_a_file_are_counted(self):
        self.write("r.yaml", "version: 1\nrules:\n" + "".join(
            f"  - {{ id: r{i}, wehre: event.x == 1 }}\n" for i in range(30)))
        ended = self.egret("check", "r.yaml")
        counts = [line for line in ended.lines() if line.startswith(("r.yaml:", "1 file"))]
        self.assertEqual([" 30 errors" in line for line in counts], [False, True, True], counts)

    def test_a_rule_that_an_alias_repeats_is_named_as_such(self):
        self.write("r.yaml", "version: 1\nrules:\n  - &r { id: a, where: event.x == 1 }\n  - *r\n")
        ended = self.egret("check", "r.yaml")
        self.assertIn("an alias repeats the whole rule", ended.out)
        self.assertNotIn("the first one is here", ended.out)


class Test(Folder):
    """egret test."""

    def setUp(self):
        super().setUp()
        self.write("rule.yaml", TESTED_RULE)

    def test_a_failure_names_the_conditions_that_ended_in_an_error(self):
        self.write("errors.yaml", FAILING_RULE)
        ended = self.egret("test", "errors.yaml")
        self.assertEqual(ended.code, 1)
        self.assertIn("""      expected 1 alert, got 0
      -   match at 2s
      conditions that ended in an error, which is no match:
        small: type, 1 event
        large: absent_field, 2 events
""", ended.out)

    def test_errors_show_whatever_an_index_would_leave_out(self):
        self.write("typo.yaml", """version: 1
rules:
  - id: typo
    where: event.usr == "a"
    tests:
      - { name: one, events: [ { at: 0s, event: { user: a } } ], expect: [ { at: 0s } ] }
""")
        self.assertIn("        where: absent_field, 1 event\n", self.egret("test", "typo.yaml").out)

    def test_tags_are_expected_as_a_whole(self):
        rule = """version: 1
rules:
  - id: tagged
    tags: [a, b]
    where: event.x == 1
    tests:
      - { name: one, events: [ { at: 0s, event: { x: 1 } } ], expect: [ { at: 0s, tags: TAGS } ] }
"""
        for tags, code in (("[a, b]", 0), ("[b, a]", 1), ("a", 1)):
            self.write("tags.yaml", rule.replace("TAGS", tags))
            ended = self.egret("test", "tags.yaml")
            self.assertEqual(ended.code, code, ended.out)
        self.assertIn('tags\n      -   ["a"]\n      +   ["a","b"]\n', ended.out)

    def test_an_event_of_a_source_is_seen_by_rules_that_read_it(self):
        rule = """version: 1
rules:
  - id: of-web
    sources: [web, api]
    pattern: [ { begin: a, match: { x: 1 } }, { next: b, match: { x: 2 } } ]
    within: 1h
    tests:
      - name: another source is passed over
        events:
          - { at: 0s, source: web, event: { x: 1 } }
          - { at: 1s, source: SECOND, event: { x: 3 } }
          - { at: 2s, source: api, event: { x: 2 } }
        expect: [ { at: 2s } ]
      - name: an event of no source is for all
        events: [ { at: 0s, event: { x: 1 } }, { at: 2s, event: { x: 2 } } ]
        expect: [ { at: 2s } ]
"""
        for second, code in (("mail", 0), ("web", 1)):
            self.write("sources.yaml", rule.replace("SECOND", second))
            ended = self.egret("test", "sources.yaml")
            self.assertEqual(ended.code, code, ended.out + ended.err)

    def test_passing_tests_are_a_line_a_rule_and_0(self):
        ended = self.egret("test", "rule.yaml")
        self.assertEqual(ended.code, 0, ended.out + ended.err)
        self.assertRegex(ended.lines()[0], r"^ok    two-failures +2 tests +\d+ ms$")
        self.assertRegex(ended.lines()[-1], r"^1 rule, 2 tests: 2 passed, 0 failed in \d+ ms$")

    def test_a_difference_shows_what_was_expected_what_came_and_what_matched(self):
        self.write("rule.yaml", TESTED_RULE.replace('message: "eva failed twice" }', 'message: "eva failed" }'))
        ended = self.egret("test", "rule.yaml")
        self.assertEqual(ended.code, 1)
        self.assertRegex(ended.out, r"FAIL  two-failures > two are enough +rule.yaml:\d+\n")
        self.assertIn("        message\n      -   eva failed\n      +   eva failed twice\n", ended.out)
        self.assertRegex(ended.out, r"what matched:\n +0s +first +type failure +user eva\n +10s +second")

    def test_what_matched_is_shown_in_the_order_of_event_time(self):
        self.write("rule.yaml", LOGIN_RULE + """
    tests:
      - name: in disorder
        watermark: { max_out_of_orderness: 10s }
        events:
          - { at: 10s, event: { type: failure, user: eva } }
          - { at: 5s, event: { type: failure, user: eva } }
        expect: []
""")
        ended = self.egret("test", "rule.yaml")
        self.assertRegex(ended.out, r"what matched:\n +5s +first .*\n +10s +second")

    def test_a_wrong_number_of_alerts_lists_both_sides(self):
        self.write("rule.yaml", TESTED_RULE.replace("repeat: 2", "repeat: 1"))
        ended = self.egret("test", "rule.yaml")
        self.assertEqual(ended.code, 1)
        self.assertIn("expected 1 alert, got 0\n      -   match at 10s: eva failed twice\n", ended.out)

    def test_each_named_part_is_compared(self):
        cases = [("at: 10s,", "at: 11s,", "at"), ("key: { user: eva }", "key: { user: eve }", "key.user"),
                 ("at: 10s,", "at: 10s, severity: high,", "severity"), ("at: 10s,", "at: 10s, output: timeout,", "output"),
                 ("at: 10s,", "at: 10s, sink: desk,", "sink"), ("at: 10s,", "at: 10s, fields: { n: 1 },", "fields.n")]
        for old, new, part in cases:
            with self.subTest(part=part):
                self.write("rule.yaml", TESTED_RULE.replace(old, new))
                ended = self.egret("test", "rule.yaml")
                self.assertEqual(ended.code, 1, ended.out)
                self.assertIn(f"\n        {part}\n      -   ", ended.out)

    def test_what_comes_after_the_end_of_a_test_is_not_fed(self):
        self.write("rule.yaml", LOGIN_RULE + """
    tests:
      - name: the end is between the two
        stop_at: 5s
        events: [{ at: 0s, repeat: 2, every: 10s, event: { type: failure, user: eva } }]
        expect: []
      - name: the end is at the second
        stop_at: 10s
        events: [{ at: 0s, repeat: 2, every: 10s, event: { type: failure, user: eva } }]
        expect: [{ at: 10s }]
""")
        ended = self.egret("test", "rule.yaml")
        self.assertEqual(ended.code, 0, ended.out + ended.err)

    def test_run_selects_by_rule_and_name(self):
        ended = self.egret("test", "rule.yaml", "--run", "two-failures > one")
        self.assertIn("1 rule, 1 test: 1 passed", ended.out)
        self.assertEqual(self.egret("test", "rule.yaml", "--run", "nothing").code, 1)
        self.assertEqual(self.egret("test", "rule.yaml", "--run", "nothing", "--allow-empty").code, 0)

    def test_no_test_is_a_finding(self):
        self.write("rule.yaml", LOGIN_RULE)
        ended = self.egret("test", "rule.yaml")
        self.assertEqual(ended.code, 1)
        self.assertIn("--allow-empty", ended.err)

    def test_rules_that_are_not_valid_are_a_finding(self):
        self.write("rule.yaml", TESTED_RULE.replace("begin", "bgin"))
        ended = self.egret("test", "rule.yaml")
        self.assertEqual(ended.code, 1)
        self.assertIn("E110", ended.err)

    def test_junit_has_one_element_a_test(self):
        import xml.etree.ElementTree as tree
        self.write("rule.yaml", TESTED_RULE.replace('message: "eva failed twice" }', 'message: "<&>" }'))
        self.assertEqual(self.egret("test", "rule.yaml", "--junit", "out.xml").code, 1)
        suite = tree.fromstring(self.read("out.xml"))
        self.assertEqual((suite.get("tests"), suite.get("failures")), ("2", "1"))
        self.assertEqual([case.get("name") for case in suite], ["two are enough", "one is not"])
        self.assertIn("<&>", suite[0].find("failure").text)

    def test_events_come_from_files_beside_the_rule(self):
        self.write("rules/rule.yaml", LOGIN_RULE + """
    tests:
      - name: from a file
        events: [{ from: events.ndjson }]
        expect: [{ at: 5s }]
      - name: moved
        events: [{ at: 1h, from: events.ndjson }]
        expect: [{ at: 1h5s }]
""")
        self.write("rules/events.ndjson", failures(0, 5))
        ended = self.egret("test", "rules")
        self.assertEqual(ended.code, 0, ended.out + ended.err)
        os.remove(os.path.join(self.folder, "rules/events.ndjson"))
        ended = self.egret("test", "rules")
        self.assertEqual(ended.code, 1)
        self.assertIn("rules/events.ndjson", ended.out)

    def test_tests_of_their_own_file_are_run_too(self):
        self.write("rules/rule.yaml", LOGIN_RULE)
        self.write("rules/rule_test.yaml", """
version: 1
tests:
  - rule: two-failures
    name: two are enough
    events:
      - { at: 0s, repeat: 2, every: 10s, event: { type: failure, user: eva } }
    expect: [{ at: 10s }]
""")
        ended = self.egret("test", "rules")
        self.assertEqual(ended.code, 0, ended.out + ended.err)
        self.assertIn("1 test: 1 passed", ended.out)

    def test_a_test_of_a_rule_that_is_not_there_is_a_finding(self):
        self.write("rules/rule.yaml", LOGIN_RULE)
        self.write("rules/rule_test.yaml", "version: 1\ntests:\n  - rule: two-failure\n    name: x\n    events: []\n"
                                           "    expect: []\n")
        ended = self.egret("test", "rules")
        self.assertEqual(ended.code, 1)
        self.assertIn("rules/rule_test.yaml:3", ended.err)
        self.assertEqual(self.egret("check", "rules").code, 1)



class Graph(Folder):
    """egret graph."""

    GROUPS = """
version: 1
rules:
  - id: groups
    pattern:
      - begin: a
      - notFollowedBy: n
        where: event.n == 1
      - followedBy: choice
        any_of:
          - pattern:
              - begin: b
                where: event.b == 1
                times: 2+
                until: u == 1
              - next: c
          - pattern: [ { begin: d } ]
      - followedBy: set
        all_of: { e: { where: event.e == 1 }, f: {} }
    within: 10s
    on_timeout: {}
"""

    def test_text_is_a_drawing_of_the_steps(self):
        self.write("rule.yaml", self.GROUPS)
        ended = self.egret("graph", "groups", "rule.yaml")
        self.assertEqual((ended.code, ended.err), (0, ""))
        self.assertEqual(ended.out, """(start)
 |  begin a   any event
 v
 [a]
 x  notFollowedBy n   event.n == 1
 :  followedBy choice
 +- either
     |  begin b, 2 or more times, as many as there are, until event.u == 1   event.b == 1
     v
     [b]
     |  next c   any event
     v
     [c]
 +- or
     |  begin d   any event
     v
     [d]
 v
 [choice]
 :  followedBy set
 +- in any order e   event.e == 1
 +- and f   any event
 v
((match))  less than 10s after the first event; what is open then: timeout

  |  the very next event    :  others may lie between    x  must not come
""")

    def test_dot_and_mermaid_draw_the_automaton(self):
        dot = self.egret("graph", "two-failures", "rule.yaml", "--format", "dot").out
        self.assertEqual(dot, """digraph pattern {
  rankdir=LR;
  s0 [shape=circle, label="start"];
  s1 [shape=box, label="1: second?"];
  s2 [shape=doublecircle, label="match"];
  s0 -> s1 [label="take first"];
  s1 -> s2 [label="take second"];
  s1 -> s1 [style=dashed, label="pass over: not second"];
}
""")
        mermaid = egret("graph", "missing-heartbeat", "rules-examples/", "--format", "mermaid").out
        self.assertEqual(mermaid, """flowchart LR
  S0(("start"))
  S1["no next_beat yet"]
  S2[/"next_beat came"/]
  M((("match")))
  S0 -->|"take last_seen"| S1
  S1 -.-> S2
  S1 -->|"after 1m30s from the start"| M
""")

    def test_json_has_the_automaton_with_its_guards(self):
        self.write("rule.yaml", self.GROUPS)
        graph = json.loads(self.egret("graph", "groups", "rule.yaml", "--format", "json").out)
        self.assertEqual((graph["rule"], graph["within_ms"], graph["after_match"], graph["emit"]),
                         ("groups", 10000, "skip_past_last", "at_once"))
        self.assertEqual({(guard["step"], guard["text"]) for guard in graph["guards"]},
                         {("n", "event.n == 1"), ("b", "event.b == 1"), ("b", "event.u == 1"), ("e", "event.e == 1")})
        ids = [state["id"] for state in graph["states"]]
        self.assertEqual(ids, list(range(len(ids))))
        for state in graph["states"]:
            for edge in state["edges"]:
                self.assertIn(edge["to"], ids)
                for clause in edge["if"]:
                    for literal in clause:
                        self.assertLess(literal["guard"], len(graph["guards"]))

    def test_each_format_can_draw_every_pattern_of_the_examples(self):
        for rule in sorted(os.listdir(EXAMPLES)):
            for form in ("text", "dot", "mermaid", "json"):
                with self.subTest(rule=rule, form=form):
                    ended = egret("graph", rule, "rules-examples/", "--format", form)
                    if "no pattern" in ended.err:
                        self.assertEqual(ended.code, 2)
                    else:
                        self.assertEqual((ended.code, ended.err), (0, ""))
                        self.assertGreater(len(ended.out), 50)

    def test_a_rule_that_is_not_there_is_named_with_the_nearest(self):
        ended = self.egret("graph", "two-failure", "rule.yaml")
        self.assertEqual(ended.code, 2)
        self.assertIn("did you mean `two-failures`?", ended.err)


class Explain(Folder):
    """egret explain."""

    def test_a_rule_is_put_in_words(self):
        ended = egret("explain", "login-brute-force", "rules-examples/")
        self.assertEqual(ended.code, 0, ended.err)
        for words in ("login-brute-force  (high)", "For each user, in events of auth:", "5 or more times",
                      "All within 10m of the first `fail`", "skip_past_last", "Never for", "once in 1h",
                      "fail{5,} -> ok within 10m", "Cost: "):
            self.assertIn(words, ended.out)

    def test_every_rule_of_the_examples_can_be_explained(self):
        ended = egret("explain", "rules-examples/")
        self.assertEqual(ended.code, 0, ended.err)
        rules = 0
        for folder in os.listdir(EXAMPLES):
            with open(os.path.join(EXAMPLES, folder, "rule.yaml"), encoding="utf-8") as file:
                rules += len(re.findall(r"^  - id: ", file.read(), re.M))
        self.assertEqual(ended.out.count("Cost: "), rules)

    def test_the_functions_of_expressions_are_listed(self):
        ended = self.egret("explain", "functions")
        self.assertEqual(ended.code, 0, ended.err)
        self.assertIn("size, .size\n    The number of code points", ended.out)
        self.assertIn("\n.startsWith\n", ended.out)
        self.assertIn("\ngeo_km\n", ended.out)

    def test_a_code_has_a_page(self):
        for code in ("E011", "E013", "E103", "E110", "E204", "E221"):
            with self.subTest(code=code):
                ended = self.egret("explain", code)
                self.assertEqual(ended.code, 0)
                self.assertTrue(ended.out.startswith(f"{code}: "))
                self.assertTrue(ended.out.endswith("\n") and not ended.out.endswith("\n\n"))


if __name__ == "__main__":
    unittest.main()
