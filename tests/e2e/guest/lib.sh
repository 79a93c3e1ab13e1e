# What the guests' scripts of the ring e2e share: verdicts, waiting, the unit's properties. Sourced in the guest.
# shellcheck shell=bash
export NO_COLOR=1 LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
UNIT=stint-supervisor.service

ok() { echo "ok - $*"; }
not_ok() { echo "not ok - $*"; }
same() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1: $2, expected $3"; fi; }
holds() { local what=$1; shift; if "$@" >/dev/null 2>&1; then ok "$what"; else not_ok "$what"; fi; }
pause() { read -r -t "$1" _ <> <(:) || true; }
until_true() { # SECONDS COMMAND…
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || return 1
    pause 0.3
  done
}
finish() { # finish [journal]: the end of the script; with the journal's last lines when something is amiss
  [ -n "${1:-}" ] && journalctl -u "$UNIT" -o cat --no-pager -n 30 2>/dev/null | cut -c1-300 | sed 's/^/# journal: /'
  echo "# $SECONDS s in the guest"
  echo "# the guest is done"
  exit 0
}
prop() { systemctl show "$UNIT" -P "$1"; }
# Who types the page's commands says yes.
page_home() {
  mkdir -p /e2e/home
  echo 'APT::Get::Assume-Yes "true";' >/etc/apt/apt.conf.d/99e2e
  mv /e2e/stint_*.deb /e2e/home/
}
# doc TEXT: runs the one block of the page's commands that holds TEXT, word by word, and says how it went. What it printed is in /e2e/doc.log.
doc() {
  local found
  found=$(grep -lF -- "$1" /e2e/doc/*.sh 2>/dev/null)
  [ "$(grep -c . <<<"$found")" = 1 ] || { not_ok "the page has one block with \"$1\": $found"; return 1; }
  mv "$found" "${found%.sh}.ran"
  if (cd /e2e/home && bash -e -o pipefail "${found%.sh}.ran") >/e2e/doc.log 2>&1 </dev/null; then ok "the page's words: $1"; return 0; fi
  not_ok "the page's words fail: $1:"
  tail -n 25 /e2e/doc.log | cut -c1-300 | sed 's/^/# /'
  return 1
}
# Every block of the page was run.
docs_done() { same "every command of the page was run" "$(find /e2e/doc -name '*.sh' | tr '\n' ' ')" ""; }
services_ready() {
  until_true 120 runuser -u postgres -- psql -c 'SELECT 1' || { not_ok "PostgreSQL answers"; return 1; }
  until_true 60 redis-cli ping || { not_ok "Redis answers"; return 1; }
}
ready() { [ "$(stint status --json | jq '[.supervisors[].workers[]? | select(.state == "ready")] | length')" = "$1" ]; }
job() { stint job show "$1" --json | jq -r "$2"; }
state_is() { [ "$(job "$1" .state)" = "$2" ]; }
runs() { stint worker list --json | jq -s -e --arg job "$1" 'any(.job == $job and .phase == "run")'; }
enqueue() { stint enqueue probe --id "$1" --payload "$2" >/dev/null; }
metric_of() { # PORT NAME: its line of /metrics, without a program of its own
  exec 9<>"/dev/tcp/127.0.0.1/$1" && printf 'GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n' >&9 && grep -a "^$2" <&9
  exec 9>&-
}
