#!/bin/bash
# Why: who scales containers wants their numbers without writing down one address. The shipped compose file's own Prometheus and Alertmanager,
# with the shipped configuration, must find every container, load every rule, and ring for what is wrong.
# Refuses to: use a configuration of its own. Debian's Prometheus stands in for the official image, Grafana is not there to be had: its
# provisioning is compared with what is mounted.
set -u
# shellcheck source=tests/support/dock.sh
. "${STINT_SOURCE:?}/tests/support/dock.sh"
dock_start
dock_base
dock_images
dock_probes
for target in prometheus alertmanager; do
  dock_build "stint-e2e-$target" "$STINT_SOURCE/tests/e2e/docker/Dockerfile.prometheus" "$STINT_SOURCE/tests/e2e/docker" --target "$target"
done
export STINT_PROMETHEUS_IMAGE=stint-e2e-prometheus STINT_ALERTMANAGER_IMAGE=stint-e2e-alertmanager STINT_PROMETHEUS_PORT=0 STINT_GRAFANA_PORT=0

COMPOSE_PROFILES=monitoring dock_compose up -d --no-build --scale worker=2 prometheus alertmanager worker >"$DOCK_DIR/up.log" 2>&1 || not_ok "up: $(tail -n 3 "$DOCK_DIR/up.log")"
until_true 120 dock_healthy 2 || { not_ok "not healthy: $(docker ps --format '{{.Names}} {{.Status}}' | tr '\n' ' ')"; dock_verdict; exit 1; }
address() { docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$(dock_ids "$1")"; }
prometheus=http://$(address prometheus):9090 alertmanager=http://$(address alertmanager):9093
ask() { curl -sS --noproxy '*' --max-time 10 "$@"; }
# targets N: as many containers are targets, every one of them answers
targets() { [ "$(ask "$prometheus/api/v1/targets?state=active" | jq -r '.data.activeTargets | map(select(.labels.job == "stint")) | "\(length) \(map(select(.health == "up")) | length)"')" = "$1 $1" ]; }
tell_targets() { ask "$prometheus/api/v1/targets?state=active" | jq -c '.data.activeTargets | map([.labels.instance, .health, .lastError])'; }
until_true 120 targets 2 && ok "Prometheus finds two containers and reads both" || not_ok "targets: $(tell_targets)"
rules() { ask "$prometheus/api/v1/rules" | jq -r "[.data.groups[].rules[]] | $1"; }
same "every alert of the file is loaded" "$(rules 'map(select(.type == "alerting")) | length')" "$(grep -c -- '- alert:' "$STINT_SOURCE/monitoring/stint.rules.yml")"
evaluated() { [ "$(rules 'map(select(.health != "ok")) | length')" = 0 ]; }
until_true 90 evaluated && ok "every rule is evaluated without an error" || not_ok "rules: $(rules 'map(select(.health != "ok") | [.name, .health, .lastError]) | tostring')"

COMPOSE_PROFILES=monitoring dock_compose up -d --no-build --scale worker=3 prometheus alertmanager worker >"$DOCK_DIR/up.log" 2>&1 || not_ok "up: $(tail -n 3 "$DOCK_DIR/up.log")"
until_true 120 targets 3 && ok "scaled to three, it finds three" || not_ok "targets: $(tell_targets)"
COMPOSE_PROFILES=monitoring dock_compose up -d --no-build --scale worker=1 prometheus alertmanager worker >"$DOCK_DIR/up.log" 2>&1 || not_ok "up: $(tail -n 3 "$DOCK_DIR/up.log")"
until_true 120 targets 1 && ok "scaled to one, it forgets the others" || not_ok "targets: $(tell_targets)"

# An alert that waits for nothing: more than ten dead letters within an hour. The counter is scraped once before they die.
metric() { ask --data-urlencode "query=$1" "$prometheus/api/v1/query" | jq -r '.data.result[0].value[1] // "none"'; }
is_metric() { [ "$(metric "$1")" = "$2" ]; }
died='max(stint_queue_moves_total{queue="probe",move="died"})'
until_true 90 is_metric "$died" 0 || not_ok "the counter of deaths is $(metric "$died")"
seq 30 | sed 's/.*/{"kind":"probe","id":"dies-&","payload":{"v":1,"do":"fail-permanent"}}/' | dock_stint enqueue --bulk - >/dev/null || not_ok "the jobs were not taken"
firing() { ask "$prometheus/api/v1/alerts" | jq -e '.data.alerts | any(.labels.alertname == "StintDeadLettersRising" and .state == "firing")' >/dev/null; }
until_true 120 firing && ok "the alert StintDeadLettersRising fires" || not_ok "alerts: $(ask "$prometheus/api/v1/alerts" | jq -c '.data.alerts | map([.labels.alertname, .state])')"
rings() { ask "$alertmanager/api/v2/alerts" | jq -e 'any(.labels.alertname == "StintDeadLettersRising" and .receivers[0].name == "warn")' >/dev/null; }
until_true 120 rings && ok "and Alertmanager has it for the receiver of warnings" || not_ok "Alertmanager: $(ask "$alertmanager/api/v2/alerts" | jq -c 'map([.labels.alertname, .receivers])')"

# Grafana: what its provisioning names is what compose.yaml mounts there.
grafana=$(COMPOSE_PROFILES=monitoring docker-compose -f "$STINT_SOURCE/docker/compose.yaml" config)
dashboards=$(sed -n 's/.*path: \([^}]*\)}.*/\1/p' "$STINT_SOURCE/docker/grafana/dashboards/stint.yaml")
mounted=$(grep -o "[^ ]*:$dashboards:ro" <<<"$grafana" | sed 's/:.*//')
[ -n "$dashboards" ] && [ "$(cd "$STINT_SOURCE/docker" && find "${mounted:-/none}" -name '*.json' 2>/dev/null | wc -l)" -ge 2 ] && ok "Grafana's dashboards are mounted where its provisioning looks" ||
  not_ok "provisioning looks in '$dashboards', mounted there is '$mounted'"
same "its data source is the Prometheus of the file" "$(grep -o 'url: "[^"]*"' "$STINT_SOURCE/docker/grafana/datasources/stint.yaml")" 'url: "http://prometheus:9090"'
dock_verdict
