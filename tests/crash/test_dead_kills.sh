#!/usr/bin/env bash
# Why: between any two steps of a dead letter's way out of Redis and back, whoever moves it may die. At every named point of the archive, drain and
# import the mover is killed, more than once, and the same is said again: every letter is in one place, once, and the ledger holds.
# Refuses to: count a point at which nobody died; pass with such a point in the sources that is not in its table.
set -u
# shellcheck source=tests/support/stack.sh
. "$(dirname "$0")/../support/stack.sh"
KILL_FILE="$STACK_DIR/killpoint"
N=250
export STINT_RELAY_INTERVAL=100ms STINT_DEAD_MAX_AGE=0 STINT_DEAD_MAX_BYTES=1T LC_ALL=C.UTF-8
began=$SECONDS
POINTS="archive_read archive_stored archive_removed drain_written drain_synced drain_removed import_read import_told"

points_in_sources() {
  grep -rhoE 'KILL_POINT\("(archive|drain|import)_[^"]+"\)' "$STINT_SOURCE/common" "$STINT_SOURCE/operate" "$STINT_SOURCE/ctl" "$STINT_SOURCE/relay" | sed 's/.*"\(.*\)".*/\1/' | sort -u
}
same "every point of the sources is in the table" "$(points_in_sources | tr '\n' ' ')" "$(tr ' ' '\n' <<<"$POINTS" | sort | tr '\n' ' ')"

dead() { stat_of probe .dead; }
archived() { sql "SELECT count(*) FROM stint.dead_letter"; }
supervise() { "$STINT" down --dir "$STACK_DIR" --now >/dev/null 2>&1; stack_up >"$STACK_DIR/up.out" || { not_ok "up: $(tail -n 2 "$STACK_DIR/up.out")"; exit 1; }; }
dlq() { "$STINT" dlq "$@" --dir "$STACK_DIR" >"$STACK_DIR/said" 2>&1; }

# again POINT WORDS…: the command dies at the point three times, each a batch later, and is said again until it is done
again() {
  local point=$1 code skip deaths=0
  shift
  for skip in 1 0 0; do
    STINT_KILL_POINT="$point:$skip" dlq "$@"
    code=$?
    [ $code = 137 ] && deaths=$((deaths + 1))
  done
  dlq "$@" || not_ok "$point: said again: $(head -n 2 "$STACK_DIR/said")"
  CASES+=$(printf '# %-16s %-10s %d died' "$point" "stint" "$deaths")$'\n'
  [ "$deaths" -ge 2 ] || not_ok "$point: $deaths died there"
}
CASES=""

stack_up >"$STACK_DIR/up.out" || { not_ok "up: $(tail -n 2 "$STACK_DIR/up.out")"; exit 1; }
book_probe seed HANDLER_REFUSED '"do":"fail-permanent"'
flush || not_ok "jobs are not accepted"
one_dead() { [ "$(dead)" = 1 ]; }
until_true 60 one_dead || not_ok "no dead letter to begin with"
dlq drain --all --out "$STACK_DIR/seed.ndjson"
jq -c -S '.id = "@" | .fields.payload = "{\"v\":1,\"n\":\"@\"}"' "$STACK_DIR/seed.ndjson" | awk -v n=$N '{ for (i = 1; i <= n; i++) { l = $0; gsub(/@/, "k" i, l); print l } }' >"$STACK_DIR/letters.ndjson"
sum=$(sort "$STACK_DIR/letters.ndjson" | sha256sum)
all_back() { # all_back NAME FILE: the file's letters are those there were, each once at least
  same "$1: every letter is in the file" "$(sort -u "$2" | sha256sum)" "$sum"
}

for point in import_read import_told; do
  again $point import "$STACK_DIR/letters.ndjson"
  same "$point: every letter is there once" "$(dead) $(stat_of probe .drift)" "$N 0"
  dlq purge --all --no-archive --yes
