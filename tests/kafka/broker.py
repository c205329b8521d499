# SPDX-License-Identifier: Apache-2.0
"""A real broker for a test (scripts/kafka-broker): started on loopback in a temporary folder, ended by its pid, and also
when the test itself is killed."""
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
SCRIPT = os.path.join(ROOT, "scripts", "kafka-broker")
READY_S = 90


def missing():
    """What is missing on this machine, or None."""
    for name in ("java", "kcat", "setpriv"):
        if shutil.which(name) is None:
            return f"{name} is not installed"
    return None


def skip_or_fail(why):
    """Ends the test: a failure in CI, a named skip elsewhere."""
    print(f"no broker: {why}", flush=True)
    sys.exit(1 if os.environ.get("CI") == "true" else 77)


def fetch(version):
    why = missing()
    if why:
        skip_or_fail(why)
    done = subprocess.run([SCRIPT, "fetch", version], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, timeout=600)
    if done.returncode:
        skip_or_fail("the jars cannot be fetched\n" + done.stdout[-2000:])


def first_ended(*processes):
    """Waits until one of them has ended."""
    ends = [os.pidfd_open(process.pid) for process in processes]
    waiting = select.poll()
    for end in ends:
        waiting.register(end, select.POLLIN)
    waiting.poll()
    for end in ends:
        os.close(end)


class Broker:
    """with Broker("3.9.1") as broker: broker.address, broker.tool("create", "t", "4")"""

    def __init__(self, version, tool=None):
        fetch(version)
        self.version = version
        self.tool_program = tool or os.environ["KAFKA_TOOL"]
        self.folder = None
        self.process = None
        self.address = None

    def __enter__(self):
        for _ in range(3):  # a free port may be taken before the broker has it
            self.folder = tempfile.mkdtemp(prefix="egret-kafka-")
            try:
                self.start()
                return self
            except RuntimeError as problem:
                shown = str(problem)
                self.__exit__()
        raise RuntimeError(shown)

    def __exit__(self, *_):
        self.end(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        try:
            with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as file:
                return file.read()[-3000:]
        except OSError:
            return ""

    def start(self):
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", SCRIPT, "run", self.folder, self.version],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        with self.process.stdout as said:
            self.address = said.readline().strip()
        asking = subprocess.Popen([self.tool_program, self.address, "ready", str(READY_S * 1000)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        first_ended(asking, self.process)
        if asking.poll() != 0:
            asking.kill()
            asking.wait()
            raise RuntimeError(f"the broker did not start:\n{self.log()}")

    def end(self, number=signal.SIGTERM):
        if self.process is None:
            return
        self.process.send_signal(number)
        self.process.wait(timeout=60)
        self.process = None

    # ---- the witness: kafka_tool, which shares no code with the program ----

    def tool(self, *words, stdin=None, check=True):
        data = stdin if stdin is None or isinstance(stdin, bytes) else stdin.encode()
        done = subprocess.run([self.tool_program, self.address, *[str(word) for word in words]], input=data,
                              capture_output=True, check=False, timeout=120)
        if check and done.returncode:
            raise RuntimeError(f"kafka_tool {words}: {done.stderr.decode()}")
        return done.stdout.decode(errors="replace")

    def undecided(self, topic):
        """Records, and marks of transactions, that a read-committed reader may not see yet."""
        return int(self.tool("undecided", topic))

    def create(self, topic, partitions, *settings):
        self.tool("create", topic, partitions, *settings)

    def produce(self, topic, lines, *settings):
        """Lines: (partition, key, headers, timestamp, value); None is none."""
        def text(line):
            if isinstance(line, str):
                return line
            *head, value = line
            words = ["-" if word is None else str(word) for word in head]
            return "\t".join(words if value is None else [*words, value])
        self.tool("produce", topic, *settings, stdin="\n".join(map(text, lines)) + "\n")

    def dump(self, topic, *settings):
        """(partition, offset, key, headers, value) of what a read-committed reader sees."""
        rows = []
        for line in self.tool("dump", topic, *settings).split("\n")[:-1]:
            partition, offset, key, headers, value = line.split("\t", 4)
            pairs = dict(pair.split("=", 1) for pair in headers.split(",")) if headers else {}
            rows.append((int(partition), int(offset), key, pairs, value))
        return rows

    def offsets(self, group, topic):
        """{partition: (offset, metadata)} of what is committed."""
        found = {}
        for line in self.tool("offsets", group, topic).split("\n")[:-1]:
            partition, offset, metadata = line.split("\t")
            if int(offset) >= 0:
                found[int(partition)] = (int(offset), metadata)
        return found
