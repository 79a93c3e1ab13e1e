#!/bin/bash
# Why: the compose file says it is for Compose v1.29 and v2. The scale test runs it with the first; here v2 does what a team does with it
# between two deploys: a producer, a restart, a stop with a job in hand, everything down and up again, two projects side by side.
# Refuses to: call v2 passed where it is not to be had.
set -u
# shellcheck source=tests/support/dock.sh
. "${STINT_SOURCE:?}/tests/support/dock.sh"
dock_start
dock_base
dock_images
dock_probes
export STINT_PROMETHEUS_PORT=0 STINT_GRAFANA_PORT=0

# What each Compose makes of the file, in the words that both know: images, memory, processors, profiles, the time to stop.
said() {
  COMPOSE_PROFILES=monitoring,console,example "$@" -f "$STINT_SOURCE/docker/compose.yaml" config 2>"$DOCK_DIR/config.err" |
    python3 -c '
import json, sys, yaml
units = {"k": 10, "m": 20, "g": 30}
size = lambda v: None if v is None else int(str(v)[:-1]) << units[str(v)[-1]] if str(v)[-1:] in units else int(v)
for name, s in sorted(yaml.safe_load(sys.stdin)["services"].items()):
    print(name, s["image"], size(s.get("mem_limit")), float(s.get("cpus") or 0), (s.get("stop_grace_period") or "").replace("m0s", "m"), s.get("profiles"), s.get("read_only"), s.get("restart"))'
}
python3 -c 'import yaml' 2>/dev/null || dock_skip "python3-yaml is missing: apt-get install python3-yaml"
said docker-compose >"$DOCK_DIR/v1.said" && ok "Compose v1 takes the file: $(wc -l <"$DOCK_DIR/v1.said") services" || not_ok "Compose v1 refuses the file: $(cat "$DOCK_DIR/config.err")"
dock_compose_v2 || { dock_verdict; exit 77; }
said docker compose >"$DOCK_DIR/v2.said" && ok "Compose v2 takes the file: $(docker compose version --short)" || not_ok "Compose v2 refuses the file: $(cat "$DOCK_DIR/config.err")"
same "nine services" "$(wc -l <"$DOCK_DIR/v1.said")" 9
same "both read the same" "$(diff "$DOCK_DIR/v1.said" "$DOCK_DIR/v2.said")" ""
sed 's/mem_limit: 512m/mem_limt: 512m/' "$STINT_SOURCE/docker/compose.yaml" >"$DOCK_DIR/planted.yaml"
for compose in docker-compose "docker compose"; do
  $compose -f "$DOCK_DIR/planted.yaml" config >/dev/null 2>&1 && not_ok "$compose takes a misspelt key" || ok "$compose refuses a misspelt key"
done

dock_scale 2
until_true 120 dock_healthy 2 && ok "two containers are healthy" || { not_ok "not healthy: $(docker ps --format '{{.Names}} {{.Status}}' | tr '\n' ' ')"; dock_verdict; exit 1; }
same "the migration ran once and ended well" "$(docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$(dock_compose ps -aq migrate)")" "exited 0"
redis() { docker exec -i "$(dock_ids redis)" redis-cli "$@"; }
same "Redis appends to its file and never evicts" "$(redis config get appendonly | tail -n 1) $(redis config get maxmemory-policy | tail -n 1)" "yes noeviction"
limits() { docker inspect -f '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}' "$(dock_ids "$1" | head -n 1)"; }
same "the limits of Redis" "$(limits redis)" "1073741824 2000000000"
same "the limits of PostgreSQL" "$(limits postgres)" "1073741824 2000000000"
same "the limits of a worker" "$(limits worker)" "2147483648 2000000000"
grace=$(docker inspect -f '{{.Config.StopTimeout}}' "$(dock_ids worker | head -n 1)")
drain=$(dock_stint config print | sed -n 's/^drain_timeout = \([0-9]*\)s$/\1/p')
[ "${grace:-0}" -gt "${drain:-0}" ] && [ "${drain:-0}" -gt 0 ] && ok "the time to stop ($grace s) is above the drain ($drain s)" || not_ok "grace '$grace', drain '$drain'"

