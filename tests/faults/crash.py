#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Egret is killed, its disk fails, the power goes: started again with the same words until it ends, it leaves the same bytes as a
run that nobody disturbed.

    crash.py points [--stride N]        every kill point, the first, second and third time that it is reached (T1)
    crash.py random COUNT [SEED]        SIGKILL at random moments, several in a row (T2)
    crash.py recovery                   killed while it goes on after a kill, and again (T3)
    crash.py faults [--all]             every call to the disk fails once, or from then on, in one of five ways or in all (T10)
    crash.py power COUNT [SEED]         states that a disk may have after a power loss (T11)
    crash.py flips [--stride N]         bytes of every file of the state are changed: refused with file and byte (T12)
    crash.py upgrade                    goes on from the state that is kept in tests/faults/state-v1 (T22)
    crash.py fixture                    makes that state anew: only when its version has never been released
    crash.py mutants                    each deliberate mistake (runtime/base/killpoint.h) is noticed by one of the above (T8)

The environment: EGRET is the program with kill points, EGRET_SHIM the library of tests/faults/shim.c."""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

RULES = """
version: 1
rules:
  - id: three-failures
    key_by: user
    pattern:
      - begin: first
        match: { type: failure }
      - followedBy: second
        match: { type: failure }
      - followedBy: third
        match: { type: failure }
    within: 1m
    alert: { message: "{{ key.user }} failed three times", dedup: { for: 10s } }
  - id: silent
    key_by: user
    pattern:
      - begin: order
        match: { type: order }
      - notFollowedBy: ok
        match: { type: ok }
    within: 30s
    alert: { message: "{{ key.user }} was silent" }
  - id: busy
    key_by: user
    window: { sliding: 20s }
    aggregate: { n: count() }
    having: n >= 6
