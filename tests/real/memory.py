# SPDX-License-Identifier: Apache-2.0
"""State is freed by `within` also for keys that never come back: the resident set after five million events over ever-new
keys is that after one million.

usage: memory.py EGRET"""
import subprocess
import sys
import tempfile

RULE = """version: 1
rules:
  - id: pair
    key_by: event.user
    pattern:
      - begin: fail
        match: { type: fail }
      - followedBy: ok
        match: { type: ok }
    within: 10s
"""
SMALL, LARGE = 1_000_000, 5_000_000
MIB = 1024  # ru_maxrss counts KiB


def feed(stream, count):
    for start in range(0, count, 10_000):
        lines = (f'{{"ts":{1_760_000_000_000 + i},"type":"fail","user":"user-{i:010d}","n":{i}}}\n'
                 for i in range(start, start + 10_000))
        stream.write("".join(lines).encode())


def resident(egret, rule, count):
    """Peak resident set of one run, in KiB."""
    code = (f"import resource, subprocess, sys; p = subprocess.run({[egret, 'run', '-q', rule]!r}, stdin=sys.stdin); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(p.returncode)")
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    feed(process.stdin, count)
    process.stdin.close()
    out = process.stdout.read()
    if process.wait() != 0:
        sys.exit(f"egret run ended with {process.returncode}")
    return int(out.split()[-1])


def main():
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(RULE)
        file.flush()
        small = resident(sys.argv[1], file.name, SMALL)
        large = resident(sys.argv[1], file.name, LARGE)
    print(f"peak resident set: {small // MIB} MiB after {SMALL} events, {large // MIB} MiB after {LARGE}")
    if large > small * 1.1 + 8 * MIB:
        sys.exit("the resident set grows with the number of keys ever seen")


if __name__ == "__main__":
    main()
