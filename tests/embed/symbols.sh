#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: symbols.sh libegret.so egret.h
# The shared library exports what the header declares, and nothing else.
set -euo pipefail
diff <(grep -o 'egret_[a-z_]*(' "$2" | tr -d '(' | sort -u | while read -r name; do
           grep -qE "EGRET_API[^;]*\b$name\(" <(tr '\n' ' ' <"$2") && echo "$name"; done) \
     <(nm -D --defined-only "$1" | awk '{ print $3 }' | sed 's/@.*//' | sort -u)