"""
FINISHED = 0
KILLED = -signal.SIGKILL
TRIES = 40  # starts until it must have ended
RUNS_FOR_POINTS = 20
RECOVERY = ("chosen", "locked", "verified", "restored", "output_cut")
POINTS = {"frozen", "saved", "outputs_settled", "entries_written", "entries_renamed", "parts_synced", "manifest_written",
          "manifest_renamed", "manifest_synced", "prepared", "committed", "cleaning", "merged", "finished", *RECOVERY}


class Failure(Exception):
    """The disturbed run left something else than the quiet one."""


def program():
    return os.environ["EGRET"]


class Incomplete(Exception):
    """The test itself does not see what it should."""


class Place:
    """A folder with rules, events, and what a quiet run makes of them."""

    def __init__(self, events, every="1ms", in_step=True):
        """in_step: the stream waits for each checkpoint, so that a small run has many on any disk."""
        self.folder = tempfile.mkdtemp(prefix="egret-crash-")
        self.every = every
        self.tuned = "merge_after:3,in_step:1" if in_step else "merge_after:3"
        self.serial = 0
        with open(self.path("rules.yaml"), "w", encoding="utf-8") as file:
            file.write(RULES)
        self.make_events(events)
        done = self.run("quiet", state=False)
        if done.returncode != 0:
            raise Failure(f"the quiet run ended with {done.returncode}: {done.stderr.decode()}")
        self.expected = self.outputs("quiet")
        self.highest = {}

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_events(self, count):
        """Out of order, some late, some no events at all."""
        chance = random.Random(7)
        with open(self.path("in.ndjson"), "w", encoding="utf-8") as file:
            for number in range(count):
                if chance.randrange(200) == 0:
                    file.write(chance.choice(["{broken\n", '{"user":"u1"}\n', "[]\n"]))
                    continue
                file.write(json.dumps({"ts": 1767225600000 + number * 20 + chance.randrange(-300, 300),
                                       "user": f"u{chance.randrange(500)}",
                                       "type": chance.choice(["failure", "order", "ok", "x"])}) + "\n")

    def words(self, name, state=True):
        words = [program(), "run", "rules.yaml", "-i", "in.ndjson", "-o", f"{name}.out", "--dead-letter", f"{name}.dead",
                 "--out-of-orderness", "250ms", "--quiet"]
        if state:
            words += ["--state", f"{name}.state", "--set", f"state.checkpoint.every={self.every}"]
        return words

    def environment(self, more):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("EGRET_")}
        return {**kept, "EGRET_TUNED": self.tuned, **more}

    def run(self, name, state=True, **more):
        return subprocess.run(self.words(name, state), cwd=self.folder, env=self.environment(more), capture_output=True,
                              timeout=120, check=False)

    def start(self, name, **more):
        return subprocess.Popen(self.words(name), cwd=self.folder, env=self.environment(more), stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE)

    def outputs(self, name):
        result = []
        for kind in ("out", "dead"):
            try:
                with open(self.path(f"{name}.{kind}"), "rb") as file:
                    result.append(file.read())
            except FileNotFoundError:
                result.append(b"")
        return result

    def fresh(self):
        self.serial += 1
        self.highest = {}
        return f"run{self.serial}"

    def forget(self, name):
        for kind in ("out", "dead"):
            if os.path.exists(self.path(f"{name}.{kind}")):
                os.unlink(self.path(f"{name}.{kind}"))
        shutil.rmtree(self.path(f"{name}.state"), ignore_errors=True)

    def check(self, name, what):
        found = self.outputs(name)
        for kind, now, wanted in zip(("alerts", "dead letters"), found, self.expected):
            if now != wanted:
                raise Failure(f"{what}: {kind} differ: {len(now)} bytes, expected {len(wanted)}")
        again = self.run(name)
        if again.returncode != 0 or self.outputs(name) != found:
            raise Failure(f"{what}: a finished run that is started again is not left alone")

    def note_ids(self, name, what):
        """No file of a checkpoint is ever made twice: an id that was used, even for nothing, is used up."""
        folder = self.path(f"{name}.state")
        seen = {}
        for entry in os.listdir(folder) if os.path.isdir(folder) else []:
            words = entry.replace(".tmp", "").split("-")
            if words[0] in ("delta", "checkpoint"):
                seen[entry.replace(".tmp", "")] = os.stat(os.path.join(folder, entry)).st_ino
        for entry, inode in seen.items():
            number = int(entry.split("-")[1])
            if number <= self.highest.get("id", 0) and self.highest["files"].get(entry) != inode:
                raise Failure(f"{what}: {entry} was made again")
        self.highest = {"id": max([self.highest.get("id", 0)] + [int(entry.split("-")[1]) for entry in seen]), "files": seen}

    def finish(self, name, what, **more):
        done = self.run(name, **more)
        if done.returncode != 0:
            raise Failure(f"{what}: ended with {done.returncode}: {done.stderr.decode()[:500]}")
        self.check(name, what)
        self.forget(name)

    def points(self, **more):
        """The kill points of whole runs, and of going on.  What the background does is not in each of them."""
        log = self.path("points.log")
        names = set()
        for _ in range(RUNS_FOR_POINTS):
            name = self.fresh()
            for extra in ({"EGRET_KILLPOINT": "committed:2"}, {}):
                self.run(name, EGRET_KILLPOINT_LOG=log, **extra, **more)
            self.forget(name)
            with open(log, encoding="utf-8") as file:
                names.update(file.read().split())
            os.unlink(log)
            if names.issuperset(POINTS):
                break
        return sorted(names)

    def done(self):
        shutil.rmtree(self.folder, ignore_errors=True)


# ---- T1, T2, T3 ----

def kill_at(place, point, hit, before="", **more):
    name = place.fresh()
    what = f"killed at {before + ', ' if before else ''}{point}:{hit}"
    if before:
        place.run(name, EGRET_KILLPOINT=before, **more)
        place.note_ids(name, what)
    done = place.run(name, EGRET_KILLPOINT=f"{point}:{hit}", **more)
    if done.returncode not in (FINISHED, KILLED):
        raise Failure(f"{what}: ended with {done.returncode}: {done.stderr.decode()[:500]}")
    place.note_ids(name, what)
    if done.returncode == KILLED:
        # A second kill in the same breath, so that what was left over is seen by two starts.
        place.run(name, EGRET_KILLPOINT="entries_renamed:1", **more)
        place.note_ids(name, what)
    place.finish(name, what, **more)
    return done.returncode == KILLED


def points(place, stride=1, **more):
    reached = 0
    names = place.points(**more)
    if not more and not POINTS.issubset(names):
        raise Incomplete(f"never reached: {sorted(POINTS.difference(names))}")
    cases = [(point, hit) for point in names for hit in (1, 2, 3)]
    for point, hit in cases[::stride]:
        before = "committed:2" if point in RECOVERY else ""
        reached += kill_at(place, point, hit, before, **more)
    print(f"{len(names)} points, {len(cases[::stride])} cases, {reached} kills")
    if reached < len(cases[::stride]) / 3:
        raise Incomplete("hardly any kill point was reached")


def recovery(place, **more):
    count = 0
    for point in (*RECOVERY, "frozen", "parts_synced", "manifest_renamed", "committed"):
        for first in ("committed:1", "manifest_renamed:2", "entries_written:3"):
            name = place.fresh()
            what = f"killed at {first}, {point}, {point}"
            for point_now in (first, f"{point}:1", f"{point}:1"):
                place.run(name, EGRET_KILLPOINT=point_now, **more)
                place.note_ids(name, what)
                count += 1
            place.finish(name, what, **more)
    print(f"{count} kills while going on after a kill")


def random_kills(place, count, seed, **more):
    chance = random.Random(seed)
    started = time.monotonic()
    place.finish(place.fresh(), "a whole run", **more)
    whole = time.monotonic() - started
    kills = 0
    while kills < count:
        name = place.fresh()
        for attempt in range(TRIES):
            process = place.start(name, **more)
            try:
                process.wait(timeout=chance.uniform(0, whole * (0.2 + 0.05 * attempt)))
            except subprocess.TimeoutExpired:
                process.kill()
            _, error = process.communicate()
            if process.returncode == FINISHED:
                break
            if process.returncode != KILLED:
                raise Failure(f"seed {seed}: ended with {process.returncode}: {error.decode()[:500]}")
            kills += 1
            place.note_ids(name, f"seed {seed}, kill {kills}")
        place.finish(name, f"seed {seed}, after {kills} kills", **more)
    print(f"{kills} kills at random moments, seed {seed}")


# ---- T10: the disk fails ----

KINDS = ("EIO", "ENOSPC", "EINTR", "half", "sync")


def shim(name, **more):
    return {"LD_PRELOAD": os.environ["EGRET_SHIM"], "SHIM_PREFIX": f"{name}.", **more}


def faults(place, every_kind, **more):
    name = place.fresh()
    log = place.path("calls.log")
    place.run(name, **shim(name, SHIM_COUNT=log), **more)
    with open(log, encoding="utf-8") as file:
        calls = int(file.read())
    place.forget(name)
    refused = absorbed = 0
    for nth in range(1, calls + 1):
        for index, kind in enumerate(KINDS):
            if not every_kind and nth % len(KINDS) != index:
                continue
            name = place.fresh()
            sticky = (nth // len(KINDS) + index) % 2
            what = f"call {nth} of {calls}: {kind}{', from then on' if sticky else ''}"
            done = place.run(name, **shim(name, SHIM_NTH=str(nth), SHIM_KIND=kind, SHIM_STICKY=str(sticky)), **more)
            if done.returncode == 0:
                absorbed += 1
            elif done.returncode in (2, 74) and done.stderr.strip():
                refused += 1
            else:
                raise Failure(f"{what}: ended with {done.returncode}: {done.stderr.decode()[:500]}")
            place.finish(name, what, **more)
    print(f"{calls} calls to the disk, {refused} failures told, {absorbed} absorbed")


# ---- T11: the power goes ----

class Disk:
    """What a disk may hold after some calls: what was synced, and any part of what was not."""

    def __init__(self, folder, chance):
        self.folder, self.chance = folder, chance

    def make(self, calls, upto):
        """Plays the first calls; those not made safe since may be missing, a write among them may be torn."""
        files, names, folders = {}, {}, []
        safe = self.safe(calls[:upto])
        for index, call in enumerate(calls[:upto]):
            if index not in safe and self.chance.random() < 0.5:
                continue
            self.play(call, files, names, folders, index not in safe and self.chance.random() < 0.3)
        for path in folders:
            os.makedirs(os.path.join(self.folder, path), exist_ok=True)
        for path, file in names.items():
            if os.path.isdir(os.path.join(self.folder, os.path.dirname(path))):
                with open(os.path.join(self.folder, path), "wb") as out:
                    out.write(files.get(file, b""))

    @staticmethod
    def safe(calls):
        """Numbers of the calls that a later sync has made safe: a file's bytes by its own, a name by that of its folder."""
        numbers, open_files, open_names = set(), {}, {}
        for index, call in enumerate(calls):
            if call["call"] in ("write", "truncate"):
                open_files.setdefault(call["file"], []).append(index)
            elif call["call"] == "sync":
                numbers.update(open_files.pop(call["file"], []))
                numbers.update(open_names.pop(call["folder"], []))
            else:
                open_names.setdefault(os.path.dirname(call["path"]), []).append(index)
        return numbers

    def play(self, call, files, names, folders, torn):
        if call["call"] == "mkdir":
            folders.append(call["path"])
        elif call["call"] == "create":
            names[call["path"]] = call["file"]
        elif call["call"] == "write":
            data = call["data"]
            if torn:
                data = data[:self.chance.randrange(len(data))]
            content = files.setdefault(call["file"], bytearray())
            content.extend(bytes(max(0, call["at"] - len(content))))
            content[call["at"]:call["at"] + len(data)] = data
        elif call["call"] == "truncate":
            content = files.setdefault(call["file"], bytearray())
            del content[call["size"]:]
            content.extend(bytes(call["size"] - len(content)))
        elif call["call"] == "rename":
            names[call["path"]] = call["file"]
            if names.get(call["from"]) == call["file"]:
                del names[call["from"]]
        elif call["call"] == "unlink" and names.get(call["path"]) == call["file"]:
            del names[call["path"]]


