#!/usr/bin/env bash
# Why: a backup is worth what its restore is. Taken while documents, people and rows of the outbox are at work, brought back into other
# stores after the old ones ended, every job of it must come to its end there, every effect be there once, every row of the outbox be one
# job, every pair be told. Killed at every step it leaves nothing that looks whole; bent, it is refused with words.
# Refuses to: call a step safe at which nobody died.
set -u
# shellcheck source=tests/support/stack.sh
. "$(dirname "$0")/../support/stack.sh"
export STINT_KIND_PROBE_TRACK=no STINT_RELAY_INTERVAL=200ms
NEW=$(mktemp -d "${TMPDIR:-/tmp}/stint-restored-XXXXXX")
OLD=$STACK_DIR
OUT="$OLD/backups"
chmod 755 "$NEW"
export TMPDIR="$NEW" # what a killed restore leaves goes with it
backup_end() {
  local code=$?
  "$STINT" down --dir "$NEW" --now >/dev/null 2>&1
  "$STINT" down --dir "$OLD" --now >/dev/null 2>&1
  rm -rf "$NEW"
  STACK_DIR=$OLD
  return "$code"
}
trap 'backup_end; stack_end' EXIT

# runs CODE WORDS…: the command ends with that code; SAID holds all it said
runs() {
  local want=$1 code
  shift
  SAID=$("$@" 2>&1 </dev/null)
  code=$?
  if [ "$code" = "$want" ]; then ok "${*:2:4}: exit code $code"; else not_ok "$*: exit code $code, wanted $want: $SAID"; fi
}
says() { case "$SAID" in *"$1"*) ok "says \"$1\"" ;; *) not_ok "does not say \"$1\": $SAID" ;; esac; }
entries() { find "$1" -mindepth 1 -maxdepth 1 -name "$2" | wc -l; } # how many a folder has, by name
old() { "$STINT" "$@" --dir "$OLD"; }
new() { "$STINT" "$@" --dir "$NEW"; }

# --- under load ---------------------------------------------------------------------------------------------------------------
stack_up >/dev/null || { not_ok "the stack does not start"; exit 1; }
redis CONFIG SET repl-diskless-sync-delay 0 >/dev/null
documents 6 12 || { not_ok "no documents"; exit 1; }
for i in $(seq 60); do book_probe "p$i" "done" '"do":"ok"'; done
book_probe later "done" '"do":"ok"' ',"delay_ms":86400000'
flush || not_ok "the first jobs were not taken"
for i in $(seq 12); do book_pdf "doc$i" $((i % 6 + 1)) "s$i"; done
book pdf bad NOT_PDF '"kind":"pdf-parse"' "{\"v\":1,\"source\":{\"path\":\"$OLD/inbox/bad.pdf\"}}"
for i in $(seq 40); do book_person "person$i" "$i"; done
flush || not_ok "documents and people were not taken"
dead_there() { [ "$(stat_of pdf .dead)" = 1 ]; }
until_true 60 dead_there || not_ok "the bad document is no dead letter"
# One that runs while the backup is made, and is begun again where it is restored.
redis FCALL stint_enqueue 1 'stint:{probe}' '{"kind":"probe","id":"asleep","timeout_ms":3600000}' '{"v":1,"do":"sleep","ms":600000}' >/dev/null
probe_runs() { [ "$(stat_of probe '[.bands[].active] | add')" = 1 ]; }
until_true 60 probe_runs || not_ok "no probe runs"
mkdir "$OUT"
# While rows are committed, people come and documents are parsed, one backup after the other; the books are those of before.
cp "$OLD/books" "$OLD/books.before"
feed() {
  local i
  for i in $(seq 1 100000); do
    [ -e "$OLD/enough" ] && return
    sql "INSERT INTO stint.stint_outbox (queue, kind, payload) SELECT 'probe', 'probe', '{\"v\":1,\"do\":\"ok\"}' FROM generate_series(1, 5)" >/dev/null
    redis FCALL stint_enqueue 1 'stint:{match}' "{\"kind\":\"match\",\"id\":\"late$i\"}" \
      "{\"v\":1,\"op\":\"submit\",\"pool\":\"crash\",\"id\":\"late$i\",\"gender\":\"$([ $((i % 2)) = 0 ] && echo fe)male\",\"seeking\":[\"$([ $((i % 2)) = 1 ] && echo fe)male\"],\"age\":25,\"presence_ms\":3600000}" >/dev/null
  done
}
feed &
MIX_PID=$!
rows_there() { [ "$(sql 'SELECT count(*) > 20 FROM stint.stint_outbox WHERE relayed_at IS NOT NULL')" = t ]; }
until_true 60 rows_there || not_ok "the outbox does not flow"
runs 0 old backup --out "$OUT" --json
FIRST=$(jq -r .path <<<"$SAID")
runs 0 old backup --out "$OLD/second.tar"
runs 0 old backup --out "$OLD/one-queue" --queue match
redis ACL SETUSER default -psync -sync >/dev/null
runs 0 old backup --out "$OLD/by-script"
says "its keys are read queue by queue instead"
redis ACL SETUSER default +psync +sync >/dev/null
touch "$OLD/enough"
wait "$MIX_PID"
MIX_PID=""
same "nobody else can read it" "$(stat -c %a "$FIRST" "$FIRST/redis.rdb" "$FIRST/postgres.dump" "$FIRST/manifest.json" "$OLD/second.tar" | tr '\n' ' ')" "700 600 600 600 600 "
for b in "$FIRST" "$OLD/second.tar" "$OLD/one-queue" "$OLD/by-script"; do
  runs 0 "$STINT" verify "$b" --json
  same "$(basename "$b"): proven where it was restored" "$(jq -c '[.restored, .findings]' <<<"$SAID")" '[true,0]'
