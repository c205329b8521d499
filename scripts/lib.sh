# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the scripts share.  Source it after `set -euo pipefail`.
cd "$(dirname "${BASH_SOURCE[0]}")/.."

jobs=$(nproc)
started=$SECONDS

# step TITLE COMMAND...: runs the command under a heading that says when it began.
step() {
    local title=$1
    shift
    printf '\n== %s (after %d s)\n' "$title" $((SECONDS - started))
    "$@"
}

# build PRESET [TARGET...]: configures when there is nothing yet, then builds.
build() {
    local preset=$1
    local targets=()
    shift
    [ $# -eq 0 ] || targets=(--target "$@")
    [ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" > "build-$preset.log" || {
        cat "build-$preset.log"
        return 1
    }
    rm -f "build-$preset.log"
    cmake --build --preset "$preset" --parallel "$jobs" "${targets[@]}"
}

# The events of all examples as one stream, by their time; within an example they stay as they are, so one that shows what late
# events do still does.
example_events() {
    LC_ALL=C sort --merge --stable --field-separator '"' --key 4,4 rules-examples/*/events.jsonl
}
