#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: run.sh shared|static BUILD SOURCE CC CMAKE SANITIZERS FLAGS
# Installs the build into a directory of its own, compiles examples/embed/embed.c against that with pkg-config, runs it.
set -euo pipefail
kind=$1 build=$2 source=$3 cc=$4 cmake=$5 sanitizers=$6 flags=$7
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
"$cmake" --install "$build" --prefix "$prefix" >/dev/null
pc=$(dirname "$(find "$prefix" -name egret.pc)")
library=$(dirname "$pc")
# The file names the prefix it was configured with.
export PKG_CONFIG_PATH=$pc
pkg() { pkg-config --define-variable=prefix="$prefix" "$@"; }
read -ra more <<<"$flags ${sanitizers:+-fsanitize=$sanitizers}"
read -ra cflags <<<"$(pkg --cflags egret)"
if [ "$kind" = static ]; then
    rm -f "$library"/libegret.so*
    read -ra libs <<<"$(pkg --libs --static egret)"
else
    rm -f "$library"/libegret.a
    read -ra libs <<<"$(pkg --libs egret)"
fi
"$cc" -std=c11 -Wall -Wextra -Werror "${more[@]}" "$source/examples/embed/embed.c" "${cflags[@]}" "${libs[@]}" -o "$prefix/embed"
LD_LIBRARY_PATH=$library "$prefix/embed" >"$prefix/output"
version=$(pkg --modversion egret)
diff - "$prefix/output" <<END
high guessed-password: bob: 4 failures
$version: 5 events, 1 matches
END
