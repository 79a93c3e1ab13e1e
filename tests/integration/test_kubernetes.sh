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
manifests() { find "$1" -name '*.yaml' ! -name kustomization.yaml | sort; }
mapfile -t files < <(manifests "$MANIFESTS")

told=$(cd "$DIR/checker" && node manifests.mjs "${files[@]}" 2>&1)
[ "$(sed -n 's/^looked //p' <<<"$told")" -ge 11 ] && ok "${#files[@]} manifests" || not_ok "too few manifests were found"
faults=$(grep -v '^looked ' <<<"$told")
[ -z "$faults" ] && ok "each is of its kind" || not_ok "$faults"
faults=$(faults_of relations.mjs "$MANIFESTS" "$STINT_SOURCE/docs/metrics.md")
[ -z "$faults" ] && ok "they fit each other" || not_ok "$faults"

# found_out WHAT FAULTS: there is one
found_out() { [ -n "$2" ] && ok "found out: $1 ($(head -n 1 <<<"$2" | sed "s,$DIR/planted[^/]*/,,g" | cut -c 1-120))" || not_ok "not found out: $1"; }
# plant FOLDER FILE EXPRESSION: the file of that copy of the manifests, changed so
plant() {
  mkdir -p "$(dirname "$1/$2")" && sed -E "$3" "$MANIFESTS/$2" >"$1/$2"
  cmp -s "$MANIFESTS/$2" "$1/$2" && not_ok "nothing was planted: $3"
}
# misshapen WHAT FILE EXPRESSION: changed so it is not of its kind any more. One run looks at all of them: its compiler takes seconds to start.
shapes=()
misshapen() {
  shapes+=("$1")
  plant "$DIR/planted${#shapes[@]}" "$2" "$3"
}
misshapen "a word for a number" base/deployment.yaml 's/replicas: 2/replicas: two/'
misshapen "a misspelt key" base/deployment.yaml 's/terminationGracePeriodSeconds:/terminationGracePeriod:/'
misshapen "a key of a probe" base/deployment.yaml 's/httpGet: \{path/httpGet: {paths/'
misshapen "a key twice" base/service.yaml 's/^  clusterIP: None/  clusterIP: None\n  clusterIP: None/'
misshapen "a size without a unit there is" base/deployment.yaml 's/memory: 2Gi/memory: 2Gx/'
misshapen "a kind there is not" base/migrate-job.yaml 's/^kind: Job/kind: Jobs/'
misshapen "KEDA: a number for a text" keda/scaled-object.yaml 's/threshold: "2"/threshold: 2/'
misshapen "KEDA: a misspelt key" keda/scaled-object.yaml 's/metricType: Value/metrictype: Value/'
misshapen "the monitor: a misspelt key" monitoring/service-monitor.yaml 's/interval:/intervall:/'
mapfile -t files < <(find "$DIR"/planted* -name '*.yaml')
faults=$(faults_of manifests.mjs "${files[@]}")
for i in "${!shapes[@]}"; do found_out "${shapes[i]}" "$(grep "^$DIR/planted$((i + 1))/" <<<"$faults")"; done

# unrelated WHAT FILE EXPRESSION: changed so it does not fit the others any more
unrelated() {
  rm -rf "$DIR/planted" && cp -r "$MANIFESTS" "$DIR/planted"
  plant "$DIR/planted" "$2" "$3"
  found_out "$1" "$(faults_of relations.mjs "$DIR/planted" "$STINT_SOURCE/docs/metrics.md")"
}
unrelated "a grace shorter than the drain" base/deployment.yaml 's/(terminationGracePeriodSeconds:) 60/\1 50/'
unrelated "a file forgotten" base/kustomization.yaml '/network-policy/d'
unrelated "a number of nobody's" keda/scaled-object.yaml 's/stint_workers_desired/stint_workers_wished/'
unrelated "another aim than the pool's" keda/scaled-object.yaml 's/threshold: "30"/threshold: "3"/'
unrelated "another number of workers than a pod's" base/config-map.yaml 's/workers_max = 2/workers_max = 3/'
unrelated "services in the environment" base/deployment.yaml '/enableServiceLinks/d'

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
