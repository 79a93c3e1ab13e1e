#!/bin/bash
# A supervisor that a test starts, stops and kills itself, with ctl.sh's Redis, and checks by name. Source ctl.sh first; the caller's EXIT trap calls
# `stop_supervisor KILL`.
export STINT_METRICS_PORT=0 STINT_RELAY_ENABLED=no STINT_SUPERVISOR_RESTART_MAX=1000
SUPERVISOR=""
start_supervisor() {
  "$STINT_BUILD/bin/stint-supervisor" >>"$CTL_DIR/log" 2>&1 &
  SUPERVISOR=$!
}
stop_supervisor() { # stop_supervisor [SIGNAL]
  [ -n "$SUPERVISOR" ] && kill "-${1:-TERM}" "$SUPERVISOR" 2>/dev/null && wait "$SUPERVISOR" 2>/dev/null
  SUPERVISOR=""
}
ok() { checks=$((checks + 1)); echo "ok - $1"; }
not_ok() { checks=$((checks + 1)) failures=$((failures + 1)); echo "not ok - $1"; }
is() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1: $2, wanted $3"; fi; }
until_true() { # until_true COMMAND…: within two minutes; else what the supervisor said last
  local deadline=$((SECONDS + 120))
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || { not_ok "in two minutes not: $*"; sed 's/^/# /' "$CTL_DIR/log" | tail -n 12 | cut -c1-300; return 1; }
    read -r -t 0.05 _ <> <(:) || true
  done
}
