#!/usr/bin/env bash
# Why: nobody here runs a cluster for a test, so what a cluster would say is asked of the schemas: every manifest against its kind's, every key
# against the kind's fields, the files against each other and against what the supervisor says of its configuration.
# Refuses to: pass without having found what is planted.
set -u
. "${STINT_SOURCE:?}/tests/support/npm_kept.sh"
failures=0
ok() { echo "ok - $*"; }
not_ok() { echo "not ok - $*"; failures=$((failures + 1)); }
DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT
MANIFESTS=$STINT_SOURCE/kubernetes
npm_kept "$STINT_SOURCE/tests/support/kubernetes" "$DIR/checker" || exit 77
# faults_of PROGRAM WORDS…: what it finds, without its count
faults_of() { (cd "$DIR/checker" && node "$@" 2>&1) | grep -v '^looked '; }
looked() { (cd "$DIR/checker" && node "$@" 2>&1) | sed -n 's/^looked //p'; }
manifests() { find "$1" -name '*.yaml' ! -name kustomization.yaml | sort; }
mapfile -t files < <(manifests "$MANIFESTS")

[ "$(looked manifests.mjs "${files[@]}")" -ge 11 ] && ok "${#files[@]} manifests" || not_ok "too few manifests were found"
faults=$(faults_of manifests.mjs "${files[@]}")
[ -z "$faults" ] && ok "each is of its kind" || not_ok "$faults"
faults=$(faults_of relations.mjs "$MANIFESTS" "$STINT_SOURCE/docs/metrics.md")
[ -z "$faults" ] && ok "they fit each other" || not_ok "$faults"

# planted WHAT PROGRAM FILE EXPRESSION: with the file changed so, the program finds a fault
planted() {
  rm -rf "$DIR/planted" && cp -r "$MANIFESTS" "$DIR/planted" && sed -i -E "$4" "$DIR/planted/$3"
  cmp -s "$MANIFESTS/$3" "$DIR/planted/$3" && { not_ok "nothing was planted: $1"; return; }
  local words=("$DIR/planted" "$STINT_SOURCE/docs/metrics.md") found
  [ "$2" = relations.mjs ] || mapfile -t words < <(manifests "$DIR/planted")
  found=$(faults_of "$2" "${words[@]}")
  [ -n "$found" ] && ok "found out: $1 ($(echo "$found" | head -n 1 | sed "s,$DIR/planted/,,g" | cut -c 1-120))" || not_ok "not found out: $1"
}
planted "a word for a number" manifests.mjs base/deployment.yaml 's/replicas: 2/replicas: two/'
planted "a misspelt key" manifests.mjs base/deployment.yaml 's/terminationGracePeriodSeconds:/terminationGracePeriod:/'
planted "a key of a probe" manifests.mjs base/deployment.yaml 's/httpGet: \{path/httpGet: {paths/'
planted "a key twice" manifests.mjs base/service.yaml 's/^  clusterIP: None/  clusterIP: None\n  clusterIP: None/'
planted "a size without a unit there is" manifests.mjs base/deployment.yaml 's/memory: 2Gi/memory: 2Gx/'
planted "a kind there is not" manifests.mjs base/migrate-job.yaml 's/^kind: Job/kind: Jobs/'
planted "KEDA: a number for a text" manifests.mjs keda/scaled-object.yaml 's/threshold: "2"/threshold: 2/'
planted "KEDA: a misspelt key" manifests.mjs keda/scaled-object.yaml 's/metricType: Value/metrictype: Value/'
planted "the monitor: a misspelt key" manifests.mjs monitoring/service-monitor.yaml 's/interval:/intervall:/'
planted "a grace shorter than the drain" relations.mjs base/deployment.yaml 's/(terminationGracePeriodSeconds:) 60/\1 50/'
planted "a file forgotten" relations.mjs base/kustomization.yaml '/network-policy/d'
planted "a number of nobody's" relations.mjs keda/scaled-object.yaml 's/stint_workers_desired/stint_workers_wished/'
planted "another aim than the pool's" relations.mjs keda/scaled-object.yaml 's/threshold: "30"/threshold: "3"/'
planted "another number of workers than a pod's" relations.mjs base/config-map.yaml 's/workers_max = 2/workers_max = 3/'
planted "services in the environment" relations.mjs base/deployment.yaml '/enableServiceLinks/d'

# The configuration is stint's to judge, with the secret's files where it looks for them.
mkdir "$DIR/secrets"
(cd "$DIR/checker" && node -e '
  const {parse} = require("yaml"), {readFileSync, writeFileSync} = require("fs"), [base, out] = process.argv.slice(1);
  const read = name => parse(readFileSync(`${base}/${name}`, "utf8"));
  writeFileSync(`${out}/stint.conf`, read("config-map.yaml").data["stint.conf"].replaceAll("/etc/stint/secrets", `${out}/secrets`));
  for (const [name, text] of Object.entries(read("secret.example.yaml").stringData)) writeFileSync(`${out}/secrets/${name}`, text);
' "$MANIFESTS/base" "$DIR") || not_ok "the configuration cannot be read"
check() { env -i PATH="$PATH" "$@" "$STINT_BUILD/bin/stint-supervisor" --config "$DIR/stint.conf" --check 2>&1; }
said=$(check) && ok "the configuration is valid" || not_ok "the configuration: $said"
said=$(check STINT_REDIS_SERVICE_HOST=10.0.0.1) && not_ok "what service links put into the environment is taken" ||
  { grep -q STINT_REDIS_SERVICE_HOST <<<"$said" && ok "service links would be refused by name, so there are none" || not_ok "refused for another reason: $said"; }

# docs/operations/kubernetes.md, word by word, to a stand-in of kubectl.
mkdir "$DIR/bin" "$DIR/blocks"
printf '#!/bin/sh\nexec node "%s/checker/kubectl.mjs" "$@"\n' "$DIR" >"$DIR/bin/kubectl" && chmod 755 "$DIR/bin/kubectl"
blocks=0
while read -r block line ending; do
  blocks=$((blocks + 1))
  said=$(cd "$STINT_SOURCE" && PATH="$DIR/bin:$PATH" REDIS_PASSWORD=r POSTGRES_PASSWORD=p bash -euo pipefail "$block" 2>&1)
  [ $? = "$ending" ] && [ "$(tail -n 1 <<<"$said")" = ok ] || not_ok "docs/operations/kubernetes.md:$line: $said"
done < <(python3 "$STINT_SOURCE/tests/support/doc_commands.py" "$STINT_SOURCE/docs/operations/kubernetes.md" kubernetes --split "$DIR/blocks")
[ "$blocks" -ge 5 ] && ok "$blocks blocks of the page were typed" || not_ok "only $blocks blocks were found"
refuses() { (cd "$STINT_SOURCE" && ! "$DIR/bin/kubectl" "$@" >/dev/null 2>&1) && ok "the stand-in refuses: $*" || not_ok "the stand-in takes: $*"; }
refuses -n stint rollout status deployment/stint-wroker
refuses -n stint delete jobs stint-migrate
refuses apply -k kubernetes/bsae
refuses -n stint create secret generic stint --from-literal=redis-url=x
[ "$failures" -eq 0 ]
