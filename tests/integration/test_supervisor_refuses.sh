#!/usr/bin/env bash
# A supervisor that cannot start says why and exits 1: never by a signal, whatever was open by then.
set -u
DIR=$(mktemp -d "${TMPDIR:-/tmp}/stint-refuses-XXXXXX")
trap 'rm -rf "$DIR"' EXIT
failures=0

# refuses WHAT SAYS PROGRAM: PROGRAM, with the configuration at hand, exits 1 and its last words hold SAYS
refuses() {
  timeout 60 env -i PATH=/nowhere "$3" --config "$DIR/stint.conf" >"$DIR/out" 2>&1
  local code=$?
  if [ $code = 1 ] && grep -qF "$2" "$DIR/out"; then
    echo "ok - $1"
  else
    echo "not ok - $1: exit $code, expected 1 and \"$2\"; it said:"
    tail -n 5 "$DIR/out" | sed 's/^/# /'
    failures=$((failures + 1))
  fi
}
configure() { printf '[supervisor]\nrun_dir = %s\nstate_dir = %s\n[metrics]\nport = 0\n[redis]\nurl = unix://%s/none.sock\n%s' \
  "$1" "$2" "$DIR" "${3:-}" >"$DIR/stint.conf"; }

mkdir "$DIR/run" "$DIR/state" "$DIR/alone"
cp "$STINT_BUILD/bin/stint-supervisor" "$DIR/alone/"
if [ ! -x /usr/local/libexec/stint/stint-worker ] && [ ! -x /usr/local/bin/stint-worker ]; then
  configure "$DIR/run" "$DIR/state"
  refuses "the worker's program is missing" "stint-worker was not found" "$DIR/alone/stint-supervisor"
fi
configure "$DIR/alone/stint-supervisor/run" "$DIR/state"
refuses "no folder for its socket can be made" "$DIR/alone/stint-supervisor/run" "$STINT_BUILD/bin/stint-supervisor"
configure "$DIR/run" "$DIR/state" $'[supervisor]\ncgroup = required\n'
grep -q '^0::.*stint' /proc/self/cgroup || refuses "groups are required where none is delegated" "required" "$STINT_BUILD/bin/stint-supervisor"
exit $((failures > 0))
