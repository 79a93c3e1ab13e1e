#!/usr/bin/env bash
# Layout files: the shipped ones hold their own examples, wrong ones are told with file and line, and docs/layouts.md's tutorial works as
# it stands: its file and its commands are taken from the page.
set -u
SOURCE=${STINT_SOURCE:?} BIN=${STINT_BUILD:?}/bin
DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT
cd "$DIR" || exit 1
export PATH=$BIN:$PATH STINT_CONFIG=$DIR/stint.conf LC_ALL=C.UTF-8
: >"$STINT_CONFIG"
failures=0
verdict() { if [ "$1" = 0 ]; then echo "ok - $2"; else echo "not ok - $2"; failures=$((failures + 1)); fi; }
# refused NAME TEXT: the file named in $FILE is refused with TEXT
refused() { out=$(stint pdf layout check "$FILE" 2>&1) && verdict 1 "$1: accepted" && return; grep -qF -- "$2" <<<"$out"; code=$?; [ $code = 0 ] || echo "# $out"; verdict $code "$1"; }

n=0
for f in "$SOURCE"/parser/layouts/*.layout; do
  n=$((n + 1)); out=$(stint pdf layout check "$f" 2>&1); code=$?; [ $code = 0 ] || echo "# $out"
  verdict $code "$(basename "$f"): its examples hold"
done
[ "$n" -ge 5 ] && [ "$(stint pdf layout check | grep -c '^ok ')" = "$n" ]; verdict $? "all $n of the folder are compiled in"

mkdir wrong; FILE=wrong/course-list.layout
sed 's/event = module=MATH205 | day=Tuesday/event = module=MATH205 | day=Monday/' "$SOURCE/parser/layouts/course-list.layout" >"$FILE"
line=$(grep -n 'module=MATH205 | day=Monday' "$FILE" | cut -d: -f1)
refused "an event that differs is told with its line" "$FILE:$line: example.1 drawn with rules: event 3: day is \"Tuesday\", not \"Monday\""
FILE=wrong/grid.layout
sed 's/^across = days/across = hours/' "$SOURCE/parser/layouts/week.layout" >"$FILE"
refused "a grid read the other way round is told" "drawn with rules"

FILE=wrong/own.layout
plant() { printf '%b' "$2" >"$FILE"; refused "$1" "$3"; }
plant "no rows" '[layout]\ntitle = X\n' "wrong/own.layout:2: [layout] does not say rows"
plant "unknown section" '[layouts]\n' 'wrong/own.layout:1: [layouts] is no section; allowed are: [layout]'
plant "unknown key" '[layout]\nrow = grid\n' 'wrong/own.layout:2: row is no key of [layout]; allowed are: title'
plant "unknown choice" '[layout]\nrows = grids\n' 'wrong/own.layout:2: rows is "grids"; allowed: records, sessions, grid'
plant "twice" '[layout]\norder = 1\norder = 2\n' 'wrong/own.layout:3: order of [layout] is set a second time'
plant "no header" '[layout]\nrows = records\n[column.module]\nfield = module\n' 'wrong/own.layout:3: the column has no header'
plant "no field" '[layout]\nrows = records\n[column.x]\nheader = X\n' 'its section'"'"'s name is no field'
plant "pattern" '[layout]\nrows = grid\n[cell]\npattern = {modul}\n' '{modul} is no field'
plant "bracket" '[layout]\nrows = grid\n[cell]\npattern = {module}[ {venue}\n' 'a [ is not closed'
plant "days" '[layout]\nrows = grid\n[language]\ndays = Mo, Di\n' 'seven names from Monday'
plant "no anchor" '[layout]\nrows = records\n[column.module]\nheader = M\nflags = none\n[column.date]\nheader = D\n' 'no column has the flag anchor'
plant "not UTF-8" '[layout]\ntitle = \xff\n' 'wrong/own.layout:2: the line is not UTF-8'
plant "text before a section" 'title = X\n' 'stands before any [section]'
plant "an example that expects nothing" '[layout]\nrows = grid\n[cell]\npattern = {module}\n[example.1]\nrow = a\n' 'wrong/own.layout:5: the example has no event'
FILE=wrong/Own.layout; plant "a name that is none" '[layout]\n' "a layout's file is named NAME.layout"
rm wrong/Own.layout

printf '[pdf]\nlayouts = %s/wrong\n' "$DIR" >"$STINT_CONFIG"
printf '[layout]\nrows = grids\n' >wrong/own.layout
out=$(stint config check 2>&1); [ $? != 0 ] && grep -qF 'own.layout:2: rows is "grids"' <<<"$out"; verdict $? "config check names a malformed layout file"
out=$(stint pdf parse --local "$SOURCE/docs/examples/kestrel.pdf" 2>&1); [ $? != 0 ] && grep -qF 'own.layout:2: rows is "grids"' <<<"$out"
verdict $? "a parser does not start with it, and says why"
: >"$STINT_CONFIG"
out=$(stint pdf parse --local --expect nosuch "$SOURCE/docs/examples/kestrel.pdf" 2>&1); grep -q 'BAD_PAYLOAD.*known layouts: test, exam' <<<"$out"
verdict $? "expect with a name that no layout has is BAD_PAYLOAD, and names those there are"

cp "$SOURCE/docs/examples/kestrel.pdf" .
awk '/^```ini/ { on = 1; next } /^```/ { on = 0 } on' "$SOURCE/docs/layouts.md" >kestrel.layout
ran=0
while IFS= read -r text; do
  case "$text" in
    '$ '*) output=$(${text#\$ } 2>&1); ran=$((ran + 1)) ;;
    *) grep -qF -- "$text" <<<"$output"; code=$?; [ $code = 0 ] || echo "# $output"; verdict $code "tutorial: \"$text\"" ;;
  esac
done < <(awk '/^```console/ { on = 1; next } /^```/ { on = 0 } on' "$SOURCE/docs/layouts.md")
[ "$ran" -ge 4 ]; verdict $? "tutorial: $ran commands"
stint pdf layout draw kestrel:1 --layouts kestrel.layout | cmp -s - kestrel.pdf; verdict $? "docs/examples/kestrel.pdf is the tutorial's example"

mkdir cal
stint pdf parse --local --layouts kestrel.layout kestrel.pdf --ics cal --term SS=2026-04-13..2026-07-17 >/dev/null 2>&1
zone=$(cat cal/*.ics | grep -c 'TZID=Europe/Berlin')
[ "$zone" -ge 3 ]; verdict $? "a layout's time zone is its calendar's ($zone lines)"
[ "$failures" -eq 0 ]
