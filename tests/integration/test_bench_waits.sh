#!/usr/bin/env bash
# bench/waits/run from one end to the other on its smallest scenario, and asked wrongly. What it finds is its own business; that it finds it is ours.
set -u
bench=${STINT_SOURCE:?}/bench/waits
python=/usr/bin/python3
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null || { echo "skip - no python3 of 3.9 or later"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export STINT_CONFIG='' TMPDIR=$folder MPLCONFIGDIR=$folder/matplotlib
failed=0
check() { # check WHAT COMMAND…
  local what=$1
  shift
  "$@" >/dev/null 2>&1 || { echo "not ok - $what"; failed=1; }
}
refused() { # refused TEXT ARGUMENTS…: exit code 2, and says why
  local text=$1
  shift
  "$python" "$bench/run" "$@" >"$folder/said" 2>&1
  [ $? -eq 2 ] && grep -qF -- "$text" "$folder/said" || { echo "not ok - run $*: wanted exit 2 and \"$text\""; sed 's/^/# /' "$folder/said"; failed=1; }
}

"$python" "$bench/run" quick --seed 77 --scenario thin --only estimates,fcfs --jobs 1 --build "${STINT_BUILD:?}" --out "$folder/out" >"$folder/table" 2>&1
code=$?
[ $code -le 1 ] || { echo "not ok - exit code $code"; failed=1; }
for text in 'SCENARIO' 'thin' 'non-binary' 'Policy fcfs, for comparison' 'Against the targets' 'coverage of p90, mean' 'targets reached'; do
  check "the table says $text" grep -qF "$text" "$folder/table"
done
check "results.json holds what was measured" "$python" -c '
import json, sys
r = json.load(open(sys.argv[1]))
run = r["estimates"][0]
assert r["seeds"] == [77] and run["scores"]["stint"]["n"] > 100 and run["scores"]["stint"]["missing"] == 0
assert 0 < run["ratio"] < 10 and 0 < run["scores"]["stint"]["cov50"] < run["scores"]["stint"]["cov90"] <= 1
assert any(row["verdict"] != "MISSED" for row in r["rows"])' "$folder/out/results.json"
[ $failed -eq 0 ] || sed 's/^/# /' "$folder/table"

refused "there is no dull; there are balanced" --scenario dull
refused "there is no luck; there are estimates" --only luck
refused "at least 1" --jobs 0
refused "invalid choice" slow
check "left-overs in the temporary folder" test -z "$(find "$folder" -maxdepth 1 -name 'bench-waits-*')"
exit $failed
