#!/usr/bin/env bash
# Why: verify and restore read archives that others packed, and unpack them as root: nothing of one may reach a place of its choice. And the
# rare moments of a backup and a restore: a queue born in between, a producer that was not stopped, a full disk, a kill while older ones go.
# Refuses to: call anything whole that was not looked at.
set -u
# shellcheck source=tests/support/stack.sh
. "$(dirname "$0")/../support/stack.sh"
FULL="" WORK="$STACK_DIR/work"
hostile_end() {
  local code=$?
  [ -n "$FULL" ] && umount "$FULL" 2>/dev/null
  rm -rf "$STACK_DIR-evil"
  return "$code"
}
trap 'hostile_end; stack_end' EXIT
mkdir "$WORK"
chmod 755 "$WORK"
export TMPDIR="$WORK" STINT_DIR="$STACK_DIR"

# runs CODE WORDS…: the command ends with that code; SAID holds all it said
runs() {
  local want=$1 code
  shift
  SAID=$("$@" 2>&1 </dev/null)
  code=$?
  if [ "$code" = "$want" ]; then ok "${*:2:4}: exit code $code"; else not_ok "$*: exit code $code, wanted $want: $SAID"; fi
}
says() { case "$SAID" in *"$1"*) ok "says \"$1\"" ;; *) not_ok "does not say \"$1\": $SAID" ;; esac; }
entries() { find "$1" -mindepth 1 -maxdepth 1 -name "$2" | wc -l; }
put() { redis FCALL stint_enqueue 1 "stint:{$1}" "{\"kind\":\"probe\",\"id\":\"$2\"}" '{"v":1,"do":"ok"}' >/dev/null; }
enqueued() { "$STINT" queue stats "$1" --json | jq .enqueued; }

"$STINT" up --stores --detach >/dev/null 2>&1 || { not_ok "the stores do not start"; exit 1; }
redis CONFIG SET repl-diskless-sync-delay 0 >/dev/null
"$STINT" queue stats probe >/dev/null 2>&1 # the Functions are there
for i in 1 2 3; do put probe "p$i"; done
runs 0 "$STINT" backup --out "$STACK_DIR/whole.tar"
runs 0 "$STINT" verify "$STACK_DIR/whole.tar"
says "0 faults"

# --- a tar that somebody else packed ---------------------------------------------------------------------------------------------
# packed HOW: bad.tar, a copy of the backup bent by the Python of HOW: members is a list of (tarinfo, bytes)
packed() {
  python3 - "$STACK_DIR/whole.tar" "$STACK_DIR/bad.tar" "$STACK_DIR-evil" "$1" <<'PY'
import io, sys, tarfile
whole, bad, evil, how = sys.argv[1:]
with tarfile.open(whole) as t:
    members = [(m, t.extractfile(m).read()) for m in t.getmembers()]
def member(name, kind=tarfile.REGTYPE, link="", data=b"evil"):
    m = tarfile.TarInfo(name)
    m.type, m.linkname, m.size = kind, link, len(data) if kind == tarfile.REGTYPE else 0
    m.devmajor, m.devminor = 1, 5
    return m, data
exec(how)
with tarfile.open(bad, "w") as t:
    for m, data in members:
        t.addfile(m, io.BytesIO(data) if m.type == tarfile.REGTYPE else None)
PY
}
packed 'members += [member("../evil"), member("../../../../../../../.." + evil), member(evil), member("dev", tarfile.CHRTYPE),
  member("l", tarfile.SYMTYPE, "/"), member("l" + evil), member("h", tarfile.LNKTYPE, "../../../../../../etc/passwd"), member("f", tarfile.FIFOTYPE)]'
runs 0 "$STINT" verify "$STACK_DIR/bad.tar" --checksums
same "members that are no part are not even looked at" "$(find "$STACK_DIR-evil" "$WORK" "$STACK_DIR/evil" 2>/dev/null)" "$WORK"
packed 'members[0][0].type, members[0][0].linkname, members[0][0].size = tarfile.SYMTYPE, "/etc/passwd", 0'
runs 1 "$STINT" verify "$STACK_DIR/bad.tar" --checksums
packed 'm = next(m for m, d in members if m.name == "redis.rdb"); m.type, m.linkname, m.size = tarfile.CHRTYPE, "", 0; m.devmajor, m.devminor = 1, 5'
runs 1 "$STINT" verify "$STACK_DIR/bad.tar" --checksums
says "it was cut off"
packed 'members[0] = member("manifest.json", data=b" " * (1 << 27))'
runs 1 "$STINT" verify "$STACK_DIR/bad.tar" --checksums
says "bytes it may have"
packed 'members[1] = member(members[1][0].name, data=members[1][1] + b"more")'
runs 1 "$STINT" verify "$STACK_DIR/bad.tar" --checksums
says "bytes it may have"
packed 'members = [(m, d) for m, d in members if m.name != "manifest.json"]'
runs 1 "$STINT" verify "$STACK_DIR/bad.tar" --checksums
says "manifest.json cannot be unpacked"
packed 'for m, d in members: m.name = "./" + m.name'
runs 0 "$STINT" verify "$STACK_DIR/bad.tar" --checksums
gzip -c "$STACK_DIR/whole.tar" >"$STACK_DIR/bad.tar"
runs 0 "$STINT" verify "$STACK_DIR/bad.tar" --checksums
same "nothing is left in the temporary folder" "$(entries "$WORK" '*')" 0

