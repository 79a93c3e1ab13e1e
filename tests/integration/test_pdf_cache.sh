#!/usr/bin/env bash
# Identical documents at once, for several workers: parsed once, whoever dies meanwhile; what cannot be parsed is found out once; the cache keeps to
# its bounds; imports of one owner at once lose nothing. Counts what the parser did by the results that did not come from the cache.
set -u
# shellcheck source=tests/support/stack.sh
. "$(dirname "$0")/../support/stack.sh"
if grep -q '^STINT_SANITIZE:[A-Z]*=.' "$STINT_BUILD/CMakeCache.txt"; then
  echo "skip - the cells of four workers do not fit a sanitizer's memory"
  checks=1
  exit 77
fi
KILL_FILE="$STACK_DIR/killpoint"
echo "none 0" >"$KILL_FILE"
chmod 666 "$KILL_FILE"
export STINT_KILL_POINT="@$KILL_FILE" STINT_POOL_PDF_WORKERS=4 STINT_POOL_PROBE_WORKERS=1 STINT_POOL_MATCH_WORKERS=1
export STINT_KIND_PDF_PARSE_BACKOFF=100ms STINT_KIND_PDF_PARSE_CRASHES=10
QUEUES="pdf"

documents 3 40 || { not_ok "documents cannot be made"; exit 1; }
stack_up >"$STACK_DIR/up.out" || { not_ok "up: $(tail -n 2 "$STACK_DIR/up.out")"; exit 1; }

# copies NAME N DOCUMENT MORE: the same document N times, all let go at the same moment
copies() {
  local i
  redis FCALL stint_pause 1 'stint:{pdf}' '' test test >/dev/null
  for i in $(seq "$2"); do
    echo "FCALL stint_enqueue 1 stint:{pdf} '{\"kind\":\"pdf-parse\",\"id\":\"$1-$i\"}' '{\"v\":1,\"source\":{\"path\":\"$STACK_DIR/inbox/$3.pdf\"}${4:-}}'"
  done | redis >/dev/null
  redis FCALL stint_resume 1 'stint:{pdf}' '' test test >/dev/null
}
results() { sql "SELECT count(*) FROM stint.pdf_result WHERE job_id LIKE '$1-%' $2"; }
all_done() { [ "$(results "$1" '')" = "$2" ]; }
quiet() { is_quiet; }

copies same 50 d1
until_true 60 all_done same 50 || not_ok "50 identical documents: $(results same '') are done"
same "50 identical documents at once are parsed once" "$(results same 'AND NOT cached')" 1
same "by 4 workers" "$([ "$(sql "SELECT count(*) FROM stint.pdf_cache WHERE reply IS NOT NULL")" = 1 ] && echo yes)" yes

echo "pdf_parsing 1" >"$KILL_FILE"
copies killed 30 d2
until_true 60 all_done killed 30 || not_ok "one parser's worker killed: $(results killed '') of 30 are done"
same "the worker that parses is killed in the middle: it did die" "$(cut -d' ' -f2 "$KILL_FILE")" 0
same "another parses, once" "$(results killed 'AND NOT cached')" 1
until_true 60 quiet || not_ok "not quiet"
same "the ledger adds up" "$(stat_of pdf .drift)" 0

# Nobody's answer: what cannot be parsed is tried once, and told to all.
copies broken 20 d3 ',"expect":"exam"'
broken_dead() { [ "$(stat_of pdf .dead)" = 20 ]; }
until_true 60 broken_dead || not_ok "20 documents of the wrong type: $(stat_of pdf .dead) are dead"
same "a document of the wrong type is found out once" "$(sql "SELECT count(*) || ' ' || min(code) FROM stint.pdf_cache WHERE code IS NOT NULL")" "1 TYPE_MISMATCH"

# One owner, many imports at once, of documents that share nothing and of copies.
owners() { local i; for i in $(seq 12); do copies "own$i" 1 "d$((1 + i % 3))" ',"owner":"one","emit":"both"'; done; }
owners
own_done() { [ "$(sql "SELECT count(*) FROM stint.pdf_result WHERE owner = 'one'")" = 12 ]; }
until_true 60 own_done || not_ok "imports of one owner: $(sql "SELECT count(*) FROM stint.pdf_result WHERE owner = 'one'") of 12 are done"
same "imports of one owner at once add each event once" \
  "$(sql "SELECT sum((result->'imported'->>'added')::int) = (SELECT count(*) FROM stint.pdf_event WHERE owner = 'one') FROM stint.job_outcome WHERE job_id LIKE 'own%'")" t
same "and none failed" "$(stat_of pdf .dead)" 20

# The bound: rows beyond it go, the least used first. Each worker may add 64 between two looks.
sql "INSERT INTO stint.pdf_cache (input_sha256, options_hash, reply, pages, parse_us, limits, bytes, used_at)
  SELECT md5(i::text) || md5(i::text), 'x', '{}', 1, 1, '', 2, now() - interval '1 day' FROM generate_series(1, 12000) AS i" >/dev/null
bounded() { [ "$(sql 'SELECT count(*) FROM stint.pdf_cache')" -le $((10000 + 4 * 64)) ]; }
for i in $(seq 70); do
  salted 1 "$i" >/dev/null
  copies "new$i" 1 "d1.$i"
done
until_true 60 bounded && ok "the cache is pruned to its bound" || not_ok "the cache holds $(sql 'SELECT count(*) FROM stint.pdf_cache') rows"
until_true 60 quiet || not_ok "not quiet at the end"
same "what was used last is kept" "$(sql "SELECT count(*) > 70 FROM stint.pdf_cache WHERE options_hash <> 'x'")" t
same "and the ledger adds up" "$(stat_of pdf .drift)" 0
stack_verdict
