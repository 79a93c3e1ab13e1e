#!/usr/bin/env bash
# Sets up everything and runs the main job on real input: people are matched, timetables are parsed, a damaged file dies with its
# cause, is mended and replayed. ./run.sh [--keep] [--dir DIR]
#   --keep  leave the stack running at the end      --dir DIR  its state folder (default: a new one under /tmp)
set -euo pipefail
cd "$(dirname "$0")"
. scripts/packages.sh

keep=no dir=""
while [ $# -gt 0 ]; do
  case "$1" in
    --keep) keep=yes ;;
    --dir) [ $# -ge 2 ] || { echo "run.sh: --dir needs a folder" >&2; exit 2; }; dir=$2; shift ;;
    -h|--help) sed -n '2,4s/^# //p' "$0"; exit 0 ;;
    *) echo "run.sh: unknown argument '$1'; allowed: --keep --dir DIR" >&2; exit 2 ;;
  esac
  shift
done

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n== %s\n' "$*"; }
show() { printf '$ stint %s\n' "$*"; stint "$@"; }

# until_quiet QUEUE: until nothing of it is ready or active; a minute at most.
until_quiet() {
  for _ in $(seq 600); do
    case "$(stint queue stats "$1" --json | tr -d ' ')" in *'"ready":'[1-9]*|*'"active":'[1-9]*) sleep 0.1 ;; *) return 0 ;; esac
  done
  echo "run.sh: queue $1 is not quiet after a minute; see $dir/log/" >&2
  return 1
}

say "1. Build (Debian packages are installed when missing)"
# shellcheck disable=SC2086
packages_install $PACKAGES_BUILD $PACKAGES_RUN
build_preset release
bin=$PWD/build/release/bin
stint() { "$bin/stint" "$@"; }
stint --version

say "2. Start the whole stack: a private Redis, a private PostgreSQL, a supervisor with its workers"
[ -n "$dir" ] || dir=$(mktemp -d "${TMPDIR:-/tmp}/stint-demo.XXXXXX")
mkdir -p "$dir/inbox"
chmod 755 "$dir" "$dir/inbox"
export STINT_DIR=$dir STINT_PDF_ROOTS=$dir/inbox STINT_METRICS_PORT=0
ended=no
finish() {
  [ "$ended" = yes ] && return
  ended=yes
  [ "$keep" = yes ] || stint down || true
}
trap finish EXIT
trap 'exit 130' INT TERM
printf '$ stint up --dir %s --detach\n' "$dir"
stint up --dir "$dir" --detach

say "3. 300 people begin to join a pool, twenty a second, 70 men for 30 women; each wants an age and a distance"
awk -v n=300 -v men=70 -v seed=1 -f demo/people.awk >"$dir/people.ndjson"
join_pool() {
  for from in $(seq 1 20 300); do
    sed -n "$from,$((from + 19))p" "$dir/people.ndjson" | stint match submit --pool demo --bulk - --no-wait --quiet
    sleep 1
  done
}
join_pool >"$dir/joined.txt" 2>&1 &
joining=$!
echo "(in the background, while documents are parsed)"

say "4. Timetables: lectures whose row is split over a page break, tests with many venues, exams encrypted with an empty password"
inbox=$dir/inbox
gen() { "$bin/stint-pdfgen" "$@"; }
gen --kind lecture --rows 40 --seed 7 --out "$inbox/lectures.pdf" --truth "$inbox/lectures.json"
gen --kind test --rows 12 --seed 8 --out "$inbox/tests.pdf" --truth "$inbox/tests.json"
gen --kind exam --rows 14 --seed 9 --out "$inbox/exams-plain.pdf" --truth "$inbox/exams.json"
qpdf --encrypt "" owner-only 128 --use-aes=y -- "$inbox/exams-plain.pdf" "$inbox/exams.pdf"
chmod 644 "$inbox"/*
show pdf parse "$inbox/tests.pdf"
show pdf parse "$inbox/exams.pdf" --ics "$dir/exams.ics"
echo "the calendar: $(grep -c BEGIN:VEVENT "$dir/exams.ics") events in $dir/exams.ics"
show pdf parse "$inbox/lectures.pdf" --ics "$dir/lectures.ics" --term S1=2026-02-16..2026-06-05 --term S2=2026-07-20..2026-10-30 >"$dir/lectures.txt"
head -6 "$dir/lectures.txt"; echo "…"; tail -5 "$dir/lectures.txt"

say "5. A damaged file: it dies with its cause and its evidence, nothing else is disturbed"
gen --kind exam --rows 14 --seed 9 --damage notpdf --out "$inbox/upload.pdf"
chmod 644 "$inbox/upload.pdf"
show enqueue pdf-parse --id upload-1 --payload "{\"v\":1,\"source\":{\"path\":\"$inbox/upload.pdf\"},\"expect\":\"exam\"}" --wait || true
show dlq list
show dlq show upload-1

say "6. The file is mended; the same job runs again"
cp "$inbox/exams.pdf" "$inbox/upload.pdf"
show dlq replay upload-1
show job wait upload-1 --timeout 1m | head -12

say "7. The pool a quarter of a minute later: pairs, and how long the others will wait"
wait "$joining" || { cat "$dir/joined.txt" >&2; exit 1; }
until_quiet match
show match status demo
show match wait demo
port=$(cat "$dir"/run/metrics.port)
echo "\$ curl -s http://127.0.0.1:$port/v1/queue-stats   (what an app reads; the same in Redis)"
curl -s "http://127.0.0.1:$port/v1/queue-stats?pool=demo" | head -c 420; echo " …"

say "8. Where everything stands"
show status
cat <<TEXT

Look next:
  export STINT_DIR=$dir
  $bin/stint top                     queues, rates and jobs, live
  $bin/stint match top demo          the pool, live
  $bin/stint enqueue --help          every verb has an example
  curl http://127.0.0.1:$port/metrics
  docs/protocol.md                   produce from any language; docs/job-lifecycle.md: what happens to a job
TEXT
if [ "$keep" = yes ]; then
  echo "The stack runs on. Stop it with: $bin/stint down --dir $dir"
else
  say "9. Stop in order: drain, Redis, PostgreSQL"
  ended=yes
  stint down --dir "$dir"
  echo "Nothing was lost: ./run.sh --dir $dir --keep goes on with the same data."
fi