# The limits of the container, read by its supervisor and divided: five workers that ask for 2 GiB each where 2 GiB are all there is.
dock_stint status >"$DOCK_DIR/status.log" 2>&1
grep -q 'memory 2048 MiB.*CPU 2\.00' "$DOCK_DIR/status.log" && ok "stint status tells the container's memory and processors" || not_ok "status: $(sed -n 1,4p "$DOCK_DIR/status.log")"
grep -q 'memory of workers: 5, which ask for 10240 MiB' "$DOCK_DIR/status.log" && ok "and how the memory is divided" || not_ok "status: $(sed -n 1,4p "$DOCK_DIR/status.log")"
dock_stint preflight >"$DOCK_DIR/preflight.log" 2>&1
grep -q '2048 MiB' "$DOCK_DIR/preflight.log" && ok "so does stint preflight" || not_ok "preflight: $(grep -i memory "$DOCK_DIR/preflight.log")"
# One job takes more than its worker's part while another runs beside it: it dies alone, with its cause.
dock_load 1 sibling 5000
printf '{"kind":"probe","id":"greedy","payload":{"v":1,"do":"alloc","mib":1500}}\n' | dock_stint enqueue --bulk - >/dev/null || not_ok "the greedy job was not taken"
greedy_dead() { [ "$(dock_row dead)" = 1 ]; }
until_true 90 greedy_dead && ok "a job that takes too much is a dead letter" || not_ok "the greedy job: $(dock_stint job show greedy)"
dock_stint dlq show greedy >"$DOCK_DIR/greedy.log" 2>&1
grep -q mem_limit "$DOCK_DIR/greedy.log" && ok "of the cause mem_limit" || not_ok "the letter: $(cat "$DOCK_DIR/greedy.log")"
until_true 90 dock_done 1 && ok "its sibling is done" || not_ok "$(dock_row done) done"
same "and every container lives" "$(dock_ids worker | xargs docker inspect -f '{{.State.OOMKilled}} {{.RestartCount}} {{.State.Status}}' | sort -u)" "false 0 running"
dock_stint dlq purge greedy --yes >/dev/null 2>&1 || not_ok "the letter cannot be purged"

dock_compose --profile example run --rm producer >"$DOCK_DIR/producer.log" 2>&1 && ok "the producer of the example runs and ends" || not_ok "the producer: $(tail -n 3 "$DOCK_DIR/producer.log")"
produced() { dock_stint queue stats match --json | jq -e '.ledger.done == 2 and .drift == 0' >/dev/null; }
until_true 90 produced && ok "its two people are matched" || not_ok "of the producer's jobs: $(dock_stint queue stats match --json | jq -c '.ledger')"

# A job in hand when its container is stopped: it is finished, nobody is charged, the container ends by itself.
dock_scale 1
one_instance() { [ "$(dock_row instances)" = 1 ]; }
until_true 90 one_instance || not_ok "not one instance: $(dock_row instances)"
charged() { dock_stint queue stats probe --json | jq -r '(.ledger.retried // 0) + (.ledger.crashed // 0)'; }
before=$(charged)
dock_load 1 last 4000
running() { [ "$(dock_row active)" = 1 ]; }
until_true 60 running || not_ok "the job does not run"
dock_compose stop worker >"$DOCK_DIR/stop.log" 2>&1
stopped=$(docker ps -aq --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --filter label=com.docker.compose.service=worker)
same "docker compose stop: it ended by itself" "$(docker inspect -f '{{.State.ExitCode}}' "$stopped")" 0
dock_scale 1
until_true 120 dock_healthy 1 || not_ok "it does not come back"
same "the job in hand was finished, once, at no cost" "$(dock_row done) $(dock_row dead) $(charged)" "2 0 $before"

dock_load 300 r 20
dock_compose restart >"$DOCK_DIR/restart.log" 2>&1 && ok "docker compose restart, of every service, under load" || not_ok "restart: $(tail -n 3 "$DOCK_DIR/restart.log")"
until_true 180 dock_done 302 && ok "every job is done after it" || not_ok "$(dock_row done) of 302 are done"
same "none is dead, no drift" "$(dock_row dead) $(dock_row drift)" "0 0"

dock_stint queue pause probe --reason "kept over a night" >/dev/null || not_ok "the queue is not paused"
dock_load 50 kept 1
dock_compose down >"$DOCK_DIR/down.log" 2>&1 || not_ok "down: $(tail -n 3 "$DOCK_DIR/down.log")"
same "down leaves no container" "$(docker ps -aq --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME")" ""
dock_scale 1
until_true 120 dock_healthy 1 || not_ok "it does not come up again"
same "down and up keep what was enqueued, and the pause" "$(dock_stint queue stats probe --json | jq -c '[([.bands[].ready] | add), .paused]')" "[50,true]"

# Another project of the same file, beside it: its own network, its own volumes, its own queue.
first=$COMPOSE_PROJECT_NAME
export COMPOSE_PROJECT_NAME="$first-beside"
dock_scale 1
until_true 120 dock_healthy 1 && ok "a second project comes up beside the first" || not_ok "the second project does not come up: $(tail -n 3 "$DOCK_DIR/up.log")"
dock_load 20 beside 1
until_true 90 dock_done 20 && ok "and does its own jobs only" || not_ok "beside: $(dock_row done) of 20"
dock_compose down -v -t 60 >"$DOCK_DIR/down.log" 2>&1 || not_ok "down of the second: $(tail -n 3 "$DOCK_DIR/down.log")"
export COMPOSE_PROJECT_NAME=$first
dock_stint queue resume probe >/dev/null
until_true 90 dock_done 352 && ok "the first goes on where it was" || not_ok "$(dock_row done) of 352 are done"
same "none is dead, no drift" "$(dock_row dead) $(dock_row drift)" "0 0"
dock_verdict
