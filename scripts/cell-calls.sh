#!/bin/bash
# cell-calls: which system calls a parser's cell makes once its walls stand, over everything test_parser_cell parses: generated, encrypted and
# damaged documents. parser/cell_walls.c allows what this shows, and what an abort needs. Usage: scripts/cell-calls.sh [BUILD]
set -u
cd "$(dirname "$0")/.." || exit 1
build=$(realpath "${1:-build/dev}")
command -v strace >/dev/null || { echo "cell-calls: needs strace" >&2; exit 1; }
[ -x "$build/tests/test_parser_cell" ] || { echo "cell-calls: build $build first (cmake --build --preset dev)" >&2; exit 1; }
trace=$(mktemp) || exit 1
trap 'rm -f "$trace"' EXIT
STINT_BUILD=$build strace -f -qq -s 0 -o "$trace" "$build/tests/test_parser_cell" >/dev/null 2>&1
# A cell is a process from its own filter on; the worker's side and the zygote enter none in this test.
awk '
  / seccomp\(SECCOMP_SET_MODE_FILTER.* = 0$/ { cell[$1] = 1; cells++; next }
  !($1 in cell) || /resumed>|^[0-9]+ +(---|\+\+\+)/ { next }
  {
    call = $2; sub(/\(.*/, "", call)
    line = call
    if (call == "mmap" || call == "mprotect" || call == "mremap" || call == "madvise" || call == "futex") {
      n = match($0, /\(.*/); args = substr($0, RSTART + 1)
      gsub(/0x[0-9a-f]+|[0-9]+, /, "_, ", args); sub(/ *[)<].*/, "", args); gsub(/(_, )+/, "_ ", args)
      line = call " " args
    }
    count[line]++
  }
  END { if (!cells) { print "cell-calls: no cell was seen" > "/dev/stderr"; exit 1 }
        for (l in count) printf "%8d  %s\n", count[l], l; printf "%8d  cells\n", cells }' "$trace" | sort -rn
exit "${PIPESTATUS[0]}"