# --- moments of a backup -----------------------------------------------------------------------------------------------------------
# Redis waits with its copy until it is told not to: in between a queue is born.
redis CONFIG SET repl-diskless-sync-delay 3600 >/dev/null
"$STINT" backup --out "$STACK_DIR/born" >"$STACK_DIR/said" 2>&1 &
MIX_PID=$!
asked() { redis CLIENT LIST | grep -q 'flags=S'; }
until_true 60 asked || not_ok "no copy is asked for"
put newborn n1
redis CONFIG SET repl-diskless-sync-delay 0 >/dev/null
wait "$MIX_PID"
same "a queue born meanwhile: refused" $? 5
MIX_PID=""
SAID=$(cat "$STACK_DIR/said")
says "queue newborn was born while the backup was made"
same "… and nothing is left" "$(entries "$STACK_DIR" '*born*')" 0
runs 5 env STINT_RELAY_OUTBOX_KEEP=0 "$STINT" backup --out "$STACK_DIR/short"
says "Raise outbox_keep"

# Older ones go under a hidden name.
mkdir "$STACK_DIR/many"
mkdir "$STACK_DIR/many/stint-20250101T000000Z"
touch "$STACK_DIR/many/stint-20250101T000000Z/manifest.json"
STINT_KILL_POINT=backup_prune "$STINT" backup --out "$STACK_DIR/many" --keep 1 >/dev/null 2>&1
same "killed while an older backup goes" $? 137
same "… only the new one has a final name" "$(entries "$STACK_DIR/many" 'stint-*') $(entries "$STACK_DIR/many" 'stint-2025*')" "1 0"
MADE=$(basename "$(find "$STACK_DIR/many" -name 'stint-2*' -maxdepth 1)")
later() { [ "stint-$(date -u +%Y%m%dT%H%M%SZ)" != "$MADE" ]; }
until_true 60 later || not_ok "the clock stands still" # another second, another name
runs 0 "$STINT" backup --out "$STACK_DIR/many" --keep 1
same "… and the next one cleans up" "$(entries "$STACK_DIR/many" '*')" 1

# --- a full disk -------------------------------------------------------------------------------------------------------------------
mkdir "$STACK_DIR/full"
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=128k tmpfs "$STACK_DIR/full" 2>/dev/null; then
  FULL="$STACK_DIR/full"
  for i in $(seq 40); do
    redis FCALL stint_enqueue 1 'stint:{probe}' "{\"kind\":\"probe\",\"id\":\"big$i\"}" "{\"v\":1,\"x\":\"$(head -c 12000 /dev/urandom | base64 -w0)\"}" >/dev/null
  done
  for out in "$FULL" "$FULL/one" "$FULL/one.tar"; do
    runs 1 "$STINT" backup --out "$out"
    says "is full"
    same "… nothing is left there" "$(entries "$FULL" '*')" 0
  done
  runs 1 env TMPDIR="$FULL" "$STINT" verify "$STACK_DIR/whole.tar"
  says "TMPDIR"
  same "… nothing is left there" "$(entries "$FULL" '*')" 0
  umount "$FULL" && FULL=""
else
  echo "# skipped: a full disk needs root and a mount of tmpfs"
fi

# --- moments of a restore ----------------------------------------------------------------------------------------------------------
runs 0 "$STINT" backup --out "$STACK_DIR/two"
put third t1
runs 5 "$STINT" restore "$STACK_DIR/two" --force-redis
says "third"
says "The backup does not hold it"
runs 0 "$STINT" restore "$STACK_DIR/two" --force-redis --force-postgres
says "queue third is not in what is restored"
same "what was not restored stays" "$(enqueued third)" 1
WAS=$(enqueued probe)
# A producer that was not stopped writes between the hashes and the counters of a restore that is killed there.
STINT_KILL_POINT=restore_hashes "$STINT" restore "$STACK_DIR/two" --force-redis --force-postgres >/dev/null 2>&1
same "killed among the hashes" $? 137
put probe stranger
runs 5 "$STINT" restore "$STACK_DIR/two"
says "with --force-redis"
runs 0 "$STINT" restore "$STACK_DIR/two" --force-redis
same "… begun anew it is what the backup holds" "$(enqueued probe) $(redis EXISTS 'stint:{probe}:j:stranger')" "$WAS 0"
runs 0 "$STINT" fsck --all --postgres
# What a kill -9 left is gone with the next run: folders and servers.
same "no temporary folder is left" "$(find "$WORK" -mindepth 1 -maxdepth 3)" ""
servers() { grep -lzs "$WORK/stint-private" /proc/[0-9]*/cmdline; }
until_true 60 eval '! servers' && ok "no private server is left" || not_ok "a private server is left: $(servers)"

# --- more queues than one configuration names ------------------------------------------------------------------------------------------
for i in $(seq 40); do put "many$i" "m$i"; done
runs 0 "$STINT" fsck --all --json
same "fsck --all looks at every queue" "$(jq '.queues >= 42' <<<"$SAID")" true
runs 0 "$STINT" backup --out "$STACK_DIR/forty" --redis-only
same "and so does a backup" "$(jq '[.redis.queues[].queue | select(startswith("many"))] | length' "$STACK_DIR/forty/manifest.json")" 40
for i in $(seq 41 1210); do echo "XADD stint:{many$i}:s:normal * kind probe payload {}"; done | redis >/dev/null
runs 5 "$STINT" fsck --all
says "more than 1200 queues"
runs 5 "$STINT" backup --out "$STACK_DIR/most" --redis-only
says "more than 1200 queues"
stack_verdict