done

# --- refused before anything is done -------------------------------------------------------------------------------------------
runs 2 old backup
runs 2 old backup --out "$OUT" --redis-only --postgres-only
runs 3 old backup --out "$OLD/x" --queue nosuch
runs 5 old backup --out "$FIRST"
runs 5 old backup --out "$OLD/second.tar"
runs 5 old restore "$FIRST"
says "is alive on queue"
runs 5 old restore "$FIRST" --dry-run
runs 3 old restore "$OLD/nothing"
runs 2 old restore "$OLD/one-queue" --postgres-only

# --- no secret in an argument, none in the backup ------------------------------------------------------------------------------
# pg_dump waits for a table that is held, so that it can be looked at.
exec {HOLD}> >(psql -X -q -h "$OLD/run" -p 5432 -U stint stint >/dev/null 2>&1)
echo "BEGIN; LOCK TABLE stint.pdf_document IN ACCESS EXCLUSIVE MODE;" >&"$HOLD"
held() { [ "$(sql "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'stint.pdf_document'::regclass AND granted")" = 1 ]; }
until_true 60 held || not_ok "the table is not held"
STINT_POSTGRES_URL="postgresql://stint:sesame42@/stint?host=$OLD/run&port=5432" "$STINT" backup --dir "$OLD" --out "$OLD/secret" >/dev/null 2>&1 &
BACKUP_PID=$!
dumping() { [ -n "$(children_of "$BACKUP_PID" pg_dump)" ]; }
until_true 60 dumping || not_ok "pg_dump does not run"
DUMP_PID=$(children_of "$BACKUP_PID" pg_dump)
same "pg_dump has the password, and not as an argument" \
  "$(tr '\0' '\n' <"/proc/$DUMP_PID/environ" | grep -c sesame42) $(tr '\0' '\n' <"/proc/$DUMP_PID/cmdline" | grep -c sesame42)" "1 0"