def resolved(lines, names, serial):
    """The log of one process with files instead of descriptors and names; `names` goes from one process to the next."""
    opened, calls = {}, []
    for line in lines:
        call = json.loads(line)
        kind = call["call"]
        if kind == "open":
            if call["created"] and call["path"] != ".":
                serial[0] += 1
                names[call["path"]] = serial[0]
                calls.append({"call": "create", "path": call["path"], "file": serial[0]})
            opened[call["fd"]] = call["path"]
            call["file"] = names.get(call["path"])
            if call["emptied"] and not call["created"]:
                calls.append({"call": "truncate", "file": call["file"], "size": 0})
            opened[call["fd"]] = (call["file"], "" if call["path"] == "." else call["path"])
        elif kind == "close":
            opened.pop(call["fd"], None)
        elif kind in ("write", "truncate"):
            calls.append({**call, "file": opened[call["fd"]][0]})
            if kind == "write":
                calls[-1]["data"] = bytes.fromhex(call["data"])
        elif kind == "fsync":
            file, path = opened[call["fd"]]
            calls.append({"call": "sync", "file": file, "folder": path.removesuffix("/.")})
        elif kind == "rename":
            names[call["path"]] = names.pop(call["from"])
            calls.append({**call, "file": names[call["path"]]})
        elif kind == "unlink":
            calls.append({**call, "file": names.pop(call["path"])})
        else:
            calls.append(call)
    return calls


