#!/usr/bin/env bash
# `stint pdf parse --local`: documents without a server, by the real parser and its cells: shown, written, refused by name, many at once, on
# terminals and off them, and killed in the middle.
set -u
STINT=$STINT_BUILD/bin/stint PDFGEN=$STINT_BUILD/bin/stint-pdfgen
DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT
failures=0 checks=0
unset STINT_REDIS_URL STINT_POSTGRES_URL STINT_CONFIG STINT_DIR STINT_PDF_MAX_PAGES
export NO_COLOR=1
cd "$DIR" || exit 1

ok() { checks=$((checks + 1)); echo "ok - $*"; }
not_ok() { checks=$((checks + 1)) failures=$((failures + 1)); echo "not ok - $*"; sed 's/^/#   /' "$DIR/out" "$DIR/err" 2>/dev/null | cut -c1-200 | head -30; }
same() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1: $2, expected $3"; fi; }
# run WHAT CODE WORDS…: stint pdf parse WORDS ends with CODE
run() {
  local what=$1 code=$2
  shift 2
  "$STINT" pdf parse "$@" >"$DIR/out" 2>"$DIR/err" </dev/null
  same "$what: exit code" $? "$code"
}
shows() { if grep -qF -- "$2" "$DIR/out"; then ok "$1 shows \"$2\""; else not_ok "$1 does not show \"$2\""; fi; }
tells() { if grep -qF -- "$2" "$DIR/err"; then ok "$1 tells \"$2\""; else not_ok "$1 does not tell \"$2\""; fi; }
generate() { "$PDFGEN" --kind "$1" --rows "$2" --seed "$3" --out "$4" --truth "$DIR/truth.json" || exit 1; }
events() { jq '.events | length' "$DIR/truth.json"; }

generate test 6 2 tests.pdf
generate lecture 5 3 lectures.pdf
lectures=$(events)
generate exam 5 3 exams.pdf
exams=$(events)
"$PDFGEN" --kind exam --rows 5 --damage notpdf --out notpdf.pdf
head -c 300 exams.pdf >broken.pdf
: >empty.pdf

# --- one good document ---
run 'a good one' 0 --local exams.pdf
shows 'a good one' 'exams.pdf: exam, 1 page, 5 events, 5 of 5 rows, 0 warnings'
shows 'a good one' 'MODULE'
same 'a good one shows every event' "$(grep -cE '^[A-Z]{3} [0-9]{3} ' out)" "$exams"
same 'a good one is silent about the rest' "$(wc -c <err)" 0
run 'JSON' 0 --local --json exams.pdf
same 'JSON is one object a document' "$(jq -r '[.file, .state, .result.type, (.result.events | length), .result.cached] | join(" ")' out)" "exams.pdf done exam $exams false"
same 'JSON names the input' "$(jq -r .result.input_sha256 out)" "$(sha256sum exams.pdf | cut -d' ' -f1)"
"$STINT" pdf parse --local - <exams.pdf >out 2>err
same 'standard input: exit code' $? 0
shows 'standard input' '-: exam, 1 page'
run 'a table of any document' 0 --local --expect table exams.pdf
shows 'a table of any document' 'Exam Campus'
run 'text' 0 --local --text exams.pdf
shows 'text' 'University timetable, draft'

# --- refusals, each named with what to do ---
run 'no PDF' 1 --local notpdf.pdf; tells 'no PDF' NOT_PDF; tells 'no PDF' 'print it to PDF'
run 'an empty one' 1 --local empty.pdf; tells 'an empty one' EMPTY_FILE
run 'a broken one' 1 --local broken.pdf; tells 'a broken one' CORRUPT_PDF
run 'none there' 3 --local none.pdf; tells 'none there' 'none.pdf cannot be opened'
run 'another type' 1 --local --expect lecture exams.pdf; tells 'another type' TYPE_MISMATCH
printf '%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 100]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj\n4 0 obj<</Length 96>>stream\nBT /F1 10 Tf 10 70 Td (Name) Tj 100 0 Td (Room) Tj -100 -20 Td (Ada) Tj 100 0 Td (B 12) Tj ET       \nendstream endobj\n5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R/Size 6>>\n%%%%EOF\n' >list.pdf
run 'no timetable' 1 --local list.pdf; tells 'no timetable' UNRECOGNISED_FORMAT; tells 'no timetable' '--table shows its rows'
run 'no timetable, with --table' 0 --local --table list.pdf; shows 'no timetable, with --table' 'Ada'
run 'a timetable, with --table' 0 --local --table exams.pdf; shows 'a timetable, with --table' 'exams.pdf: exam,'