# Stopped in the middle: nothing is left, not even hidden.
kill -TERM "$BACKUP_PID"
wait "$BACKUP_PID"
same "stopped by a signal it leaves nothing" "$(entries "$OLD" "*secret*")" 0
exec {HOLD}>&-
until_true 60 eval '! held'
STINT_POSTGRES_URL="postgresql://stint:sesame42@/stint?host=$OLD/run&port=5432" "$STINT" backup --dir "$OLD" --out "$OLD/secret" >/dev/null 2>&1 ||
  not_ok "the backup with a password fails"
same "no password is in the backup" "$(grep -rlc sesame42 "$OLD/secret" | wc -l)" 0

# --- a backup killed -----------------------------------------------------------------------------------------------------------
for point in backup_redis backup_written; do
  STINT_KILL_POINT=$point "$STINT" backup --dir "$OLD" --out "$OUT" >/dev/null 2>&1
  same "backup killed at $point" $? 137
  same "… nothing stands under a final name" "$(entries "$OUT" "[!.]*")" 1
done
same "… its remains are hidden, and those of the one before gone" "$(entries "$OUT" "*partial")" 1
runs 0 old backup --out "$OUT" --keep 1 --json
same "… and gone with the next one, which keeps as many as asked" "$(entries "$OUT" "*") $(jq .removed <<<"$SAID")" "1 1"
FIRST=$(jq -r .path <<<"$SAID")

