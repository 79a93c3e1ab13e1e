#!/usr/bin/env bash
# Why: a command in a runbook is typed at three in the morning by somebody who trusts it. Every block marked "run: stack" of
# docs/operations/*.md is run here word by word, in the order of its page, against a live stack with something of everything in it.
# An argument names the only page to run: test_docs_commands.sh dead-letters
set -u
command -v jq >/dev/null || { echo "skip - test_docs_commands: no jq"; exit 77; }
. "${STINT_SOURCE:?}/tests/support/stack.sh"
PAGES="$STINT_SOURCE/docs/operations"
DRIVER=
finish() {
  local code=$?
  end_driver
  (exit "$code") # what stack_end ends with: the verdict, not how the driver took its end
  stack_end
}
trap finish EXIT

# What the commands stand for the reader's own; docs/operations/README.md says the same.
VARIABLES="ID QUEUE POOL KIND FINGERPRINT RUN MATCH_POOL TICKET DOCUMENT METRICS"
missing=$(for name in $VARIABLES; do grep -q "^| \`$name\` |" "$PAGES/README.md" || echo "$name"; done)
same "the page of pages explains every variable" "$missing" ""

configure() { # the pools of a small host, and one queue that nobody serves for now
  cat >"$STACK_DIR/stint.conf" <<CONF
[redis]
url = unix://$STACK_DIR/run/redis.sock
[postgres]
url = postgresql:///stint?host=$STACK_DIR/run&port=5432&user=stint
[supervisor]
run_dir = $STACK_DIR/run
state_dir = $STACK_DIR
[pdf]
s3_access_key = reader
s3_secret_key = the-secret-key
[pool.match]
kinds = match
[pool.pdf]
kinds = pdf-parse
[pool.probe]
kinds = probe
workers = 2
[pool.night]
kinds = probe
queue = night
CONF
}

# The programs an operator has: on a host Redis and PostgreSQL answer at their usual places, here behind the stack's sockets.
tools() {
  mkdir "$STACK_DIR/tools"
  printf '#!/bin/sh\nexec %s -s %s "$@"\n' "$(command -v redis-cli)" "$STACK_DIR/run/redis.sock" >"$STACK_DIR/tools/redis-cli"
  chmod 755 "$STACK_DIR/tools/redis-cli"
  export PATH="$STACK_DIR/tools:$STINT_BUILD/bin:$PATH" STINT_DIR="$STACK_DIR"
  export PGHOST="$STACK_DIR/run" PGPORT=5432 PGUSER=stint PGDATABASE=stint PAGER=cat
}

# Once: people who wait and people who were paired, a parsed document, a paused queue with work in it.
furnish_stack() {
  local i g s
  for i in $(seq 30); do
    g=male s=female
    [ $((i % 3)) = 0 ] && g=female s=male
    echo "{\"id\":\"p$i\",\"gender\":\"$g\",\"seeking\":[\"$s\"],\"age\":$((20 + i % 20)),\"presence_ms\":3600000}"
  done | "$STINT" match submit --pool za --bulk - --quiet --no-wait >/dev/null || not_ok "the people were not taken"
  # Somebody who finds nobody: there is always one who waits.
  "$STINT" match submit --pool za --id ann --gender F --seeking nonbinary --age 25 --no-wait >/dev/null || not_ok "ann was not taken"
  until_true 60 "$STINT" match stats za && until_true 60 "$STINT" match why za ann || not_ok "no waits were published"
  documents 1 12
  "$STINT" pdf parse "$STACK_DIR/inbox/d1.pdf" >/dev/null || not_ok "the document was not parsed"
  sql "INSERT INTO stint.job_outcome (queue, job_id, epoch, state, kind, finished_at)
    SELECT 'old', CASE WHEN n = 0 THEN 'young' ELSE 'old-' || n END, 1, 'done', 'probe', now() - CASE WHEN n = 0 THEN 29 ELSE 40 END * interval '1 day'
    FROM generate_series(0, 1500) n" || not_ok "the outcomes of forty days ago were not made"
  "$STINT" queue pause night --reason "the documents' commands" >/dev/null || not_ok "night was not paused"
  for i in $(seq 20); do echo '{"kind":"probe","queue":"night","payload":{"v":1,"do":"ok"}}'; done | "$STINT" enqueue --bulk - >/dev/null ||
    not_ok "the night's work was not taken"
  export POOL=probe KIND=probe QUEUE=probe MATCH_POOL=za TICKET=ann DOCUMENT="$STACK_DIR/inbox/d1.pdf"
  METRICS="http://127.0.0.1:$(cat "$STACK_DIR/run/metrics.port")"
  export METRICS
}

