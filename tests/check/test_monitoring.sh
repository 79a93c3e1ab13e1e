#!/usr/bin/env bash
# Why: an alert nobody has ever heard is a hope. Every rule is parsed and fired by promtool, every alert has its page and its test, and no
# rule or dashboard names a number that docs/metrics.md does not.
set -u
cd "${STINT_SOURCE:?}" || exit 1
failures=0
ok() { echo "ok - $*"; }
not_ok() { echo "not ok - $*"; failures=$((failures + 1)); }
check() { local what=$1; shift; if out=$("$@" 2>&1); then ok "$what"; else not_ok "$what: $out"; fi; }

# metric_names FILE…: the metrics of ours an expression names, without what Prometheus adds to a histogram's or a counter's
metric_names() { grep -oh 'stint_[a-z0-9_]*' "$@" | sed -E 's/_(bucket|sum|count)$//' | sort -u; }
# unknown_names FILE…: those that docs/metrics.md does not have
unknown_names() { comm -23 <(metric_names "$@") <(grep -oh '`stint_[a-z0-9_]*`' docs/metrics.md | tr -d '`' | sort -u); }
# without_page FILE: alerts without a heading in docs/operations/alerts.md, or without a test
without_page() {
  local alert
  for alert in $(sed -n 's/^ *- alert: //p' "$1"); do
    grep -qx "## $alert" docs/operations/alerts.md || echo "$alert (no page)"
    grep -q "runbook_url: docs/operations/alerts.md#${alert,,}\$" "$1" || echo "$alert (no runbook)"
    grep -q "\b$alert\b" monitoring/stint.rules.test.yml || echo "$alert (no test)"
  done
}

