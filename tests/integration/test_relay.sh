#!/usr/bin/env bash
# stint-relay in a real stack: dead letters over their bounds are in PostgreSQL before they leave Redis, one relay serves a queue, another takes
# over, a store that is away costs nothing, and it stops at once.
set -u
# shellcheck source=tests/support/stack.sh
. "${STINT_SOURCE:?}/tests/support/stack.sh"
export STINT_RELAY_INTERVAL=100ms STINT_DEAD_MAX_BYTES=20000 STINT_DEAD_MAX_AGE=0 STINT_POSTGRES_STATEMENT_TIMEOUT=5m

relay_pid() { children_of "$(supervisor_pid)" stint-relay; }
relay_says() { "$STINT" status --dir "$STACK_DIR" --json | jq -r .supervisor.relay.says; }
says() { case "$(relay_says)" in $1*) return 0 ;; *) return 1 ;; esac; }
archived() { sql "SELECT count(*) FROM stint.dead_letter"; }
dead() { stat_of probe .dead; }
dead_bytes() { stat_of probe '.ledger.dead_bytes // 0'; }
bounded() { [ "$(dead_bytes)" -le "$1" ]; }
all_dead() { [ $(($(dead) + $(archived))) -ge "$1" ]; }

# letters FIRST LAST: jobs that die at once
letters() {
  local i
  for i in $(seq "$1" "$2"); do
    echo "FCALL stint_enqueue 1 stint:{probe} '{\"id\":\"d$i\",\"kind\":\"probe\"}' '{\"v\":1,\"do\":\"fail-permanent\",\"note\":\"letter $i\"}'"
  done | redis >/dev/null
}

stack_up >"$STACK_DIR/up.out" || { not_ok "up: $(tail -n 2 "$STACK_DIR/up.out")"; exit 1; }
until_true 60 says "active"
same "the relay serves every queue" "$(relay_says)" "active match, pdf, probe"
letters 1 60
until_true 60 all_dead 60 || not_ok "60 letters: $(dead) dead, $(archived) archived"
until_true 60 bounded 20000 || not_ok "dead letters take $(dead_bytes) bytes"
ok "dead letters are within max_bytes ($(dead_bytes) bytes, $(dead) in Redis, $(archived) archived)"
same "every letter is in one place" "$(($(dead) + $(archived)))" 60
same "the oldest went first" "$(sql "SELECT count(*) FROM stint.dead_letter WHERE died_ms > $(redis ZRANGE 'stint:{probe}:dead' 0 0 WITHSCORES | tail -n 1)")" 0
same "payload, kind, code and message are there" \
  "$(sql "SELECT convert_from(payload, 'UTF8'), kind, code, fields->>'errs' FROM stint.dead_letter WHERE job_id = 'd1'")" \
  '{"v":1,"do":"fail-permanent","note":"letter 1"}|probe|HANDLER_REFUSED|1'
same "no drift" "$(stat_of probe .drift)" 0
same "purged counts them" "$(stat_of probe .ledger.purged)" "$(archived)"
same "the audit log has one entry for the run" "$(redis XREVRANGE 'stint:{probe}:audit' + - | grep -c '^archive$')" 1

# PostgreSQL away: nothing is removed, everything waits, then goes on. The stack, which would start it again at once, is stopped meanwhile.
stack=$(stack_pid)
kill -STOP "$stack"
kill -9 "$(postgres_pid)"
until_true 60 says "away" || not_ok "PostgreSQL is away and the relay says $(relay_says)"
before=$(dead)
letters 61 120
all_there() { [ "$(dead)" = $((before + 60)) ]; }
until_true 60 all_there || not_ok "with PostgreSQL away: $(dead) dead, wanted $((before + 60))"
ok "with PostgreSQL away nothing leaves Redis ($(dead) dead, $(dead_bytes) bytes)"
kill -CONT "$stack"
until_true 60 says "active" || not_ok "PostgreSQL is back and the relay says $(relay_says)"
until_true 60 bounded 20000 || not_ok "not bounded again: $(dead_bytes)"
same "after it came back every letter is in one place" "$(($(dead) + $(archived)))" 120

# A second relay stands by, and takes over at once when the first dies.
first=$(relay_pid)
STINT_SUPERVISOR_RUN_DIR="$STACK_DIR/run2" STINT_SUPERVISOR_STATE_DIR="$STACK_DIR/run2" STINT_METRICS_PORT=0 \
  "$STINT_BUILD/bin/stint-supervisor" --config "$STACK_DIR/stint.conf" >"$STACK_DIR/second.log" 2>&1 &
second=$!
second_says() { case "$(STINT_SUPERVISOR_RUN_DIR="$STACK_DIR/run2" "$STINT" status --config "$STACK_DIR/stint.conf" --json 2>/dev/null | jq -r .supervisor.relay.says)" in $1*) return 0 ;; *) return 1 ;; esac; }
if until_true 60 second_says standby; then ok "a second host's relay stands by"; else not_ok "the second says: $(tail -n 3 "$STACK_DIR/second.log")"; fi
kill -STOP "$first"
kill -9 "$first"
one_active() { second_says active || says active; }
if until_true 60 one_active; then ok "one dies: another serves the queues"; else not_ok "nobody serves the queues"; fi
restarted() { [ -n "$(relay_pid)" ] && [ "$(relay_pid)" != "$first" ]; }
if until_true 60 restarted; then ok "the supervisor started it again"; else not_ok "no new relay"; fi
kill -TERM "$second"
wait "$second"
same "the second supervisor ends with its relay" "$?" 0

# Without room in Redis the archive still works, and works first.
redis CONFIG SET maxmemory "$(($(redis INFO memory | sed -n 's/^used_memory:\([0-9]*\).*/\1/p') + 4096))" >/dev/null
nothing_left() { [ "$(dead)" = 0 ]; }
if until_true 60 nothing_left; then ok "near maxmemory every letter goes to PostgreSQL ($(archived))"; else not_ok "near maxmemory: $(dead) dead left"; fi
redis CONFIG SET maxmemory 0 >/dev/null
same "every letter is archived once" "$(archived)" 120
same "no drift at the end" "$(stat_of probe .drift)" 0

# It stops at once, also while PostgreSQL does not answer: waiting for that would take the whole statement_timeout.
pid=$(relay_pid)
kill -STOP "$(postgres_pid)"
pause 0.3
began=$(now_ms)
kill -TERM "$pid"
gone() { ! lives "$pid"; }
if until_true 60 gone; then ok "SIGTERM ends it while PostgreSQL is stopped ($(($(now_ms) - began)) ms)"; else not_ok "the relay waits for PostgreSQL instead of stopping"; fi
kill -CONT "$(postgres_pid)"

stack_verdict
