#!/bin/bash
# What a job costs, counted and compared with baseline.tsv: instructions, allocations, system calls, Redis' commands and bytes. Nothing here is timed.
set -u
for tool in valgrind strace redis-server python3; do
  command -v "$tool" >/dev/null || { echo "skip - a job's cost: $tool is not installed"; exit 77; }
done
[ -e "$STINT_BUILD/tests/stint-test-still.so" ] || { echo "skip - a job's cost: this build found no valgrind/callgrind.h"; exit 77; }
exec "$STINT_SOURCE/tests/cost/run" --build "$STINT_BUILD"