def recorded(place, **more):
    """The calls of a run that goes on after a kill, so that cutting outputs is among them."""
    name = place.fresh()
    names, serial, calls = {}, [0], []
    for number, extra in enumerate(({"EGRET_KILLPOINT": "committed:2"}, {})):
        log = place.path(f"calls{number}.log")
        done = place.run(name, **shim(name, SHIM_LOG=log), **extra, **more)
        if done.returncode not in (FINISHED, KILLED):
            raise Failure(f"the recorded run ended with {done.returncode}: {done.stderr.decode()[:500]}")
        with open(log, encoding="utf-8") as file:
            calls += resolved(file, names, serial)
        os.unlink(log)
    place.forget(name)
    return name, calls


def power(place, count, seed, **more):
    chance = random.Random(seed)
    name, calls = recorded(place, **more)
    for number in range(count):
        upto = chance.randrange(len(calls) + 1)
        Disk(place.folder, chance).make(calls, upto)
        place.finish(name, f"seed {seed}, state {number}: power lost after call {upto} of {len(calls)}", **more)
    print(f"{count} states after a power loss in {len(calls)} calls, seed {seed}")


# ---- T12 ----

def flips(place, stride=1):
    name = place.fresh()
    place.run(name, EGRET_KILLPOINT="committed:3")
    folder = place.path(f"{name}.state")
    newest = max(int(entry.split("-")[1]) for entry in os.listdir(folder) if entry.startswith("checkpoint-"))
    kept = place.outputs(name)
    count = 0
    for entry in (f"checkpoint-{newest}", f"delta-{newest}-0"):
        path = os.path.join(folder, entry)
        with open(path, "rb") as file:
            data = file.read()
        for at in range(0, len(data), max(1, stride * len(data) // 400)):
            with open(path, "r+b") as file:
                file.seek(at)
                file.write(bytes([data[at] ^ 0xFF]))
            done = place.run(name)
            error = done.stderr.decode()
            if done.returncode not in (74, 78) or entry not in error or "egret savepoint" not in error:
                raise Failure(f"byte {at} of {entry}: ended with {done.returncode}: {error}")
            if place.outputs(name) != kept:
                raise Failure(f"byte {at} of {entry}: the outputs were touched")
            with open(path, "r+b") as file:
                file.seek(at)
                file.write(data[at:at + 1])
            count += 1
    place.finish(name, "after all bytes were put back")
    print(f"{count} changed bytes refused")


# ---- T22 ----

FIXTURE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "state-v1")
FIXTURE_EVENTS = 900
FIXTURE_FILES = ("rules.yaml", "in.ndjson", "old.out", "old.dead")


def fixture(_):
    """Rules, events, and a run that was killed; what it should come to is what a quiet run makes of them."""
    place = Place(FIXTURE_EVENTS)
    try:
        done = place.run("old", EGRET_KILLPOINT="committed:2")
        if done.returncode != KILLED:
            raise Failure("the run ended before its second checkpoint")
        shutil.rmtree(FIXTURE, ignore_errors=True)
        shutil.copytree(place.path("old.state"), os.path.join(FIXTURE, "old.state"))
        os.unlink(os.path.join(FIXTURE, "old.state", "lock"))
        for name in FIXTURE_FILES:
            shutil.copy(place.path(name), FIXTURE)
    finally:
        place.done()


def upgrade(_):
    place = Place(FIXTURE_EVENTS)
    try:
        for name in FIXTURE_FILES:
            shutil.copy(os.path.join(FIXTURE, name), place.folder)
        place.run("quiet", state=False)
        place.expected = place.outputs("quiet")
        shutil.copytree(os.path.join(FIXTURE, "old.state"), place.path("old.state"))
        first = place.run("old", EGRET_KILLPOINT="restored:1")
        if first.returncode != KILLED:
            raise Failure(f"the state of version 1 is not restored; a changed form needs a version of its own: {first.stderr.decode()}")
        place.finish("old", "from the state of version 1")
    finally:
        place.done()


# ---- T8 ----

MUTANTS = {
    "no_fsync": "power", "no_directory_fsync": "power", "rename_first": "power", "newest_orphan": "power",
    "outputs_late": "power", "manifest_first": "points", "id_reused": "points", "output_not_truncated": "points",
    "output_position": "points", "watermark_not_saved": "points",
}


def mutants(place):
    survivors = []
    for name, test in MUTANTS.items():
        try:
            if test == "power":
                power(place, 400, 1, EGRET_MUTANT=name)
            else:
                points(place, EGRET_MUTANT=name)
            survivors.append(name)
        except Failure as failure:
            print(f"{name}: noticed: {str(failure).splitlines()[0][:150]}")
        for entry in os.listdir(place.folder):  # what the broken run left
            if entry.startswith("run") and not entry.startswith("rules"):
                place.forget(entry.split(".")[0])
    if survivors:
        raise Failure(f"not noticed: {', '.join(survivors)}")


def main():
    words = sys.argv[1:]
    events = int(os.environ.get("EGRET_CRASH_EVENTS", "20000"))
    stride = int(words[words.index("--stride") + 1]) if "--stride" in words else 1
    seed = int(words[2]) if len(words) > 2 and words[2].isdigit() else 1
    tests = {
        "points": lambda place: points(place, stride),
        "recovery": recovery,
        "random": lambda place: random_kills(place, int(words[1]), seed),
        "faults": lambda place: faults(place, "--all" in words),
        "power": lambda place: power(place, int(words[1]), seed),
        "flips": lambda place: flips(place, stride),
        "mutants": mutants,
        "upgrade": upgrade,
        "fixture": fixture,
    }
    most = {"random": events, "faults": 4000, "power": 6000}.get(words[0], 12000)
    place = Place(min(events, most), in_step=words[0] != "random")
    try:
        tests[words[0]](place)
    except (Failure, Incomplete) as failure:
        print(f"failed: {failure}")
        return 1
    finally:
        place.done()
    return 0


if __name__ == "__main__":
    sys.exit(main())
