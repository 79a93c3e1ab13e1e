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
    grep -q "docs/operations/alerts.md#${alert,,}\$" "$1" || echo "$alert (no runbook)"
    grep -q "\b$alert\b" monitoring/stint.rules.test.yml || echo "$alert (no test)"
  done
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

for file in monitoring/grafana/*.json; do check "$file is JSON" python3 -m json.tool "$file"; done
if command -v promtool >/dev/null; then
  check "the rules" promtool check rules monitoring/stint.rules.yml
  check "every alert fires and is silent where it should" sh -c 'cd monitoring && promtool test rules stint.rules.test.yml'
  check "prometheus.yml" promtool check config monitoring/prometheus.yml
else
  echo "skip - promtool: not installed (Debian: prometheus)"
fi
if command -v amtool >/dev/null; then
  check "alertmanager.yml" amtool check-config monitoring/alertmanager.yml
else
  echo "skip - amtool: not installed (Debian: prometheus-alertmanager)"
fi
[ "$failures" -eq 0 ]