# --- wrong options ---
run 'no document' 2 --local; tells 'no document' 'is missing'
run 'an unknown type' 2 --local --expect exams exams.pdf; tells 'an unknown type' 'allowed are: auto, table, text and the known layouts'
run 'a bad term' 2 --local --term S1=2026-02-09 exams.pdf; tells 'a bad term' 'S1=2026-02-09..2026-06-05'
run 'a term that ends before it begins' 2 --local --term S1=2026-06-09..2026-02-05 exams.pdf; tells 'a term that ends before it begins' 'terms.S1 needs start and end'
run 'a bad holiday' 2 --local --holidays 2026-02-30 exams.pdf; tells 'a bad holiday' 'holidays[0]'
run 'too many jobs' 2 --local --jobs 900 exams.pdf; tells 'too many jobs' '--jobs'
run 'two forms' 2 --local --json --text exams.pdf; tells 'two forms' 'exclude each other'
run 'standard input twice' 2 --local - -; tells 'standard input twice' 'only once'
run 'an address' 2 --local https://example.org/x.pdf; tells 'an address' 'fetched by workers'
mkdir nothing
run 'an empty folder' 3 --local nothing; tells 'an empty folder' 'holds no *.pdf'
mkdir a b; cp exams.pdf a/x.pdf; cp tests.pdf b/x.pdf
run 'one name twice' 2 --local a/x.pdf b/x.pdf --json --out-dir both; tells 'one name twice' 'would both be written to'
run 'an unknown zone' 2 --local --ics --timezone Mars/Olympus a/x.pdf; tells 'an unknown zone' 'Mars/Olympus'
STINT_REDIS_URL=unix://$DIR/none.sock run 'no server' 4 exams.pdf; tells 'no server' 'add --local'

# --- passwords: from a file, from the terminal, never from the command line ---
if command -v qpdf >/dev/null; then
  qpdf --encrypt geheim owner 256 -- exams.pdf locked.pdf
  qpdf --encrypt "" owner 128 --use-aes=y -- exams.pdf empty-password.pdf
  printf 'geheim\nsecond line\n' >password
  printf 'wrong\n' >wrong
  run 'a locked one' 1 --local locked.pdf; tells 'a locked one' PASSWORD_REQUIRED; tells 'a locked one' '--password-file FILE'
  run 'a wrong password' 1 --local locked.pdf --password-file wrong; tells 'a wrong password' 'does not open'
  run 'the password' 0 --local locked.pdf --password-file password; shows 'the password' '5 events'
  run 'an empty password' 0 --local empty-password.pdf; shows 'an empty password' '5 events'
  run 'no password file' 3 --local locked.pdf --password-file /none; tells 'no password file' '/none cannot be opened'
  python3 "$STINT_SOURCE/tests/support/pty_run.py" 100 30 --type geheim "$STINT" pdf parse --local locked.pdf --password-file prompt >out 2>err
  same 'a password typed: exit code' $? 0
  shows 'a password typed' '5 events'
  same 'a password typed is not echoed' "$(grep -c geheim out)" 0
else
  echo "skip - passwords: qpdf is not installed"
fi

# --- calendars ---
run 'calendars beside' 0 --local --ics a/x.pdf
same 'calendars beside' "$(grep -c BEGIN:VEVENT a/x.ics)" "$exams"
run 'calendars in a folder' 0 --local exams.pdf lectures.pdf --ics --out-dir cal --term S1=2026-02-09..2026-06-05 --term S2=2026-07-20..2026-10-30 --term Y=2026-02-09..2026-10-30
same 'calendars in a folder' "$(grep -c BEGIN:VEVENT cal/exams.ics) $(grep -c BEGIN:VEVENT cal/lectures.ics)" "$exams $lectures"
printf '# a year\n2026-04-03 Good Friday\n\n2026-04-06\n' >holidays
run 'one calendar' 0 --local exams.pdf lectures.pdf exams.pdf --ics all.ics --term S1=2026-02-09..2026-06-05,S2=2026-07-20..2026-10-30,Y=2026-02-09..2026-10-30 --holidays holidays
same 'one calendar holds each event once' "$(grep -c BEGIN:VEVENT all.ics)" "$((exams + lectures))"
same 'one calendar is one' "$(grep -c BEGIN:VCALENDAR all.ics) $(tail -n 1 all.ics | tr -d '\r')" '1 END:VCALENDAR'
run 'a calendar to standard output' 0 --local --ics - exams.pdf
same 'a calendar to standard output is nothing else' "$(head -n 1 out | tr -d '\r') $(tail -n 1 out | tr -d '\r')" 'BEGIN:VCALENDAR END:VCALENDAR'
run 'only a group' 0 --local lectures.pdf --json --group "$(jq -r '.events[0].group' <("$STINT" pdf parse --local lectures.pdf --json | jq .result))"
same 'only a group' "$(jq -r '.result.events | map(.group) | unique | length' out)" 1