# For each page anew: dead letters of four sorts: what succeeds when it is replayed ($FINGERPRINT), what a mended payload cures, what is in the
# middle of a slow replay ($RUN), and what fails again ($ID).
furnish_page() {
  local i
  {
    for i in 1 2 3; do echo "{\"kind\":\"probe\",\"id\":\"$1-$i\",\"payload\":{\"v\":1,\"do\":\"fail-permanent\",\"times\":1}}"; done
    for i in 1 2 3; do echo "{\"kind\":\"probe\",\"id\":\"$1-bad-$i\",\"payload\":{\"v\":1,\"do\":\"sleep\",\"ms\":\"5\"}}"; done
    for i in 1 2 3; do echo "{\"kind\":\"probe\",\"id\":\"$1-run-$i\",\"attempts\":1,\"payload\":{\"v\":1,\"do\":\"fail\",\"times\":1}}"; done
    echo "{\"kind\":\"probe\",\"id\":\"$1-id\",\"attempts\":1,\"payload\":{\"v\":1,\"do\":\"fail\",\"times\":9,\"note\":\"the-secret-payload\"}}"
    for i in $(seq 5); do echo '{"kind":"probe","payload":{"v":1,"do":"ok"}}'; done
  } | "$STINT" enqueue --bulk - >/dev/null || return 1
  export ID="$1-id" FINGERPRINT RUN
  until_true 60 is_dead "$ID" || return 1
  for i in 1 2 3; do until_true 60 is_dead "$1-$i" && until_true 60 is_dead "$1-bad-$i" && until_true 60 is_dead "$1-run-$i" || return 1; done
  FINGERPRINT=$("$STINT" job show "$1-1" --json | jq -r .fingerprint)
  "$STINT" dlq replay "$1-run-1" "$1-run-2" "$1-run-3" --rate 0.001/s </dev/null >"$STACK_DIR/driver.log" 2>&1 &
  DRIVER=$!
  until_true 60 runs || return 1
  RUN=$(run_of)
}
is_dead() { [ "$("$STINT" job show "$1" --json | jq -r .state)" = dead ]; }
run_of() { "$STINT" dlq replay list --json | jq -r 'select(.state == "running") | .run' | head -n 1; }
runs() { [ -n "$(run_of)" ]; }
end_driver() {
  [ -n "$DRIVER" ] && kill -9 "$DRIVER" 2>/dev/null && wait "$DRIVER" 2>/dev/null
  DRIVER=
}

# One shell after the other goes on where the last one was, as at one terminal: its variables and its folder.
run_block() { # FILE: the block's exit code
  # shellcheck disable=SC2016 # the inner shell expands
  timeout --signal=KILL 300 bash -c '
    . "$SESSION"; cd "$PWD" || exit 99
    trap "export -p >\"$SESSION\"" EXIT
    set -aeuo pipefail
    . "$1"' block "$1" </dev/null >"$1.out" 2>&1
}

follow_block() { # FILE: 0 when it says something and ends when it is interrupted
  local pid
  set -m # a job of its own, which an interrupt reaches
  bash -c '. "$SESSION"; cd "$PWD" || exit 99; . "$1"' block "$1" </dev/null >"$1.out" 2>&1 &
  pid=$!
  set +m
  until_true 60 test -s "$1.out" || { kill -KILL -- "-$pid"; return 1; }
  kill -INT -- "-$pid"
  wait "$pid" 2>/dev/null
  case $? in 0 | 130) return 0 ;; *) return 1 ;; esac
}

