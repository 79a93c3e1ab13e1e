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