# --- bent input ----------------------------------------------------------------------------------------------------------------
bent() { # WHAT: a copy of the backup to bend
  rm -rf "$OLD/bent"
  cp -r "$FIRST" "$OLD/bent"
}
# sealed PYTHON: the manifest m changed, and sealed again as if it had been so from the start
sealed() {
  python3 - "$OLD/bent" "$1" <<'PY'
import hashlib, json, os, sys
folder, change = sys.argv[1:]
path = os.path.join(folder, "manifest.json")
m = json.load(open(path))
del m["sha256"]
for part in m["parts"]:
    part["sha256"] = hashlib.sha256(open(os.path.join(folder, part["name"]), "rb").read()).hexdigest()
exec(change)
m["sha256"] = hashlib.sha256(json.dumps(m, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
json.dump(m, open(path, "w"))
PY
}
verify_bent() { runs "$1" "$STINT" verify "$OLD/bent"; says "$2"; }
bent; printf 'x' | dd of="$OLD/bent/redis.rdb" bs=1 seek=100 conv=notrunc status=none; verify_bent 1 "redis.rdb is not what was written"
bent; truncate -s -1 "$OLD/bent/postgres.dump"; verify_bent 1 "postgres.dump has"
bent; rm "$OLD/bent/told.ndjson"; verify_bent 1 "told.ndjson is missing"
bent; sed -i 's/"window_ms": /&1/' "$OLD/bent/manifest.json"; verify_bent 1 "it is not as it was written"
bent; sed -i 's/"v": 1,/"v": 2,/' "$OLD/bent/manifest.json"; verify_bent 5 "the backup has format 2"
bent; sealed 'm["redis"]["functions"] = 999'; verify_bent 5 "the backup is of a newer stint"
bent; printf 'REDIS9999' | dd of="$OLD/bent/redis.rdb" conv=notrunc status=none; sealed 'pass'; verify_bent 5 "of a newer Redis? install the version that made it"
bent; sealed 'm["redis"]["queues"][0]["before"]["enqueued"] = 10**9; m["redis"]["queues"][0]["after"]["enqueued"] = 10**9'
verify_bent 1 "is $(jq -r '.redis.queues[0].after.enqueued' "$FIRST/manifest.json") after the restore"
bent; printf 'PGDMPxxxx' | dd of="$OLD/bent/postgres.dump" conv=notrunc status=none; sealed 'pass'; verify_bent 5 "pg_restore failed"
bent; rm "$OLD/bent/manifest.json"; verify_bent 1 "it is no backup of stint"
head -c 20000 "$OLD/second.tar" >"$OLD/cut.tar"
runs 1 "$STINT" verify "$OLD/cut.tar"
runs 3 "$STINT" verify "$OLD/nothing"
runs 0 "$STINT" verify "$FIRST" --checksums
same "no private server, no temporary folder is left" "$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'stint-private-*' -newer "$OLD/books.before" -user "$(id -un)" | wc -l)" 0

# --- the old world ends; another one is made of the backup -----------------------------------------------------------------------
old down --now >/dev/null 2>&1
"$STINT" up --dir "$NEW" --stores --detach >/dev/null 2>&1 || not_ok "the new stores do not start"
STACK_DIR=$NEW
runs 0 new restore "$FIRST" --dry-run
says "nothing was changed"
runs 0 new restore "$FIRST" --json
same "who ran at the backup's moment is free again" "$(jq '.claims_moved >= 1' <<<"$SAID")" true
runs 5 new restore "$FIRST"
says "holds jobs already"
runs 5 new restore "$FIRST" --redis-only
runs 5 new restore "$FIRST" --postgres-only
says "Restore both"
runs 0 new fsck --all --postgres

# --- a restore killed at every step, and finished by the next -----------------------------------------------------------------------
counts() { for q in $QUEUES; do stat_of "$q" '[.enqueued, .dead, .scheduled, .drift]' | tr -d '\n '; done; sql "SELECT count(*) FROM stint.stint_outbox"; }
WHOLE=$(counts)
ROWS_AGAIN=$(sql "SELECT count(*) FROM stint.stint_outbox WHERE relayed_at IS NULL")
POINTS=$(grep -rhoE 'KILL_POINT\("restore_[^"]+"\)' "$STINT_SOURCE/ctl" | sed 's/.*"\(.*\)".*/\1/' | sort -u)
for point in $POINTS; do
  STINT_KILL_POINT=$point:1 "$STINT" restore "$FIRST" --dir "$NEW" --force-redis --force-postgres >/dev/null 2>&1
  code=$?
  case "$point" in restore_dropped | restore_postgres) # passed once
    STINT_KILL_POINT=$point "$STINT" restore "$FIRST" --dir "$NEW" --force-redis --force-postgres >/dev/null 2>&1
    code=$? ;;
  esac
  same "restore killed at $point" "$code" 137
  half=""
  for q in $QUEUES; do [ "$(redis EXISTS "stint:{$q}:restoring")" = 1 ] && half=$q; done
  if [ -n "$half" ]; then
    case "$(redis FCALL stint_beat 1 "stint:{$half}" me-1 1000 '{}' 2>&1)" in *"half restored"*) ok "… nobody can work there" ;; *) not_ok "… somebody can work on $half" ;; esac
    runs 5 new fsck --queue "$half"
    says "is half restored from"
    runs 5 new preflight
    says "is half restored from"
  else
    not_ok "… nothing says that it is half"
  fi
  runs 0 new restore "$FIRST"
  same "… the next run finished it" "$(counts)" "$WHOLE"
  same "… the outbox is as it was" "$(sql "SELECT count(*) FROM stint.stint_outbox WHERE relayed_at IS NULL")" "$ROWS_AGAIN"
  same "… without a mark" "$(redis --scan --pattern 'stint:{*}:restoring*' | wc -l)" 0
done
runs 0 new fsck --all --postgres

