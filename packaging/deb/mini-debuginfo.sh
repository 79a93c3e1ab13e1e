#!/bin/sh
# mini-debuginfo.sh PROGRAM...: puts each program's function names into itself, compressed, as section .gnu_debugdata. They survive `strip`, so that
# stint-backtrace names the functions a process died in without the debug package. Format: "MiniDebugInfo" of the GDB manual.
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for program; do
  nm -D "$program" --format=posix --defined-only | awk '{ print $1 }' | sort >"$scratch/dynamic"
  nm "$program" --format=posix --defined-only | awk '$2 == "T" || $2 == "t" { print $1 }' | sort >"$scratch/functions"
  comm -13 "$scratch/dynamic" "$scratch/functions" >"$scratch/keep"
  objcopy --only-keep-debug "$program" "$scratch/debug"
  objcopy -S --remove-section .comment --remove-section .gnu_debugdata --keep-symbols="$scratch/keep" "$scratch/debug" "$scratch/mini"
  rm -f "$scratch/mini.xz"
  xz "$scratch/mini"
  objcopy --remove-section .gnu_debugdata --add-section .gnu_debugdata="$scratch/mini.xz" "$program"
done
