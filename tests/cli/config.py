#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`egret run`, `check` and `config` with an egret.yaml."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from program import egret, environment, program  # noqa: E402

RULES = """
version: 1
rules:
  - id: large
    source: shop
    severity: high
    where: amount > 10
  - id: any
    where: amount > 10
    alert: { sink: archive }
  - id: paid
    sources: [shop, bank]
    key_by: user
    pattern:
      - begin: order
        match: { kind: order }
      - next: payment
        match: { kind: payment }
    within: 10m
"""
CONFIG = """
version: 1
sources:
  shop: { file: { path: "shop-*.ndjson" }, event_time: { field: t, format: unix_s } }
  bank: { file: { path: bank.ndjson }, event_time: { max_out_of_orderness: 5s } }
  noise: { file: { path: noise.ndjson } }
sinks:
  console: { stdout: {} }
  urgent: { file: { path: urgent.ndjson }, format: cloudevents, when: alert.severity == "high" }
  archive: { file: { path: archive.txt }, format: text }
default_sinks: [console, urgent]
dead_letter: { file: { path: dead.ndjson } }
"""
FILES = {
    "rules/r.yaml": RULES,
    "egret.yaml": CONFIG,
    "shop-1.ndjson": '{"t":100,"kind":"order","user":"u","amount":5}\nbad\n',
    "shop-2.ndjson": '{"t":103,"kind":"order","user":"v","amount":50}\n',
    "bank.ndjson": '{"ts":102000,"kind":"payment","user":"u"}\n{"ts":101000,"kind":"payment","user":"w"}\n',
    # Between order and payment: only `any` may see it.
    "noise.ndjson": '{"ts":101500,"kind":"noise","user":"u","amount":99}\n',
}


class WithFolder(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix="egret-config-")
        self.addCleanup(place.cleanup)
        self.folder = place.name
        for name, text in FILES.items():
            self.write(name, text)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return file.read()

    def egret(self, *words, **more):
        more.setdefault("HOME", self.folder)
        return egret(*words, folder=self.folder, **more)