run_page() { # NAME
  local name=$1 block line ending code
  mkdir "$STACK_DIR/page-$name" "$STACK_DIR/blocks-$name"
  export SESSION="$STACK_DIR/page-$name.session"
  (cd "$STACK_DIR/page-$name" && export -p >"$SESSION")
  while read -r block line ending; do
    blocks=$((blocks + 1))
    if [ "$ending" = follow ]; then
      follow_block "$block" && code=follow || code=$?
    else
      run_block "$block"
      code=$?
    fi
    [ "$code" = "$ending" ] && { checks=$((checks + 1)); continue; }
    not_ok "docs/operations/$name.md:$line ended with $code, and should with $ending"
    { cat "$block"; echo "---"; tail -n 30 "$block.out"; } | sed 's/^/#   /'
  done < <(python3 "$STINT_SOURCE/tests/support/doc_commands.py" "$PAGES/$name.md" stack --split "$STACK_DIR/blocks-$name")
}

configure
tools
# A block that ends as it should not must be found out, here before anything else is believed.
planted() { # MARK COMMAND: how many of its blocks are found fault with
  mkdir -p "$STACK_DIR/planted"
  printf '<!-- run: stack%s -->\n```sh\n%s\n```\n' "$1" "$2" >"$STACK_DIR/planted/page.md"
  (PAGES="$STACK_DIR/planted" blocks=0 failures=0 && rm -rf "$STACK_DIR"/*-page* && run_page page >/dev/null && echo "$failures")
}
same "a planted command that fails is found out" "$(planted '' 'false | true; echo on')$(planted '' 'no_such_command')$(planted ' exit=3' 'true')$(planted '' 'echo "$NO_SUCH"')" 1111
same "a planted command that ends as it should is not" "$(planted '' 'true')$(planted ' exit=3' 'exit 3')" 00
stack_up >"$STACK_DIR/up.log" 2>&1 || { not_ok "the stack did not come up"; cat "$STACK_DIR/up.log"; exit 1; }
furnish_stack
blocks=0 pages=0
for page in "$PAGES"/*.md; do
  name=$(basename "$page" .md) before=$blocks
  [ "${1:-$name}" = "$name" ] || continue
  [ -n "$(python3 "$STINT_SOURCE/tests/support/doc_commands.py" "$page" stack)" ] || continue
  furnish_page "$name" || { not_ok "$name: nothing to work on: $(tail -n 3 "$STACK_DIR/driver.log" 2>/dev/null)"; continue; }
  run_page "$name"
  end_driver
  pages=$((pages + 1))
  echo "# $name: $((blocks - before)) blocks, after $SECONDS s"
done
if [ -d "$STACK_DIR/page-tuning" ]; then
  same "outcomes of forty days ago are pruned, and no younger one" "$(sql "SELECT string_agg(job_id, ' ') FROM stint.job_outcome WHERE queue = 'old'")" "young"
fi
# What is collected as evidence goes to strangers.
if [ -d "$STACK_DIR/page-incidents/evidence" ]; then
  same "the evidence has no secret and no payload" "$(grep -rl the-secret "$STACK_DIR/page-incidents/evidence" | tr '\n' ' ')" ""
  same "the evidence is whole" "$(find "$STACK_DIR/page-incidents/evidence" -name '*.ndjson' -size +0 | wc -l)" 7
  same "the secret was there to be found" "$(grep -c the-secret "$STACK_DIR/stint.conf")$("$STINT" job show incidents-id | grep -c the-secret)" 11
fi
[ -n "${1:-}" ] || { [ "$blocks" -ge 60 ] && [ "$pages" -ge 8 ]; } && ok "$blocks blocks of $pages pages were run" || not_ok "only $blocks blocks were found"
for queue in match pdf probe night; do
  same "$queue: the ledger has no drift" "$("$STINT" queue stats "$queue" --json | jq .drift)" 0
done
stack_verdict