# sections_short FILE: sections of the runbook without urgency, a look, or an end; and those of no alert
sections_short() {
  awk '/^## Stint/ { name = $2; names[name] = 1 } name == "" { next }
    /^`(page|warn)`/ { urgent[name] = 1 } /^<!-- run: stack/ { look[name] = 1 } /^\*\*Over\*\*/ { over[name] = 1 }
    END { for (n in names) { if (!urgent[n]) print n " (how urgent)"; if (!look[n]) print n " (what to look at)"; if (!over[n]) print n " (when it is over)" } }' "$1"
  comm -23 <(sed -n 's/^## \(Stint.*\)/\1/p' "$1" | sort) <(sed -n 's/^ *- alert: //p' monitoring/stint.rules.yml | sort) | sed 's/$/ (no such alert)/'
}
severity_of() { sed -n "/- alert: $1\$/,/severity/s/.*severity: \([a-z]*\).*/\1/p" monitoring/stint.rules.yml; }
# urgency_differs FILE: alerts whose section says another severity than the rules
urgency_differs() {
  local alert said wanted
  for alert in $(sed -n 's/^ *- alert: //p' monitoring/stint.rules.yml); do
    wanted=$(severity_of "$alert")
    said=$(sed -n "/^## $alert\$/,/^\`/s/^\`\([a-z]*\)\`.*/\1/p" "$1")
    [ "$said" = "$wanted" ] || echo "$alert: $said, and $wanted in the rules"
  done
}
# panel_faults FILE: what a dashboard lacks
panel_faults() {
  jq -r '
    (if .schemaVersion < 36 then "schemaVersion \(.schemaVersion)" else empty end),
    (if (.uid | length) == 0 then "no uid" else empty end),
    (.panels | group_by(.id)[] | select(length > 1) | "the id \(.[0].id) is used twice"),
    (.panels[] | select(.type != "row") |
      (if (.description // "") == "" then "\(.title): no description" else empty end),
      (if (.fieldConfig.defaults.unit // "") == "" then "\(.title): no unit" else empty end),
      (if (.targets | length) == 0 then "\(.title): no query" else empty end),
      (if .datasource.uid != "${datasource}" then "\(.title): datasource \(.datasource.uid)" else empty end)),
    ([.templating.list[].name] as $known | [.panels[].targets[]?.expr | scan("\\$([a-z_]+)")[]] | unique[] | select(. as $v | $known | index($v) | not) | "$\(.) is no variable"),
    ([.panels[].targets[]?.expr] as $e | .templating.list[] | select(.type == "query") | .name as $n | select([$e[] | contains("$" + $n)] | any | not) | "$\(.name) is used nowhere")' "$1"
}

files=(monitoring/stint.rules.yml monitoring/grafana/*.json)
alerts=$(grep -c -- '- alert:' monitoring/stint.rules.yml)
[ "$alerts" -ge 15 ] && ok "$alerts alerts" || not_ok "only $alerts alerts were found"
[ "$(metric_names "${files[@]}" | wc -l)" -ge 20 ] && ok "metrics are found" || not_ok "no metrics were found"
[ -z "$(unknown_names "${files[@]}")" ] && ok "every metric is one of docs/metrics.md" || not_ok "not in docs/metrics.md: $(unknown_names "${files[@]}" | tr '\n' ' ')"
[ -z "$(without_page monitoring/stint.rules.yml)" ] && ok "every alert has its page and its test" || not_ok "$(without_page monitoring/stint.rules.yml)"
planted=$(mktemp) && trap 'rm -f "$planted"' EXIT
printf '      - alert: StintPlanted\n        expr: stint_planted_total > 1\n' >"$planted"
[ -n "$(unknown_names "$planted")" ] && [ -n "$(without_page "$planted")" ] && ok "a planted alert is found out" || not_ok "a planted alert is not found out"

runbook=docs/operations/alerts.md
[ -z "$(sections_short $runbook)" ] && ok "every section of the runbook is whole" || not_ok "$(sections_short $runbook)"
[ -z "$(urgency_differs $runbook)" ] && ok "rules and runbook agree on urgency" || not_ok "$(urgency_differs $runbook)"
sed '/^\*\*Over\*\*/d; s/^`page`/`warn`/; s/^## StintAbsent/## StintAway/' $runbook >"$planted"
case "$(sections_short "$planted")" in *"over)"*"StintAway (no such alert)"*) ok "a planted section is found out" ;; *) not_ok "a planted section is not found out" ;; esac
[ -n "$(urgency_differs "$planted")" ] && ok "a planted urgency is found out" || not_ok "a planted urgency is not found out"

for file in monitoring/grafana/*.json; do
  [ -z "$(panel_faults "$file")" ] && ok "$file: every panel is whole" || not_ok "$file: $(panel_faults "$file")"
done
uids=$(jq -r .uid monitoring/grafana/*.json)
[ -z "$(sort <<<"$uids" | uniq -d)" ] && ok "$(grep -c . <<<"$uids") dashboards, each with a uid of its own" || not_ok "a uid is used twice: $uids"
jq '.panels[1].id = .panels[0].id | .panels[0].description = "" | .panels[2].fieldConfig.defaults.unit = "" | .panels[3].targets[0].expr = "up{x=~\"$no_such\"}" | .schemaVersion = 1' \
  monitoring/grafana/stint-operations.json >"$planted"
[ "$(panel_faults "$planted" | wc -l)" -ge 5 ] && ok "planted faults of a dashboard are found out" || not_ok "planted faults of a dashboard: $(panel_faults "$planted")"

for file in monitoring/grafana/*.json; do check "$file is JSON" python3 -m json.tool "$file"; done
if command -v promtool >/dev/null; then
  check "the rules" promtool check rules monitoring/stint.rules.yml
  check "every alert fires and is silent where it should" sh -c 'cd monitoring && promtool test rules stint.rules.test.yml'
  check "prometheus.yml" promtool check config monitoring/prometheus.yml
  noticed() { python3 tests/support/alert_mutants.py monitoring/stint.rules.yml "$1"; }
  [ "$(noticed monitoring/stint.rules.test.yml)" = "alerts $alerts" ] && ok "each of $alerts alerts has a case where it must be heard and one where it must be silent" ||
    not_ok "$(noticed monitoring/stint.rules.test.yml)"
  sed '/^  - name: Redis away/,$d' monitoring/stint.rules.test.yml >"$planted" # what comes first is of one alert
  case "$(noticed "$planted")" in *"StintBacklog: no case"*) ok "an alert without a case is found out" ;; *) not_ok "an alert without a case is not found out" ;; esac
else
  echo "skip - promtool: not installed (Debian: prometheus)"
fi
if command -v amtool >/dev/null; then
  check "alertmanager.yml" amtool check-config monitoring/alertmanager.yml
  # goes_to RECEIVER ALERT: the alert's labels, as the rules give them, are routed there
  goes_to() {
    amtool config routes test --config.file=monitoring/alertmanager.yml --verify.receivers="$1" alertname="$2" severity="$(severity_of "$2")" >/dev/null 2>&1
  }
  routed=0
  for alert in $(sed -n 's/^ *- alert: //p' monitoring/stint.rules.yml); do
    receiver=$(severity_of "$alert") # both have the same names
    case $alert in StintEstimateOff | StintGenderRatio) receiver=matching ;; esac
    goes_to $receiver "$alert" && routed=$((routed + 1)) || not_ok "$alert does not go to $receiver"
  done
  [ "$routed" = "$alerts" ] && ok "$routed alerts go where they should"
  goes_to warn StintAbsent && not_ok "a wrong receiver is not found out" || ok "a wrong receiver is found out"
else
  echo "skip - amtool: not installed (Debian: prometheus-alertmanager)"
fi
[ "$failures" -eq 0 ]