class Run(WithFolder):
    def test_rules_read_their_sources_and_alerts_go_to_their_sinks(self):
        done = self.egret("run")
        self.assertEqual(done.code, 0, done.err)
        alerts = [json.loads(line) for line in done.lines()]
        self.assertEqual([alert["rule"] for alert in alerts], ["paid", "large"])
        self.assertEqual(alerts[0]["events"]["payment"][0]["source"], "bank")
        self.assertEqual(alerts[1]["events"]["event"][0]["partition"], 1)
        urgent = [json.loads(line) for line in self.read("urgent.ndjson").splitlines()]
        self.assertEqual([event["data"] for event in urgent], [alerts[1]])
        self.assertEqual(urgent[0]["id"], alerts[1]["id"])
        self.assertEqual(urgent[0]["type"], "egret.match")
        self.assertEqual([line.split()[3] for line in self.read("archive.txt").splitlines()], ["any", "any"])
        self.assertEqual(json.loads(self.read("dead.ndjson"))["source"], "shop")
        self.assertIn("read 6, late 0, rejected 1, matched 4", done.err)

    def test_names_that_lead_nowhere_are_errors_and_unused_ones_warnings(self):
        cases = [
            (("source: shop", "source: shops"), "E503", "did you mean `shop`?"),
            (("sink: archive", "sink: archives"), "E502", "did you mean `archive`?"),
        ]
        for (old, new), code, says in cases:
            self.write("rules/r.yaml", RULES.replace(old, new))
            for command, exit_code in (("run", 78), ("check", 1)):
                done = self.egret(command)
                self.assertEqual(done.code, exit_code, done.err)
                self.assertIn(code, done.out + done.err)
                self.assertIn(says, done.out + done.err)
        self.write("rules/r.yaml", RULES.replace("  - id: any\n    where: amount > 10\n    alert: { sink: archive }\n",
                                                 ""))
        done = self.egret("check")
        self.assertEqual(done.code, 0, done.err)
        self.assertIn("no rule reads the source `noise`", done.err)
        self.assertIn("nothing goes to the sink `archive`", done.err)
        self.assertEqual(self.egret("check", "--fail-on", "warning").code, 1)

    def test_an_alert_may_go_to_several_sinks(self):
        rules = RULES.replace("sink: archive", "sink: [archive, console]")
        self.write("rules/r.yaml", rules)
        done = self.egret("run")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual([json.loads(line)["rule"] for line in done.lines()], ["any", "paid", "large", "any"])
        self.assertEqual([line.split()[3] for line in self.read("archive.txt").splitlines()], ["any", "any"])
        for old, code, says in (("[archive, console]", "E502", "did you mean `archive`?"), ("[archive, console]", "E112",
                                                                                          "`sink` names none")):
            self.write("rules/r.yaml", rules.replace(old, "[console, archives]" if code == "E502" else "[]"))
            done = self.egret("run")
            self.assertEqual(done.code, 78)
            self.assertIn(code, done.err)
            self.assertIn(says, done.err)
        test = """
    tests:
      - name: both are told
        events: [{ at: 0s, event: { amount: 11 } }]
        expect: [{ sink: EXPECTED }]
"""
        for expected, code in (("[archive, console]", 0), ("archive", 1), ("[console, archive]", 1)):
            self.write("rules/r.yaml", rules.replace("console] }\n", "console] }\n" + test.replace("EXPECTED", expected)))
            done = self.egret("test", "rules")
            self.assertEqual(done.code, code, done.out + done.err)
        self.assertIn("archive, console", done.out)

    def test_what_cannot_run_says_why(self):
        cases = [
            (("--set", "default_sinks=nobody"), 78, "there is no sink `nobody`"),
            (("--set", "sinks.urgent.when=alert.sevrity == 'high'"), 78, "did you mean `alert.severity`?"),
            (("--set", "sinks.urgent.when=severity == 'high'"), 78, "an alert has no field `severity`"),
            (("--set", "sources.shop.kafka.group=x"), 78, "source `shop` is two things"),
            (("--set", "sources.shop.file.path=nothing-*"), 2, "no files in `nothing-*`"),
            (("--set", "sources.shop.on_decode_error=stop"), 65, "shop, partition 0, offset 47: bad_json"),
            (("--set", "state.dir=state", "--set", "sinks.archive.file.rotate.size=1MB"), 78, "leave out `rotate` or `state.dir`"),
            (("--set", "state.dir=state", "--set", "sources.tty={ stdin: {} }"), 78, "stdin cannot be read again"),
            (("--input", "x"), 2, "which rules?"),
            (("--output", "x"), 2, "--output belongs to a run without configuration"),
            (("--config", "none.yaml"), 2, "cannot read `none.yaml`"),
            (("--config", "bank.ndjson"), 78, "bank.ndjson"),
            (("--set", "sinks.k.kafka={ brokers: [b], topic: t }"), 78, "exactly_once needs `state.dir`"),
            (("--set", "sinks.k.kafka={ brokers: [b], topic: 't.{{ user }}' }"), 78, "{{ severity }}"),
            (("--set", "sinks.k.kafka={ brokers: [b], topic: t, sasl: { user: u, password: { from_env: NOT_SET_X } },"
              " delivery: at_least_once }"), 69, "`NOT_SET_X` is not set"),
        ]
        for words, code, says in cases:
            with self.subTest(words=words):
                done = self.egret("run", *words)
                self.assertIn(says, done.err)
                self.assertEqual(done.code, code, done.err)

    def test_a_run_survives_with_files_at_both_ends(self):
        words = ("run", "--state", "state")
        self.write("egret.yaml", CONFIG.replace("console: { stdout: {} }", "console: { file: { path: all.ndjson } }"))
        first = self.egret(*words)
        self.assertEqual(first.code, 0, first.err)
        alerts = self.read("all.ndjson")
        self.assertEqual(len(alerts.splitlines()), 2)
        again = self.egret(*words)
        self.assertEqual(again.code, 0, again.err)
        self.assertIn("nothing to do", again.err)
        self.assertEqual(self.read("all.ndjson"), alerts)

    def test_windows_go_by_the_clock_where_a_source_has_its_time(self):
        self.write("egret.yaml", "version: 1\nrules: [count.yaml]\nsources:\n"
                   "  shop: { file: { path: \"clock-*.ndjson\" }, event_time: { from: clock } }\n"
                   "sinks: { out: { stdout: {} } }\n")
        self.write("count.yaml", "version: 1\nrules:\n  - id: count\n    key_by: event.user\n    window: { session: 1d }\n"
                   "    aggregate: { n: count() }\n    fire: on_close\n    alert: { message: '{{ n }}' }\n")
        self.write("clock-1.ndjson", '{"user":"ann","ts":5}\n{"user":"ann"}\n{"user":"ann","ts":"long ago"}\n')
        done = self.egret("run", "-q")
        self.assertEqual((done.code, [json.loads(line)["message"] for line in done.out.splitlines()]), (0, ["3"]))
        self.write("egret.yaml", "version: 1\nrules: [count.yaml]\nsources:\n"
                   "  shop: { file: { path: \"clock-*.ndjson\" }, event_time: { from: clock, field: ts } }\n"
                   "sinks: { out: { stdout: {} } }\n")
        self.assertIn("`field` does not go with `from: clock`", self.egret("run", "-q").err)

    def test_a_followed_file_is_read_while_it_grows(self):
        self.write("egret.yaml", CONFIG.replace('path: "shop-*.ndjson"', 'path: "shop-*.ndjson", follow: true'))
        process = subprocess.Popen([program(), "run"], cwd=self.folder, env=environment(HOME=self.folder),
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            with open(os.path.join(self.folder, "shop-2.ndjson"), "a", encoding="utf-8") as file:
                file.write('{"t":200,"amount":70}\n{"t":300,"amount":1}\n')
            seen = []
            while len(seen) < 3:  # ends by the test's time limit
                seen.append(json.loads(process.stdout.readline())["time"])
            self.assertEqual(seen[2], "1970-01-01T00:03:20.000Z")
        finally:
            process.send_signal(signal.SIGTERM)
            process.stdout.close()
            self.assertEqual(process.wait(timeout=30), 0)


class Log(WithFolder):
    """What goes to stderr beside the alerts, and how a run is stopped."""

    def following(self, *words):
        self.write("egret.yaml", CONFIG.replace('path: "shop-*.ndjson"', 'path: "shop-*.ndjson", follow: true'))
        process = subprocess.Popen([program(), "run", *words], cwd=self.folder, env=environment(HOME=self.folder),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        return process

    def test_each_line_of_the_log_is_an_object(self):
        done = self.egret("run", "--set", "log.format=json")
        self.assertEqual(done.code, 0, done.err)
        lines = [json.loads(line) for line in done.err.splitlines()]
        for line in lines:
            self.assertRegex(line["ts"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertEqual(line["level"], "info")
        self.assertEqual(lines[0]["message"], "rejected: bad_json 1")
        end = lines[-1]
        self.assertEqual((end["message"], end["events_total"], end["rejected_total"], end["alerts_total"]), ("finished", 6, 1, 4))

    def test_what_is_wrong_is_an_object_too(self):
        self.write("rules/r.yaml", RULES.replace("source: shop\n", "source: shops\n"))
        done = self.egret("run", "--set", "log.format=json")
        found = json.loads(done.err)
        self.assertEqual((done.code, found["level"], found["code"]), (78, "error", "E503"))
        self.assertEqual((os.path.basename(found["file"]), found["line"], found["label"]), ("r.yaml", 5, "did you mean `shop`?"))
        done = self.egret("run", "--set", "log.format=json", "--set", "log.lvl=x")
        self.assertEqual((done.code, json.loads(done.err)["level"]), (78, "error"))
        self.write("rules/r.yaml", RULES)
        done = self.egret("run", "--set", "log.format=json", "--set", "sources.shop.file.path=nothing-*")
        self.assertEqual((done.code, json.loads(done.err)["message"]), (2, "no files in `nothing-*`"))

    def test_check_tells_programs_of_the_configuration_too(self):
        self.write("rules/r.yaml", RULES.replace("severity: high", "severity: hihg"))
        for words, codes in ((("--set", "default_sinks=[console, urgnt]"), {"E502"}), ((), {"E103"})):
            done = self.egret("check", "--format", "json", *words)
            self.assertEqual((done.code, done.err), (1, ""))
            self.assertEqual({found["code"] for found in json.loads(done.out)}, codes)
        self.write("rules/r.yaml", RULES)
        done = self.egret("check", "--format", "json", "--connect", "--set", "sources.bank.file.path=none")
        self.assertEqual((done.code, done.err), (1, ""))
        self.assertEqual([(found["code"], found["message"]) for found in json.loads(done.out)],
                         [("E507", "source bank: cannot read `none`: No such file or directory")])
        done = self.egret("config", "show", "--format", "json", "--set", "default_sinks=nobody")
        self.assertEqual((done.code, json.loads(done.err)[0]["code"]), (1, "E502"))

    def test_the_level_decides_what_is_said(self):
        self.write("rules/r.yaml", RULES.replace("sources: [shop, bank]", "sources: [shop]"))
        for words, warns, notes in (((), True, True), (("--set", "log.level=warn"), True, False),
                                    (("--set", "log.level=error"), False, False), (("--quiet",), False, False)):
            done = self.egret("run", *words)
            self.assertEqual(done.code, 0, done.err)
            self.assertEqual("nothing goes to" in done.err or "no rule reads" in done.err, False)
            self.assertEqual("read 6" in done.err, notes, words)
        self.write("rules/r.yaml", RULES.replace("alert: { sink: archive }", "alert: { sink: console }"))
        for words, warns in (((), True), (("--set", "log.level=warn"), True), (("--set", "log.level=error"), False)):
            self.assertEqual("nothing goes to the sink `archive`" in self.egret("run", *words).err, warns, words)

    def test_a_run_says_how_it_is_doing(self):
        process = self.following("--set", "log.stats_every=1ms", "--state", "state", "--set", "state.checkpoint.every=1ms")
        line = ""
        while "events_total=6" not in line or "checkpoint=" not in line:  # ends by the test's time limit
            line = process.stderr.readline()
            self.assertNotEqual(line, "")
        self.assertRegex(line, r"^egret: stats events_per_second=\d+ events_total=6 watermark=\S+Z watermark_delay_seconds=\d+\.\d "
                               r"alerts_total=\d rejected_total=1 late_total=\d partial_matches=\d keys=\d state_bytes=\d+ "
                               r"checkpoint=\d+ checkpoint_age_seconds=\d+\.\d$")
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        self.assertEqual(process.wait(timeout=30), 0)
        self.assertIn("read 6, late 0, rejected 1", rest)

    def test_a_run_that_is_asked_to_stop_ends_well_and_goes_on_later(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            process = self.following("--set", "log.stats_every=1ms", "--state", f"state{number}")
            while "events_total=6" not in process.stderr.readline():
                pass
            process.send_signal(number)
            self.assertIn("read 6", process.stderr.read())
            self.assertEqual(process.wait(timeout=30), 0)
            process = self.following("--set", "log.stats_every=1ms", "--state", f"state{number}")
            said = process.stderr.readline() + process.stderr.readline()
            self.assertIn("nothing can be taken back from stdout", said)
            self.assertIn("goes on from checkpoint 1", said)
            process.send_signal(number)
            process.stderr.read()
            self.assertEqual(process.wait(timeout=30), 0)


class Precedence(WithFolder):
    def origin(self, path, *words, **more):
        done = self.egret("config", "show", "--format", "json", *words, **more)
        self.assertEqual(done.code, 0, done.err)
        for leaf in json.loads(done.out):
            if leaf["path"] == path:
                return leaf["value"], leaf["origin"]
        return None

    def test_the_nearest_place_holds(self):
        path = "log.level"
        self.assertEqual(self.origin(path), ("info", "default"))
        self.write(".config/egret/egret.yaml", "log: { level: error }\nparams: { n: 1 }\n")
        value, origin = self.origin(path)
        self.assertEqual((value, os.path.basename(origin)), ("error", "egret.yaml:1"))
        self.write("egret.yaml", "log:\n  level: warn\n")
        self.assertEqual(self.origin(path), ("warn", "egret.yaml:2"))
        self.assertEqual(self.origin("params.n")[0], "1")
        self.assertEqual(self.origin(path, EGRET_LOG__LEVEL="info"), ("info", "EGRET_LOG__LEVEL"))
        self.assertEqual(self.origin(path, "--set", "log.level=error", EGRET_LOG__LEVEL="info"),
                         ("error", "--set log.level"))
        self.write("only.yaml", "params: { m: 2 }\n")
        self.assertEqual(self.origin(path, "--config", "only.yaml"), ("info", "default"))
        self.assertIsNone(self.origin("params.n", "--config", "only.yaml"))

    def test_config_get_path_and_keys(self):
        self.assertEqual(self.egret("config", "get", "sources.shop.event_time.format").out, "unix_s\n")
        done = self.egret("config", "get", "state.nothing")
        self.assertEqual((done.code, done.out), (1, ""))
        self.assertEqual(self.egret("config", "path", "--set", "log.level=info").lines(),
                         ["egret.yaml", "--set log.level"])
        self.assertGreater(len(json.loads(self.egret("config", "keys", "--format", "json").out)), 50)
        self.assertIn("did you mean `show`?", self.egret("config", "shwo").err)

    def test_a_secret_is_never_shown(self):
        self.write("egret.yaml", "sources: { k: { kafka: { brokers: b, topics: t, group: g,\n"
                                 "  sasl: { user: u, password: hunter2 }, options: { ssl.key.password: hunter3 } } } }\n")
        for words in (("config", "show", "--origin"), ("run",), ("check",), ("config", "show", "--format", "json")):
            done = self.egret(*words)
            self.assertNotEqual(done.code, 0)
            self.assertNotIn("hunter", done.out + done.err)

    def test_check_connect_names_what_is_not_there(self):
        self.assertEqual(self.egret("check", "--connect").code, 0)
        done = self.egret("check", "--connect", "--set", "sources.bank.file.path=none", "--set",
                          "sinks.archive.file.path=no/such/folder")
        self.assertEqual(done.code, 1)
        self.assertIn("source bank: cannot read `none`", done.out)
        self.assertIn("sink archive: cannot write `no/such/folder`", done.out)
        self.assertIn("source shop: there", done.out)


if __name__ == "__main__":
    unittest.main()
