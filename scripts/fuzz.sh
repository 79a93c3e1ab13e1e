#!/usr/bin/env bash
# Runs every fuzzer for a bounded time: scripts/fuzz.sh [SECONDS each, default 30] [NAME…]. New inputs that widen coverage stay in
# build/fuzz/corpus; a crashing input is kept and named.
set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/packages.sh
seconds=${1:-30}; [ $# -gt 0 ] && shift
# shellcheck disable=SC2086
packages_install $PACKAGES_BUILD clang libclang-rt-14-dev libcmocka-dev || exit 1
build_preset fuzz || exit 1
failed=0 ran=0
for program in build/fuzz/fuzz/fuzz_*; do
  name=$(basename "$program")
  [ $# -gt 0 ] && ! printf '%s\n' "$@" | grep -qx "$name" && continue
  mkdir -p "build/fuzz/corpus/$name" "build/fuzz/crashes"
  kept=""; [ -d "tests/fuzz/corpus/$name" ] && kept="tests/fuzz/corpus/$name"
  ran=$((ran + 1))
  # shellcheck disable=SC2086
  if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="build/fuzz/crashes/$name-" \
      "build/fuzz/corpus/$name" $kept >"build/fuzz/$name.log" 2>&1; then
    echo "ok - $name: $(grep -oE 'Done [0-9]+ runs' "build/fuzz/$name.log" || echo done)"
  else
    failed=$((failed + 1)); tail -30 "build/fuzz/$name.log"; echo "not ok - $name: input in build/fuzz/crashes/$name-*"
  fi
done
echo "$((ran - failed)) passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$ran" -gt 0 ]
