# SPDX-License-Identifier: Apache-2.0
"""For tests of the program: where things are, and how a call of `egret` ended."""
import os
import subprocess

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
EXAMPLES = os.path.join(ROOT, "rules-examples")


class Ended:
    """Exit code and what was written, as text."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def lines(self):
        return self.out.splitlines()


def environment(**more):
    """Ours without what could colour the output, with the program on the PATH."""
    kept = {name: value for name, value in os.environ.items()
            if name not in ("NO_COLOR", "CLICOLOR_FORCE", "TERM", "EGRET")}
    kept["PATH"] = os.path.dirname(program()) + os.pathsep + kept.get("PATH", "")
    return {**kept, "TERM": "dumb", **more}


def program():
    """The tests' environment names the program."""
    return os.environ["EGRET"]


def egret(*words, stdin="", folder=ROOT, time_limit=60, **more):
    data = stdin if isinstance(stdin, bytes) else stdin.encode()
    done = subprocess.run([program(), *words], input=data, capture_output=True, cwd=folder, env=environment(**more),
                          timeout=time_limit, check=False)
    return Ended(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
