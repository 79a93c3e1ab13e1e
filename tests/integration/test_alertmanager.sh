#!/usr/bin/env bash
# Why: an inhibition with a misspelt label silences nothing, or everything. The example configuration runs in a real Alertmanager, is given
# alerts as the rules label them, and says which of them it holds back.
# Nothing is sent to anybody: all places a notification could go are replaced by a closed port of this host.
set -u
AM=$(command -v prometheus-alertmanager || command -v alertmanager) || { echo "skip - test_alertmanager: no Alertmanager (Debian: prometheus-alertmanager)"; exit 77; }
command -v jq >/dev/null || { echo "skip - test_alertmanager: no jq"; exit 77; }
command -v curl >/dev/null || { echo "skip - test_alertmanager: no curl"; exit 77; }
DIR=$(mktemp -d) AM_PID=
failures=0 checks=0
ok() { checks=$((checks + 1)); echo "ok - $*"; }
not_ok() { checks=$((checks + 1)) failures=$((failures + 1)); echo "not ok - $*"; }
finish() {
  [ -n "$AM_PID" ] && kill "$AM_PID" 2>/dev/null && wait "$AM_PID" 2>/dev/null
  rm -rf "$DIR"
}
trap finish EXIT
until_true() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || return 1
    read -r -t 0.05 _ <> <(:) || true
  done
}

sed -e 's/smtp_smarthost: .*/smtp_smarthost: "127.0.0.1:1"/' -e '/smtp_auth/d' -e "s,slack_api_url_file: .*,slack_api_url: http://127.0.0.1:1/," \
  -e 's/^  smtp_from/  pagerduty_url: http:\/\/127.0.0.1:1\/\n  smtp_from/' -e 's,routing_key_file: .*,routing_key: nobody,' -e 's/group_wait: .*/group_wait: 1h/' \
  "${STINT_SOURCE:?}/monitoring/alertmanager.yml" >"$DIR/alertmanager.yml"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
URL="http://127.0.0.1:$port"
"$AM" --config.file="$DIR/alertmanager.yml" --storage.path="$DIR/data" --web.listen-address="127.0.0.1:$port" --cluster.listen-address= >"$DIR/log" 2>&1 &
AM_PID=$!
until_true 60 curl -fsS "$URL/-/ready" || { not_ok "Alertmanager did not start: $(tail -n 3 "$DIR/log")"; exit 1; }

# fire NAME LABEL=VALUE…: gives it an alert that is firing
fire() {
  local name=$1 labels
  shift
  labels=$(printf '%s\n' "alertname=$name" "$@" | jq -Rn '[inputs | split("=") | {(.[0]): .[1]}] | add')
  curl -fsS -H 'Content-Type: application/json' -d "[{\"labels\":$labels}]" "$URL/api/v2/alerts"
}
# held: alerts that are held back, as NAME INSTANCE or NAME POOL or NAME QUEUE, sorted
held() { curl -fsS "$URL/api/v2/alerts" | jq -r '.[] | select(.status.inhibitedBy | length > 0) | [.labels.alertname, .labels.instance // .labels.pool // .labels.queue // ""] | join(" ")' | sort; }
wanted() { [ "$(held)" = "$(printf '%s\n' "$@" | grep . | sort)" ]; }
told() { [ "$(curl -fsS "$URL/api/v2/alerts" | jq length)" = "$1" ]; }
# expect WHAT ALERT…: exactly these are held back
expect() {
  local what=$1
  shift
  if until_true 60 wanted "$@"; then ok "$what"; else not_ok "$what: held back are: $(held | tr '\n' ',')"; fi
}

fire StintHostDown severity=warn instance=a
fire StintRedisDown severity=page instance=a
fire StintWorkersMissing severity=warn instance=a pool=p
fire StintPoolStopped severity=page instance=b pool=p
fire StintWorkersMissing severity=warn instance=b pool=p
fire StintWorkersMissing severity=warn instance=b pool=other
fire StintLedgerDrift severity=page queue=q
until_true 60 told 7 || not_ok "not every alert was taken"
# a's Redis is not reached because a is down, and is no reason to hold back anything of others
expect "a host that is down silences its pools and not those of others; a stopped pool silences what follows from it" \
  "StintRedisDown a" "StintWorkersMissing a" "StintWorkersMissing b"

fire StintNothingProcessed severity=page queue=q
fire StintBacklog severity=warn queue=q
fire StintOldestJobTooOld severity=page queue=q band=low
fire StintBacklog severity=warn queue=r
expect "a queue that stands still silences its own backlog, and one host without Redis silences no queue" \
  "StintRedisDown a" "StintWorkersMissing a" "StintWorkersMissing b" "StintBacklog q" "StintOldestJobTooOld q"
fire StintRedisDownEverywhere severity=page
expect "a Redis that is away for all silences every queue, and no ledger" \
  "StintRedisDown a" "StintWorkersMissing a" "StintWorkersMissing b" "StintNothingProcessed q" "StintBacklog q" "StintOldestJobTooOld q" "StintBacklog r"
echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
