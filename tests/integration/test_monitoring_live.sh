#!/usr/bin/env bash
# Why: a dashboard whose query has a wrong label shows an empty panel on the night it is needed. A real Prometheus scrapes a real
# stack that has run, failed and paired; every query of every dashboard, and every rule, must then be answered with numbers.
set -u
command -v prometheus >/dev/null || { echo "skip - no prometheus (Debian: prometheus)"; exit 77; }
command -v jq >/dev/null || { echo "skip - no jq"; exit 77; }
. "${STINT_SOURCE:?}/tests/support/stack.sh"
PROM_DIR=$STACK_DIR/prometheus
mkdir "$PROM_DIR"
PROM_PID=
end_prometheus() {
  local code=$?
  [ -n "$PROM_PID" ] && kill "$PROM_PID" 2>/dev/null && wait "$PROM_PID" 2>/dev/null
  (exit "$code") # what stack_end ends with: the verdict, not how Prometheus took its TERM
  stack_end
}
trap end_prometheus EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# ask QUERY: the answer of Prometheus as JSON
ask() { curl -sS --max-time 10 --data-urlencode "query=$1" "http://127.0.0.1:$PROM_PORT/api/v1/query"; }
# series QUERY: how many series it has; -1 when it is refused
series() { ask "$1" | jq 'if .status == "success" then .data.result | length else -1 end'; }
seen() { [ "$(series "$1")" -gt 0 ]; }

export STINT_POOL_PDF_TARGET_WAIT=10s # its panels are of pools that are scaled by demand
stack_up >"$STACK_DIR/up.log" 2>&1 || { not_ok "the stack did not come up"; exit 1; }
redis CONFIG SET maxmemory 1gb >/dev/null || not_ok "Redis took no limit" # its share is recorded only where there is one
METRICS_PORT=$(cat "$STACK_DIR/run/metrics.port") PROM_PORT=$(free_port)
sed -n '/^rule_files/,/^  -/p' "$STINT_SOURCE/monitoring/prometheus.yml" >"$PROM_DIR/prometheus.yml"
cat >>"$PROM_DIR/prometheus.yml" <<END
global: {scrape_interval: 1s, evaluation_interval: 1s}
scrape_configs: [{job_name: stint, static_configs: [{targets: ["127.0.0.1:$METRICS_PORT"]}]}]
END
# The rules look every second here, so that what they record is there soon.
sed 's/^    interval: .*/    interval: 1s/' "$STINT_SOURCE/monitoring/stint.rules.yml" >"$PROM_DIR/stint.rules.yml"
prometheus --config.file="$PROM_DIR/prometheus.yml" --storage.tsdb.path="$PROM_DIR/data" --log.level=warn \
  --web.listen-address="127.0.0.1:$PROM_PORT" >"$PROM_DIR/log" 2>&1 &
PROM_PID=$!

# Something of everything: done, retried and dead, crashed, and people of both sides of whom some are paired.
{
  for i in $(seq 60); do echo '{"kind":"probe","payload":{"v":1,"do":"ok"}}'; done
  for i in $(seq 3); do echo '{"kind":"probe","payload":{"v":1,"do":"fail-permanent"}}'; done
  echo '{"kind":"probe","payload":{"v":1,"do":"crash","times":1}}'
} >"$STACK_DIR/mix.ndjson"
"$STINT" enqueue --dir "$STACK_DIR" --bulk "$STACK_DIR/mix.ndjson" >/dev/null || not_ok "the mix was not taken"
for i in $(seq 12); do
  "$STINT" match submit --dir "$STACK_DIR" --pool za --id "f$i" --gender F --seeking M --age 25 >/dev/null || not_ok "f$i was not taken"
  [ "$i" -gt 4 ] || "$STINT" match submit --dir "$STACK_DIR" --pool za --id "m$i" --gender M --seeking F --age 25 >/dev/null
done
# Genders are told apart from 20 people each on.
for i in $(seq 24); do
  for g in male female; do echo "{\"id\":\"$g-$i\",\"gender\":\"$g\",\"seeking\":[\"nonbinary\"],\"age\":25,\"presence_ms\":3600000}"; done
