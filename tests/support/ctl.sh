# What the scripts that test `stint` share: a private Redis, workers played by raw Functions, and checks that say what they saw.
# Sourced, not run. Needs STINT_BUILD.
STINT="$STINT_BUILD/bin/stint"
failures=0 checks=0
export NO_COLOR=1

# ctl_home: a folder of its own, and everything that is asked of stint asked there.
ctl_home() {
  CTL_DIR=$(mktemp -d) REDIS_PID=""
  export STINT_REDIS_URL="unix://$CTL_DIR/redis.sock" STINT_POSTGRES_URL="postgresql:///none?host=$CTL_DIR"
  export STINT_SUPERVISOR_RUN_DIR="$CTL_DIR" STINT_SUPERVISOR_STATE_DIR="$CTL_DIR" STINT_CONFIG="$CTL_DIR/stint.conf"
  printf '[kind.probe]\nenabled = yes\n' >"$STINT_CONFIG"
}
ctl_home

ctl_end() {
  [ -n "${REDIS_PID:-}" ] && kill "$REDIS_PID" 2>/dev/null && wait "$REDIS_PID" 2>/dev/null
  rm -rf "$CTL_DIR"
}
trap ctl_end EXIT

# side_by_side N COMMAND: it is run N times at once with its number (0…), each with a Redis of its own; their checks are counted here.
side_by_side() {
  local n=$1 part out part_checks part_failures pids=""
  out=$(mktemp -d)
  shift
  for ((part = 0; part < n; part++)); do
    (
      failures=0 checks=0
      ctl_home
      trap ctl_end EXIT
      ctl_start_redis
      "$@" "$part"
      echo "$checks $failures" >"$out/$part"
    ) &
    pids+=" $!"
  done
  # shellcheck disable=SC2086 # a list is meant
  wait $pids
  for ((part = 0; part < n; part++)); do
    read -r part_checks part_failures <"$out/$part" || { echo "not ok - part $part of $* did not come to its end"; part_checks=0 part_failures=1; }
    checks=$((checks + part_checks)) failures=$((failures + part_failures))
  done
  rm -rf "$out"
}

redis() { redis-cli --raw -s "$CTL_DIR/redis.sock" "$@"; }

ctl_start_redis() { # returns when it answers
  redis-server --port 0 --unixsocket "$CTL_DIR/redis.sock" --save '' --dir "$CTL_DIR" --logfile "$CTL_DIR/redis.log" &
  REDIS_PID=$!
  local deadline=$((SECONDS + 60))
  while [ $SECONDS -lt $deadline ]; do
    [ "$(redis PING 2>/dev/null)" = PONG ] && return 0
    read -r -t 0.05 <> <(:)
  done
  echo "redis did not start"; exit 1
}

# claim QUEUE: claims one job as the worker test:0:1; sets BAND ENTRY ID, empty when there is none.
claim() {
  local reply
  redis FCALL stint_beat 1 "stint:{$1}" test 60000 '{}' >/dev/null
  reply=$(redis FCALL stint_fetch 1 "stint:{$1}" test test:0:1 0 1)
  BAND="" ENTRY="" ID=""
  [ "$(echo "$reply" | sed -n 1p)" = ok ] || return 0
  BAND=$(echo "$reply" | sed -n 2p) ENTRY=$(echo "$reply" | sed -n 3p) ID=$(echo "$reply" | sed -n 4p)
}

# finish QUEUE OP A B: ends the claimed job.
finish() { redis FCALL stint_finish 1 "stint:{$1}" test test:0:1 1 0 1 "$2" "$BAND" "$ENTRY" "$ID" "$3" "$4" >/dev/null; }

# kill_job QUEUE CODE MESSAGE FINGERPRINT: the next job dies.
kill_job() {
  claim "$1"
  finish "$1" dead "{\"code\":\"$2\",\"class\":\"permanent\",\"cause\":\"handler_error\",\"message\":\"$3\",\"at_ms\":1}" "$4"
}

# run EXIT WORDS…: runs stint; its code must be EXIT. OUT and ERR hold what it said.
run() {
  local want=$1 code
  shift
  "$STINT" "$@" >"$CTL_DIR/out" 2>"$CTL_DIR/err" </dev/null
  code=$?
  OUT=$(cat "$CTL_DIR/out") ERR=$(cat "$CTL_DIR/err") RAN="stint $*"
  checks=$((checks + 1))
  [ "$code" -eq "$want" ] && return 0
  failures=$((failures + 1))
  printf 'not ok - %s: exit code %s, wanted %s\n%s\n%s\n' "$RAN" "$code" "$want" "$OUT" "$ERR" | sed '2,$s/^/# /'
}

says() { # says TEXT: the last run's standard output or error holds it
  checks=$((checks + 1))
  case "$OUT$ERR" in *"$1"*) return 0 ;; esac
  failures=$((failures + 1))
  printf 'not ok - %s: does not say "%s"\n%s\n%s\n' "$RAN" "$1" "$OUT" "$ERR" | sed '2,$s/^/# /'
}

says_not() {
  checks=$((checks + 1))
  case "$OUT$ERR" in *"$1"*) ;; *) return 0 ;; esac
  failures=$((failures + 1))
  printf 'not ok - %s: says "%s"\n' "$RAN" "$1"
}

no_drift() { # no_drift QUEUE: the ledger holds
  run 0 queue stats "$1"
  says "drift      0"
}

ctl_finish() {
  echo "$checks checks, $failures failed"
  [ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
}
