#!/usr/bin/env bash
# Why: a word that is split, a variable that is misspelt or an exit status that is dropped in a script is found by reading it. Every script of the
# repository is read by shellcheck (.shellcheckrc says what is left out), those of the package as the shell that runs them. Refuses to: judge style.
set -u
cd "${STINT_SOURCE:?}" || exit 1
command -v shellcheck >/dev/null || { echo "skip - test_shell: needs shellcheck"; exit 77; }

# scripts FOLDER: files that a shell runs or sources; links, what is built and what was fetched are left out
scripts() {
  find "$1" \( -name build -o -name .git -o -name node_modules \) -prune -o -type f -print | while read -r file; do
    case ${file##*/} in *.sh) echo "$file" ;; *.*) ;; *) head -c 64 "$file" | LC_ALL=C grep -aqE -m1 '^#!.*[/ ](ba|da)?sh( |$)' && echo "$file" ;; esac
  done
}
# faults FILE…: what shellcheck has to say, a line each; the shell is the first line's, bash where there is none
faults() {
  local file
  for file; do
    if head -n 1 "$file" | grep -qE '^#!.*[/ ](da)?sh( |$)'; then echo "sh $file"; else echo "bash $file"; fi
  done | sort | while read -r shell file; do printf '%s\0%s\0' "$shell" "$file"; done |
    xargs -0 -n 2 -P 2 sh -c 'shellcheck --severity=warning --shell="$0" --format=gcc "$1"'
}

all=$(scripts .)
if [ "$(grep -c . <<<"$all")" -lt 90 ]; then echo "not ok - only $(grep -c . <<<"$all") scripts were found"; exit 1; fi
for needed in ./run.sh ./bench/chaos ./packaging/deb/postinst ./tests/support/stack.sh; do
  grep -qx "$needed" <<<"$all" || { echo "not ok - $needed is not among the scripts"; exit 1; }
done
mapfile -t files <<<"$all"
found=$(faults "${files[@]}")
if [ -n "$found" ]; then echo "not ok - shellcheck (shellcheck --severity=warning FILE)"; echo "$found"; exit 1; fi

# It would have found something.
bent=$(mktemp -d "${TMPDIR:-/tmp}/stint-shell-XXXXXX")
trap 'rm -rf "$bent"' EXIT
# shellcheck disable=SC2016
printf '#!/bin/sh\nrm -rf $(ls)\n' >"$bent/split"
printf '#!/bin/sh\nlocal -a x=(1)\n' >"$bent/bashism"
for file in split bashism; do
  [ -n "$(faults "$bent/$file")" ] || { echo "not ok - nothing is wrong with $file"; exit 1; }
done
[ "$(scripts "$bent" | wc -l)" = 2 ] || { echo "not ok - the bent scripts are not found"; exit 1; }
echo "ok - ${#files[@]} scripts"
