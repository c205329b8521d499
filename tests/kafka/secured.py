#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A broker that asks for TLS and an account: source, sinks and dead letters get through, exactly once; whoever brings the wrong
password, trusts somebody else or shows no certificate is told so; secrets are shown by nothing.

    secured.py VERSION [TEST...]       EGRET is the program, KAFKA_TOOL the witness
"""
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Broker, skip_or_fail  # noqa: E402
from job import Job  # noqa: E402

PASSWORD, WRONG, KEY_PASSWORD = "correct-horse", "battery-staple", "open-sesame"
VERSION = None
broker = None
secrets = None
UNAVAILABLE, CONFIG = 69, 78


def openssl(*words):
    try:
        subprocess.run(["openssl", *words], check=True, cwd=secrets.name, stdin=subprocess.DEVNULL, capture_output=True)
    except FileNotFoundError:
        skip_or_fail("openssl is not installed")


def path(name):
    return os.path.join(secrets.name, name)


def write(name, text):
    with open(path(name), "w", encoding="utf-8") as file:
        file.write(text)


def authority(name):
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out",
            f"{name}.pem", "-addext", "basicConstraints=critical,CA:TRUE")


def certificate(name):
    """NAME.crt and NAME.key, signed by ca."""
    write("san", "subjectAltName=IP:127.0.0.1\n")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile",
            "san", "-out", f"{name}.crt")


def setUpModule():
    global broker, secrets
    secrets = tempfile.TemporaryDirectory(prefix="egret-secrets-")
    authority("ca")
    authority("other")
    certificate("broker")
    certificate("client")
    openssl("rsa", "-aes128", "-in", "client.key", "-out", "client-locked.key", "-passout", f"pass:{KEY_PASSWORD}")
    with open(path("broker.pem"), "w", encoding="utf-8") as both:
        for name in ("broker.key", "broker.crt"):
            with open(path(name), encoding="utf-8") as file:
                both.write(file.read())
    write("password", PASSWORD)
    write("wrong", WRONG)
    os.environ["EGRET_KAFKA_SECRETS"] = secrets.name
    broker = Broker(VERSION).__enter__()


def tearDownModule():
    broker.__exit__()
    secrets.cleanup()


def address(listener):
    with open(os.path.join(broker.folder, listener), encoding="utf-8") as file:
        return file.read().strip()


def account(mechanism="SCRAM-SHA-512", password="password", ca="ca.pem"):
    return (f"sasl: {{ mechanism: {mechanism}, user: egret, password: {{ from_file: {path(password)} }} }}, "
            f"tls: {{ ca: {path(ca)} }}")


class Secured(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="egret-job-")
        self.addCleanup(self.folder.cleanup)
        os.environ["EGRET_KEY_PASSWORD"] = KEY_PASSWORD

    def job(self, name, ends, listener="sasl", create=True):
        job = Job(broker, os.path.join(self.folder.name, name), name, create=create)
        job.write_config(source=ends, sink=ends, address=address(listener))
        return job

    def egret(self, job, *words):
        done = subprocess.run([os.environ["EGRET"], *words, "--config", job.config], capture_output=True, text=True,
                              check=False, timeout=60, cwd=job.folder)
        for secret in (PASSWORD, WRONG, KEY_PASSWORD):
            self.assertNotIn(secret, done.stdout + done.stderr)
        return done

    def test_a_job_over_tls_with_an_account_is_exact(self):
        job = self.job("scram", account())
        job.feed(2000)
        self.assertEqual(job.finish(), 0, job.errors)
        self.assertEqual(job.difference(), "")
        self.assertNotIn(PASSWORD, job.errors)

    def test_an_account_in_plain_and_a_certificate_are_let_in(self):
        certificate_of_ours = (f"tls: {{ ca: {path('ca.pem')}, certificate: {path('client.crt')}, key: {path('client-locked.key')}, "
                               "key_password: { from_env: EGRET_KEY_PASSWORD } }")
        for name, ends, listener in (("plain", account("PLAIN"), "sasl"), ("certificate", certificate_of_ours, "tls")):
            job = self.job(name, ends, listener)
            done = self.egret(job, "check", "--connect")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("source in: there", done.stdout)
            self.assertIn("sink dead_letter: there", done.stdout)

    def test_who_is_not_let_in_is_told_why(self):
        client = f"tls: {{ ca: {path('ca.pem')}, certificate: {path('client.crt')}, key: {path('client-locked.key')}, "
        cases = [  # with the words of broker or library
            ("password", account(password="wrong"), "sasl", CONFIG, "kafka/not-admitted: ", "Authentication failed"),
            ("plainly", account("PLAIN", "wrong"), "sasl", CONFIG, "kafka/not-admitted: ", "Authentication failed"),
            ("trust", account(ca="other.pem"), "sasl", CONFIG, "kafka/not-admitted: ", "certificate verify failed"),
            ("nowhere", account(ca="none.pem"), "sasl", UNAVAILABLE, "`tls.ca`: cannot read `", "none.pem`"),
            ("locked", client + f"key_password: {{ from_file: {path('wrong')} }} }}", "tls", UNAVAILABLE, "ssl.key.location", ""),
        ]
        for name, ends, listener, code, *says in cases:
            with self.subTest(name):
                job = self.job(name, ends, listener, create=False)
                done = self.egret(job, "run")
                self.assertEqual(done.returncode, code, done.stderr)
                for text in says:
                    self.assertIn(text, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_nothing_shows_a_secret(self):
        job = self.job("shown", account())
        for words in (("config", "show", "--origin"), ("config", "show", "--format", "json"), ("config", "get", "sources.in.kafka")):
            done = self.egret(job, *words)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(path("password"), done.stdout)  # where it is


if __name__ == "__main__":
    VERSION = sys.argv.pop(1)
    unittest.main(verbosity=2)