# --- and it works on --------------------------------------------------------------------------------------------------------------
direct=62 # p1 … p60, later, asleep
new down >/dev/null 2>&1
stack_up >/dev/null || not_ok "the restored stack does not start"
redis FCALL stint_cancel 1 'stint:{probe}' later done me >/dev/null
# The one that slept, not a row of the outbox: by the name its worker says.
asleep_on() { new worker list --json 2>/dev/null | jq -r 'select(.job == "asleep") | .slot'; }
asleep_runs() { [ -n "$(asleep_on)" ]; }
until_true 60 asleep_runs || not_ok "the job that slept was not begun again"
rows_done() { [ "$(sql "SELECT count(*) FROM stint.stint_outbox WHERE relayed_at IS NULL")" = 0 ]; }
until_true 120 rows_done || not_ok "the outbox does not come to rest"
same "every row of the outbox is one job" "$(stat_of probe .enqueued)" $((direct + $(sql "SELECT count(*) FROM stint.stint_outbox")))
# Its kind is not tracked: it can be asked for by its id once it failed. Its worker's death is told after the kill was answered.
runs 0 new worker kill "$(asleep_on)"
asleep_cancelled() { redis FCALL stint_cancel 1 'stint:{probe}' asleep done me | grep -q cancel; }
until_true 60 asleep_cancelled || not_ok "the job that slept cannot be cancelled"
until_true 180 is_quiet || not_ok "the restored queues do not come to rest"
cp "$OLD/books.before" "$NEW/all"
grep -v '^probe ' "$NEW/all" >"$NEW/books"
cp "$OLD/events" "$NEW/events"
for q in $QUEUES; do same "$q: no drift" "$(stat_of "$q" .drift)" 0; done
same "what was dead is dead" "$(stat_of pdf .dead)" 1
check_documents
until_true 60 all_told || not_ok "pairs that nobody was told of"
same "every person of before waits or is paired, once" \
  "$(sql "SELECT count(DISTINCT id) || ' ' || count(*) FROM stint.match_ticket WHERE id LIKE 'person%'")" "40 40"
same "nobody is in two pairs" "$(sql "SELECT count(*) FROM (SELECT unnest(ARRAY[a, b]) AS id FROM stint.match_pair WHERE pool = 'crash' AND state <> 'released') x GROUP BY id HAVING count(*) > 1")" ""
redis FCALL stint_enqueue 1 'stint:{match}' '{"kind":"match","id":"new1"}' '{"v":1,"op":"submit","pool":"crash","id":"new1","gender":"male","seeking":["female"],"age":25,"presence_ms":3600000}' >/dev/null
redis FCALL stint_enqueue 1 'stint:{match}' '{"kind":"match","id":"new2"}' '{"v":1,"op":"submit","pool":"crash","id":"new2","gender":"female","seeking":["male"],"age":25,"presence_ms":3600000}' >/dev/null
newcomers() { [ "$(sql "SELECT count(*) FROM stint.match_ticket WHERE id IN ('new1', 'new2')")" = 2 ]; }
until_true 60 newcomers || not_ok "the pool takes nobody any more"
runs 0 new fsck --all --postgres

# --- the page, word by word -----------------------------------------------------------------------------------------------------
mkdir "$NEW/backups" "$NEW/tools" "$NEW/page"
printf '#!/bin/sh\nexec %s -s %s "$@"\n' "$(command -v redis-cli)" "$NEW/run/redis.sock" >"$NEW/tools/redis-cli"
chmod 755 "$NEW/tools/redis-cli"
export PATH="$NEW/tools:$STINT_BUILD/bin:$PATH" STINT_DIR="$NEW" BACKUPS="$NEW/backups"
export PGHOST="$NEW/run" PGPORT=5432 PGUSER=stint PGDATABASE=stint
redis CONFIG SET repl-diskless-sync-delay 0 >/dev/null
blocks=0
while read -r file line ending; do
  # shellcheck disable=SC1090
  (set -eo pipefail; . "$file") >"$NEW/said" 2>&1 </dev/null
  same "backup.md, line $line" "$?" "$ending" || true
  [ "$failures" = 0 ] || sed 's/^/# /' "$NEW/said"
  blocks=$((blocks + 1))
done < <(python3 "$STINT_SOURCE/tests/support/doc_commands.py" "$STINT_SOURCE/docs/operations/backup.md" backup --split "$NEW/page")
same "blocks of backup.md that were run" "$blocks" 4
stack_verdict
