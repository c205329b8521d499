#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the house rules that a reader of one file cannot see: who may include whom, calls that are banned and
what to use instead, length of files, licence lines, paths that exist on one machine only.

    layering.py [ROOT]      checks the tree, one line per finding, exit 1 if there is any
    layering.py --self-test shows that each rule can fail
"""
import os
import re
import subprocess
import sys
import tempfile

# ---- who may include whom: the most specific folder that contains the file decides ----

EVERYTHING = ["runtime/", "nfa/", "rules/", "cep/", "egret/", "cli/", "tests/", "bench/", ""]
LAYERS = {
    "runtime/base": ["runtime/base/"],
    "runtime/event": ["runtime/base/", "runtime/event/"],
    "runtime/time": ["runtime/base/", "runtime/event/", "runtime/time/", "runtime/operator.h"],
    "runtime/state": ["runtime/base/", "runtime/state/"],
    "runtime/window": ["runtime/base/", "runtime/event/", "runtime/window/"],
    "runtime/io": ["runtime/base/", "runtime/event/", "runtime/io/", "runtime/time/clock.h"],
    "runtime/checkpoint": ["runtime/base/", "runtime/checkpoint/"],
    "runtime/job": ["runtime/base/", "runtime/event/", "runtime/time/", "runtime/io/", "runtime/checkpoint/",
                    "runtime/job/", "runtime/operator.h"],
    "runtime/worker": ["runtime/base/", "runtime/event/", "runtime/worker/", "runtime/operator.h"],
    "runtime": ["runtime/base/", "runtime/event/"],
    "nfa": ["runtime/base/", "nfa/"],
    "rules": ["runtime/base/", "runtime/event/", "nfa/", "rules/"],
    "cep": ["runtime/base/", "runtime/event/", "runtime/time/", "runtime/state/", "runtime/window/",
            "runtime/operator.h", "nfa/", "rules/", "cep/", "egret/"],
    "cli": EVERYTHING,
    "tests": EVERYTHING,
    "bench": EVERYTHING,
    "examples": ["egret/"],
}

# Third-party headers: the folder that may see them, and whether one file there must do.
FOREIGN = [
    (r"xxhash\.h", "runtime/base", True),
    (r"simdjson.*", "runtime/event", True),
    (r"zlib\.h", "runtime/io", True),
    (r"librdkafka/.*", "runtime/io", True),
    (r"rocksdb/.*", "runtime/checkpoint", True),
    (r"yaml\.h", "rules", True),
    (r"pcre2\.h", "rules", True),
    (r"microhttpd\.h", "cli", True),
    (r"jansson\.h", "cli", False),
    (r"cmocka\.h", "tests", False),
]
C_HEADERS = set("""assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg
    stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype""".split())
SYSTEM_HEADERS = set("""dirent dlfcn fcntl glob poll pthread regex sys/file sys/mman sys/resource sys/socket sys/stat sys/types sys/uio sys/wait
    unistd""".split())
# Who may talk to the operating system: everything else computes.
SYSTEM_FOLDERS = ["runtime/io/", "runtime/time/clock.c", "runtime/checkpoint/", "runtime/base/alloc.c",
                  "runtime/state/", "runtime/worker/", "rules/zone_file.c", "cli/", "tests/", "bench/"]

# ---- banned calls ----

PRODUCT = ["runtime/", "nfa/", "rules/", "cep/", "cli/"]
LIBRARY = ["runtime/", "nfa/", "rules/", "cep/"]
OURS = PRODUCT + ["tests/", "bench/", "examples/"]
# (calls, what to use instead, where it is banned, files that are excepted)
BANNED = [
    ("strcpy strcat sprintf vsprintf", "rt_buffer, or snprintf into an array", OURS, []),
    ("strtok", "strcspn, or rt_text", OURS, []),
    ("atoi atol atoll atof", "rt_text_to_int, rt_text_to_double", OURS, []),
    ("gmtime gmtime_r localtime localtime_r mktime timegm", "runtime/time/timestamp.h", OURS, []),
    ("rand srand random", "a seeded generator of the test", OURS, []),
    ("setlocale", "nothing: no behaviour depends on the locale", OURS, []),
    ("alloca", "an arena", OURS, []),
    ("malloc calloc realloc free strdup strndup", "rt_alloc, rt_free, an arena, a pool", PRODUCT,
     ["runtime/base/alloc.c"]),
    ("printf fprintf vprintf vfprintf puts fputs putchar perror", "a message in a buffer of the caller", LIBRARY,
     ["runtime/base/assert.c"]),
    ("exit _exit abort", "a status", LIBRARY, ["runtime/base/assert.c"]),
    ("time clock clock_gettime gettimeofday", "runtime/time/clock.h", PRODUCT, ["runtime/time/clock.c"]),
    ("assert", "RT_ASSERT", PRODUCT, []),
]

LINES_MAX = 1000
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|home|root|Users|mnt)/[\w.-]+")
CODE = (".c", ".h", ".cpp", ".def")
WITH_LICENCE = CODE + (".py", ".cmake", ".sh")
DATA = (".jsonl", ".ndjson", ".json", ".gz", ".png", ".svg")


def tracked_files(root):
    try:
        listed = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                check=True, capture_output=True).stdout.decode()
        names = [name for name in listed.split("\0") if name and os.path.isfile(os.path.join(root, name))]
        if names:
            return sorted(set(names))
    except (OSError, subprocess.CalledProcessError):
        pass
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f not in ("build", ".git")]
        found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(found)


STRIP = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(match):
    """Comments and literals become blanks, line breaks stay, so that line numbers hold."""
    return re.sub(r"[^\n]", " ", match.group())


def layer_of(name):
    folder = os.path.dirname(name)
    while folder:
        if folder in LAYERS:
            return folder
        folder = os.path.dirname(folder)
    return None


def starts_with_any(name, prefixes):
    return any(name.startswith(prefix) for prefix in prefixes)


def check_quoted(name, included):
    layer = layer_of(name)
    if layer is None:
        return f"no layer is known for this folder (tests/layering/layering.py LAYERS)"
    if not starts_with_any(included, LAYERS[layer]):
        return f"{layer} must not include {included}"
    return None


def check_angled(name, included, users):
    for pattern, folder, single in FOREIGN:
        if not re.fullmatch(pattern, included):
            continue
        if starts_with_any(name, ["tests/", "bench/"]):
            return None
        if not name.startswith(folder + "/"):
            return f"<{included}> belongs to {folder} alone"
        if single:
            users.setdefault(pattern, set()).add(name)
        return None
    stem = included[:-2] if included.endswith(".h") else included
    if stem in C_HEADERS or (name.endswith(".cpp") and re.fullmatch(r"c?[a-z_]+", included)):
        return None
    if stem in SYSTEM_HEADERS:
        return None if starts_with_any(name, SYSTEM_FOLDERS) else f"<{included}> is the operating system's: not in this layer"
    if included.startswith("egret/"):
        return check_quoted(name, included)
    return f"<{included}> is not known (tests/layering/layering.py FOREIGN)"


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.M)


def check_includes(name, text, users):
    without_comments = re.sub(r"//[^\n]*|/\*.*?\*/", blank, text, flags=re.S)
    for match in INCLUDE.finditer(without_comments):
        quoted, angled = match.groups()
        wrong = check_quoted(name, quoted) if quoted else check_angled(name, angled, users)
        if wrong:
            yield text.count("\n", 0, match.start()) + 1, wrong


def check_calls(name, text):
    code = STRIP.sub(blank, text)
    for calls, instead, folders, excepted in BANNED:
        if not starts_with_any(name, folders) or name in excepted:
            continue
        for match in re.finditer(r"(?<![\w.>*])(%s)\s*\(" % "|".join(calls.split()), code):
            yield code.count("\n", 0, match.start()) + 1, f"{match.group(1)}() is banned here; use {instead}"


def check_file(name, text, users):
    lines = text.split("\n")
    if name.endswith(CODE):
        yield from check_includes(name, text, users)
        yield from check_calls(name, text)
        if len(lines) > LINES_MAX:
            yield LINES_MAX, f"{len(lines)} lines; a file is one job and has at most {LINES_MAX}"
    script = lines[0].startswith("#!")
    if name.endswith(WITH_LICENCE) or script or os.path.basename(name) == "CMakeLists.txt":
        if "SPDX-License-Identifier: Apache-2.0" not in (lines[1] if script and len(lines) > 1 else lines[0]):
            yield 1, "the licence line is missing: SPDX-License-Identifier: Apache-2.0"
    if not name.endswith(DATA) and name != "tests/layering/layering.py":
        for number, line in enumerate(lines, 1):
            path = MACHINE_PATH.search(line)
            if path:
                yield number, f"{path.group()} exists on one machine only"


def findings(root):
    users = {}
    for name in tracked_files(root):
        with open(os.path.join(root, name), "rb") as file:
            data = file.read()
        if b"\0" in data[:8192] or name.endswith(".gz"):
            continue
        for line, wrong in check_file(name, data.decode(errors="replace"), users):
            yield f"{name}:{line}: {wrong}"
    for pattern, names in users.items():
        if len(names) > 1:
            yield f"{pattern} is included by {', '.join(sorted(names))}: one file must hide it from the others"


# ---- each rule can fail ----

LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n"
CASES = [
    ("nfa/a.c", LICENCE + '#include "rules/plan.h"\n', "nfa must not include rules/plan.h"),
    ("runtime/base/a.c", LICENCE + '#include "runtime/event/event.h"\n', "must not include runtime/event/event.h"),
    ("runtime/job/a.c", LICENCE + '#include "cep/engine.h"\n', "must not include cep/engine.h"),
    ("cep/a.c", LICENCE + '#include "runtime/io/sink.h"\n', "must not include runtime/io/sink.h"),
    ("examples/a.c", LICENCE + '#include "cep/engine.h"\n', "must not include cep/engine.h"),
    ("cellar/a.c", LICENCE + '#include "cep/engine.h"\n', "no layer is known"),
    ("cep/a.c", LICENCE + "#include <yaml.h>\n", "belongs to rules alone"),
    ("nfa/a.c", LICENCE + "#include <unistd.h>\n", "operating system"),
    ("nfa/a.c", LICENCE + "#include <strange.h>\n", "is not known"),
    ("nfa/a.c", LICENCE + "int f(void) { return rand(); }\n", "rand() is banned"),
    ("tests/a.c", LICENCE + "void f(char *a) { strcpy(a, a); }\n", "strcpy() is banned"),
    ("rules/a.c", LICENCE + "void *f(void) { return malloc(1); }\n", "malloc() is banned"),
    ("cep/a.c", LICENCE + 'void f(void) { printf("x"); }\n', "printf() is banned"),
    ("cli/a.c", LICENCE + "long f(void) { return time (0); }\n", "time() is banned"),
    ("cep/a.c", "int x;\n", "licence line is missing"),
    ("scripts/a", "#!/bin/sh\necho\n", "licence line is missing"),
    ("cep/a.c", LICENCE + "int x;\n" * 1000, "has at most 1000"),
    ("docs/a.md", "see /" + "home/somebody/notes\n", "exists on one machine only"),
]
CLEAN = ("rules/a.c", LICENCE + '#include "runtime/base/alloc.h"\n#include <string.h>\n/* free(x) printf( */\n'
         'void f(struct s *x) { x->free(x); rt_free(x); g("malloc(1)"); }\n')


def findings_of(files):
    with tempfile.TemporaryDirectory() as root:
        for name, text in files:
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return list(findings(root))


def self_test():
    failures = 0
    for name, text, expected in CASES:
        found = findings_of([(name, text)])
        if len(found) != 1 or expected not in found[0]:
            failures += 1
            print(f"{name}: expected one finding `{expected}`, got {found}")
    found = findings_of([CLEAN])
    if found:
        failures += 1
        print(f"a clean file has findings: {found}")
    twice = [(f"rules/{letter}.c", LICENCE + "#include <yaml.h>\n") for letter in "ab"]
    if len(findings_of(twice)) != 1:
        failures += 1
        print("a library that two files include is not noticed")
    print(f"{len(CASES) + 2} cases, {failures} failed")
    return 1 if failures else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    found = list(findings(root))
    for line in found:
        print(line)
    print(f"{len(tracked_files(root))} files, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