done | "$STINT" match submit --dir "$STACK_DIR" --pool za --bulk - --quiet --no-wait >/dev/null || not_ok "the crowd was not taken"
until_true 60 seen 'stint_dead_jobs > 0' && ok "Prometheus scrapes the stack" || not_ok "Prometheus has no dead letter: $(tail -3 "$PROM_DIR/log")"
until_true 60 seen 'stint_worker_restarts_total > 0' || not_ok "no worker died"
until_true 60 seen 'stint_match_removed_total{reason="matched"} > 0' || not_ok "nobody was paired"
until_true 60 seen 'rate(stint_jobs_finished_total[5m]) > 0' || not_ok "nothing ended"
until_true 60 seen 'stint:jobs_failed:ratio5m' || not_ok "the rules record nothing"

# What this small a pool cannot have: estimates are published from 20 people on, coverage after enough of them were matched.
may_be_empty() { case $1 in *estimate*) return 0 ;; *) return 1 ;; esac; }
# answered QUERY: it has series, or may have none; N says how many
answered() {
  N=$(series "$(sed 's/\$[a-z_]*/.*/g' <<<"$1")")
  [ "$N" -gt 0 ] || { [ "$N" -eq 0 ] && may_be_empty "$1"; }
}
# queries_of FILE: of every panel, those in rows too, and of the variables
queries_of() { jq -r '[.panels[], (.panels[].panels // [])[]] | .[].targets[]?.expr' "$1"; }
queries=0
for file in "$STINT_SOURCE"/monitoring/grafana/*.json; do
  while IFS= read -r query; do
    queries=$((queries + 1))
    until_true 60 answered "$query" || not_ok "${file##*/}: $query has $N series"
  done < <(queries_of "$file")
  while read -r metric label; do
    answered "count by ($label) ($metric{$label!=\"\"})" && ok "${file##*/}: \$$label has values" || not_ok "${file##*/}: label_values($metric, $label) has none"
  done < <(jq -r '.templating.list[] | select(.type == "query") | .query.query' "$file" | sed -n 's/label_values(\(.*\), *\(.*\))/\1 \2/p')
done
jq '.panels[0].targets[0].expr = "max(stint_ledger_drifts{queue=~\"$queue\"})"' "$STINT_SOURCE/monitoring/grafana/stint-operations.json" >"$PROM_DIR/planted.json"
planted=0
while IFS= read -r query; do answered "$query" || planted=$((planted + 1)); done < <(queries_of "$PROM_DIR/planted.json")
same "a dashboard with a misspelt metric is found out" "$planted" 1
[ "$queries" -ge 25 ] && ok "$queries queries of dashboards are answered" || not_ok "only $queries queries were found"
while IFS= read -r name; do
  until_true 60 seen "$name" || not_ok "nothing is recorded as $name"
done < <(sed -n 's/^ *- record: //p' "$STINT_SOURCE/monitoring/stint.rules.yml")
sick() { curl -sS "http://127.0.0.1:$PROM_PORT/api/v1/rules" | jq -r '.data.groups[].rules[] | select(.health != "ok") | .name + ": " + (.lastError // .health)'; }
evaluated() { bad=$(sick) && [ -z "$bad" ]; }
until_true 60 evaluated
[ -z "$bad" ] && ok "every rule is evaluated" || not_ok "rules fail: $bad"
# What is served and what docs/metrics.md lists are the same names, whoever adds one.
curl -sS "http://127.0.0.1:$METRICS_PORT/metrics" | awk '/^# TYPE / { print $3 }' | sort -u >"$PROM_DIR/served"
awk -F'|' '/^\| `stint_/ { print $2 }' "$STINT_SOURCE/docs/metrics.md" | grep -oh '`stint_[a-z0-9_]*`' | tr -d '`' | sort -u >"$PROM_DIR/listed"
[ "$(wc -l <"$PROM_DIR/served")" -ge 25 ] && ok "$(wc -l <"$PROM_DIR/served") metrics are served" || not_ok "only $(wc -l <"$PROM_DIR/served") metrics are served"
same "every metric that is served is in docs/metrics.md" "$(comm -23 "$PROM_DIR/served" "$PROM_DIR/listed" | tr '\n' ' ')" ""
same "every metric of docs/metrics.md is served" "$(comm -13 "$PROM_DIR/served" "$PROM_DIR/listed" | grep -v estimate | tr '\n' ' ')" ""
stack_verdict