done
for point in drain_written drain_synced drain_removed; do
  dlq import "$STACK_DIR/letters.ndjson"
  again $point drain --all --out "$STACK_DIR/$point.ndjson" --resume
  same "$point: nothing is left, nothing drifts" "$(dead) $(stat_of probe .drift)" "0 0"
  all_back $point "$STACK_DIR/$point.ndjson"
  dlq import "$STACK_DIR/$point.ndjson" || not_ok "$point: import: $(head -n 2 "$STACK_DIR/said")"
  same "$point: duplicate lines are one letter" "$(dead) $(stat_of probe .drift)" "$N 0"
  dlq purge --all --no-archive --yes
done
for point in archive_read archive_stored archive_removed; do
  dlq import "$STACK_DIR/letters.ndjson"
  again $point archive --all
  same "$point: every letter is archived once" "$(dead) $(archived) $(stat_of probe .drift)" "0 $N 0"
  rm -f "$STACK_DIR/$point.ndjson"
  dlq drain --archived --all --out "$STACK_DIR/$point.ndjson"
  all_back $point "$STACK_DIR/$point.ndjson"
  same "$point: the archive is empty again" "$(archived)" 0
done

# The relay in the same gaps, again and again, and the stores under it.
export STINT_KILL_POINT="@$KILL_FILE" STINT_DEAD_MAX_BYTES=20000 STINT_SUPERVISOR_BACKOFF_MAX=200ms
echo "none 0" >"$KILL_FILE"
chmod 666 "$KILL_FILE"
supervise
bounded() { [ "$(stat_of probe '.ledger.dead_bytes // 0')" -le 20000 ] && [ "$(cut -d' ' -f2 "$KILL_FILE")" = 0 ]; }
for point in archive_read archive_stored archive_removed; do
  echo "$point 2" >"$KILL_FILE"
  STINT_KILL_POINT="" dlq import "$STACK_DIR/letters.ndjson"
  until_true 60 bounded || not_ok "relay at $point: $(stat_of probe '.ledger.dead_bytes') bytes, $(cat "$KILL_FILE") deaths left"
  same "relay at $point: every letter is in one place" "$(($(dead) + $(archived))) $(stat_of probe .drift)" "$N 0"
  CASES+=$(printf '# %-16s %-10s %d died' "$point" "relay" $((2 - $(cut -d' ' -f2 "$KILL_FILE"))))$'\n'
  echo "none 0" >"$KILL_FILE"
  STINT_KILL_POINT="" dlq purge --all --no-archive --yes
  STINT_KILL_POINT="" dlq purge --all --archived --yes
done
for victim in postgres redis; do
  "${victim}_pid" >"$STACK_DIR/victim"
  echo "import_read 1 $STACK_DIR/victim" >"$STACK_DIR/blow"
  STINT_KILL_POINT="@$STACK_DIR/blow" dlq import "$STACK_DIR/letters.ndjson"
  same "$victim is killed in the middle of an import" "$(cut -d' ' -f2 "$STACK_DIR/blow")" 0
  came_back() { [ "$(redis PING)" = PONG ] && sql "SELECT 1" | grep -q '^1$'; }
  until_true 60 came_back || not_ok "$victim did not come back"
  imported() { STINT_KILL_POINT="" dlq import "$STACK_DIR/letters.ndjson"; }
  until_true 60 imported || true
  until_true 60 bounded || not_ok "$victim killed: $(stat_of probe '.ledger.dead_bytes') bytes"
  # What was archived before Redis lost its last second may have been imported again: then it is in both, as the same letter.
  STINT_KILL_POINT="" dlq drain --all --keep --out "$STACK_DIR/$victim.redis"
  STINT_KILL_POINT="" dlq drain --all --archived --keep --out "$STACK_DIR/$victim.pg"
  same "$victim killed: no letter is lost" "$(sort -u "$STACK_DIR/$victim.redis" "$STACK_DIR/$victim.pg" | sha256sum)" "$sum"
  same "$victim killed: no drift" "$(stat_of probe .drift)" 0
  STINT_KILL_POINT="" dlq purge --all --no-archive --yes
  STINT_KILL_POINT="" dlq purge --all --archived --yes
done

printf '%s' "$CASES"
echo "# $(grep -c died <<<"$CASES") cases, $N letters each, $((SECONDS - began)) s"
stack_verdict
