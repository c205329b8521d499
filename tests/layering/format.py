#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that every C and C++ file is formatted as .clang-format says.  Exit 77 (skipped) without clang-format, unless
CI=true."""
import os
import shutil
import subprocess
import sys

from layering import tracked_files

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def main():
    if shutil.which("clang-format") is None:
        print("clang-format is not installed")
        return 1 if os.environ.get("CI") == "true" else 77
    names = [name for name in tracked_files(ROOT) if name.endswith((".c", ".h", ".cpp"))]
    done = subprocess.run(["clang-format", "--dry-run", "--Werror", *names], cwd=ROOT, check=False)
    print(f"{len(names)} files; to mend: clang-format -i FILE")
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