# --- a mixed lot: the good ones are done, the bad ones listed ---
run 'a mixed lot' 1 --local exams.pdf notpdf.pdf tests.pdf broken.pdf
shows 'a mixed lot' 'tests.pdf: test,'
tells 'a mixed lot' '4 documents: 2 parsed, 2 failed'
tells 'a mixed lot' 'broken.pdf: failed'
run 'a mixed lot as JSON' 1 --local --json exams.pdf notpdf.pdf tests.pdf
same 'a mixed lot as JSON' "$(jq -r '[.state, .error.code // "-"] | join(" ")' out | tr '\n' ';')" 'done -;failed NOT_PDF;done -;'

# --- terminals: a bar, columns that fit; none of it elsewhere ---
python3 "$STINT_SOURCE/tests/support/pty_run.py" 60 30 "$STINT" pdf parse --local tests.pdf exams.pdf >out 2>err
same 'a narrow terminal: exit code' $? 0
shows 'a narrow terminal' '2/2'
longest=$(tr '\r' '\n' <out | sed 's/\x1b\[[0-9;]*[A-Za-z]//g' | grep -v 'documents:\|: test,\|: exam,\|parse \|^? the document' | python3 -c 'import sys; print(max(len(l.rstrip("\n")) for l in sys.stdin))')
if [ "$longest" -le 60 ]; then ok "a narrow terminal: the longest line has $longest columns"; else not_ok "a narrow terminal: a line of $longest columns"; fi
run 'no terminal' 0 --local tests.pdf exams.pdf
same 'no terminal: no bar, no colour' "$(cat out err | grep -c "$(printf '\033')\|█\|░")" 0

# --- many: side by side, in order, a file each ---
mkdir many
for i in $(seq 200); do
  case $((i % 3)) in 0) f=tests ;; 1) f=exams ;; *) f=lectures ;; esac
  { cat $f.pdf; echo "% $i"; } >"many/$(printf %03d "$i").pdf"
done
cp notpdf.pdf many/150.pdf
run '200 files' 1 --local many --jobs 4 --json
same '200 files: one object each' "$(jq -r .state out | sort | uniq -c | tr -s ' ' | tr '\n' ';')" ' 199 done; 1 failed;'
same '200 files: in order' "$(jq -r .file out | sort -c && echo sorted)" sorted
run '200 files, a file each' 1 --local many --jobs 4 --json --out-dir results
same '200 files, a file each' "$(ls results | wc -l) $(cat results/* | jq -r .state | sort -u)" '199 done'
shows '200 files, a file each' NOT_PDF

# --- killed in the middle: what is there is whole, nothing runs on. So many that a busy host sees the middle before the end ---
mkdir lots
for f in many/*.pdf; do for i in 1 2 3 4 5; do ln "$f" "lots/$i-${f#many/}"; done; done
"$STINT" pdf parse --local lots --jobs 4 --json --out-dir killed >out 2>err &
pid=$!
deadline=$((SECONDS + 60))
until [ "$(ls killed 2>/dev/null | wc -l)" -ge 5 ] || [ $SECONDS -ge $deadline ]; do read -r -t 0.01 _ <> <(:); done
zygotes=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null)
kill -KILL $pid 2>/dev/null
wait $pid 2>/dev/null
n=$(ls -A killed | wc -l)
if [ "$n" -ge 5 ] && [ "$n" -lt 995 ]; then ok "killed after $n of 995 results"; else not_ok "killed too late or never: $n results"; fi
same 'killed: every result is whole' "$(for f in killed/*; do jq -e .result.pages "$f" >/dev/null || echo "$f"; done)" ''
same 'killed: no result is half-written' "$(find killed -name '.*' -type f | wc -l)" 0
for z in $zygotes; do
  until ! [ -e "/proc/$z" ] || grep -q '^State:.*[ZX]' "/proc/$z/status" 2>/dev/null || [ $SECONDS -ge $((deadline + 30)) ]; do read -r -t 0.01 _ <> <(:); done
  if [ -e "/proc/$z" ] && ! grep -q '^State:.*[ZX]' "/proc/$z/status"; then not_ok "the parser $z runs on"; else ok 'killed: its parser is gone'; fi
done

echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
