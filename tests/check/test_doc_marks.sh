#!/usr/bin/env bash
# Why: a command in a page that no test runs is wrong one day, and found out on the night it is needed. Every fenced block of
# docs/operations/*.md says which test runs it, and only output and files may say "example".
set -u
cd "${STINT_SOURCE:?}" || exit 1
planted=$(mktemp -d) && trap 'rm -rf "$planted"' EXIT
failures=0
ok() { echo "ok - $*"; }
not_ok() { echo "not ok - $*"; failures=$((failures + 1)); }
marks() { python3 tests/support/doc_commands.py --check "$@"; }

# plant NAME WORDS…: a page with one block that must be found out, and why
plant() {
  printf '%b' "$2" >"$planted/page.md"
  case "$(marks "$planted/page.md")" in *"$3"*) ok "found: $1" ;; *) not_ok "$1 is not found: $(marks "$planted/page.md")" ;; esac
}
plant "no mark" '```sh\nstint status\n```\n' "no mark"
plant "a mark that is not right above" '<!-- run: stack -->\n\n```sh\nstint status\n```\n' "no mark"
plant "an unknown ring" '<!-- run: nowhere -->\n```sh\nstint status\n```\n' "run: nowhere"
plant "an unknown option" '<!-- run: stack exit=many -->\n```sh\nstint status\n```\n' "exit=many"
plant "commands not fenced as sh" '<!-- run: vm -->\n```\nstint status\n```\n' "fenced as"
plant "a command called an example" '<!-- run: example -->\n```\n$ stint status\n```\n' "nobody runs"
plant "a pipe that breaks on some days" '<!-- run: vm -->\n```sh\nstint help | head -n 1\n```\n' "some days"
plant "an empty block" '<!-- run: stack -->\n```sh\n```\n' "empty"

printf '<!-- run: stack exit=3 -->\n```sh\nfalse\n```\n<!-- run: example -->\n```\nx\n```\n<!-- run: vm -->\n  ```sh\n  true\n  ```\n' >"$planted/page.md"
[ "$(marks "$planted/page.md")" = "looked 3" ] && ok "a page without faults" || not_ok "a page without faults: $(marks "$planted/page.md")"
[ "$(python3 tests/support/doc_commands.py "$planted/page.md" vm | tail -n +2)" = true ] && ok "an indented block" || not_ok "an indented block is cut wrongly"
[ "$(python3 tests/support/doc_commands.py "$planted/page.md" stack --split "$planted")" = "$planted/page-2.sh 2 3" ] && ok "blocks as files" || not_ok "blocks as files"

out=$(marks docs/operations/*.md)
looked=$(sed -n 's/^looked //p' <<<"$out")
[ "${looked:-0}" -ge 20 ] && ok "$looked blocks were looked at" || not_ok "only ${looked:-no} blocks were looked at"
[ "$out" = "looked $looked" ] || not_ok "$(grep -v '^looked ' <<<"$out")"

# Commands within sentences are not run; their verbs and options must exist.
inline() { python3 tests/support/doc_commands.py --inline "${STINT_BUILD:?}/bin/stint" "$@"; }
printf 'See `stint no-such-verb`, `stint dlq` and `stint dlq replay ID --no-such-option`, `stint dlq replay ID --canary 5`.\n' >"$planted/page.md"
case "$(inline "$planted/page.md")" in *"no such verb"*"no option --no-such-option"*"looked 4") ok "found: a verb and an option that do not exist" ;; *) not_ok "inline: $(inline "$planted/page.md")" ;; esac
out=$(inline docs/operations/*.md)
looked=$(sed -n 's/^looked //p' <<<"$out")
[ "${looked:-0}" -ge 60 ] && ok "$looked commands in sentences were looked at" || not_ok "only ${looked:-no} commands in sentences were looked at"
[ "$out" = "looked $looked" ] || not_ok "$(grep -v '^looked ' <<<"$out")"
[ "$failures" -eq 0 ]
