#!/bin/bash
# Why: `docker compose up --scale` is how many teams will run it. The image is built by its own Dockerfile and scaled up and down under
# load by a real Docker Engine: no job may be lost, run twice to the end, or charged for a container that went away.
# Refuses to: use an engine that is there already, or to call it passed when none could be started.
set -u
# shellcheck source=tests/support/dock.sh
. "${STINT_SOURCE:?}/tests/support/dock.sh"
dock_start
dock_base
began=$SECONDS
dock_build stint-e2e-redis "$STINT_SOURCE/tests/e2e/docker/Dockerfile.redis" "$STINT_SOURCE/tests/e2e/docker"
dock_build stint-e2e-postgres "$STINT_SOURCE/tests/e2e/docker/Dockerfile.postgres" "$STINT_SOURCE/tests/e2e/docker"
dock_build stint-e2e:one "$STINT_SOURCE/docker/Dockerfile" "$STINT_SOURCE" --build-arg VERSION=one
dock_build stint-e2e:two "$STINT_SOURCE/docker/Dockerfile" "$STINT_SOURCE" --build-arg VERSION=two
echo "# images built in $((SECONDS - began)) s; compressed $(docker save stint-e2e:one | gzip | wc -c | awk '{printf "%.0f MB", $1 / 1e6}') with its base"
cat >"$DOCK_DIR/override.yaml" <<'END'
services:
  redis: {command: [redis-server, --bind, 0.0.0.0, --protected-mode, "no", --appendonly, "yes", --maxmemory, 256mb, --maxmemory-policy, noeviction, --save, ""]}
  worker:
    environment: {STINT_KIND_PROBE_ENABLED: "yes", STINT_POOL_PROBE_KINDS: probe, STINT_POOL_PROBE_WORKERS: "2", STINT_SUPERVISOR_LEASE: 5s, STINT_SUPERVISOR_HEARTBEAT: 1s}
END
export STINT_REDIS_IMAGE=stint-e2e-redis STINT_POSTGRES_IMAGE=stint-e2e-postgres STINT_IMAGE=stint-e2e:one

scale() { dock_compose up -d --no-build --scale "worker=$1" >"$DOCK_DIR/up.log" 2>&1 || not_ok "scale to $1: $(tail -n 3 "$DOCK_DIR/up.log")"; }
count_is() { [ "$(dock_ids worker | wc -l)" = "$1" ]; }
healthy() { [ "$(docker ps -q --filter health=healthy --filter "label=com.docker.compose.service=worker" | wc -l)" = "$1" ]; }
# row MEMBER: of the probe queue
row() { dock_stint queue stats probe --json | jq -r "{done: .ledger.done, dead, drift, instances, active: ([.bands[].active] | add)} | .$1"; }
hosts_are() { [ "$(row instances)" = "$1" ]; }
# load N PREFIX MS: N jobs of so many milliseconds
load() { seq "$1" | sed "s/.*/{\"kind\":\"probe\",\"id\":\"$2-&\",\"payload\":{\"v\":1,\"do\":\"sleep\",\"ms\":$3}}/" | dock_stint enqueue --bulk - >/dev/null || not_ok "the load $2 was not taken"; }
done_is() { [ "$(row done)" = "$1" ]; }
# books WHAT N: N jobs are done, none is dead, the ledger holds
books() {
  until_true 180 done_is "$2" || not_ok "$1: $(row done) jobs are done, expected $2"
  same "$1: all done, none dead, no drift" "$(row done) $(row dead) $(row drift)" "$2 0 0"
  # every job was started by one attempt: none was charged for a container that went away
  same "$1: nobody was charged" "$(dock_stint queue stats probe --json | jq -r '(.ledger.retried // 0) + (.ledger.crashed // 0)')" 0
}

scale 3
until_true 120 healthy 3 && ok "three containers are healthy" || not_ok "not healthy: $(docker ps --format '{{.Names}} {{.Status}}' | tr '\n' ' ')"
[ "$failures" -eq 0 ] || { dock_verdict; exit 1; } # nothing below can be true then
until_true 60 hosts_are 3 && ok "three instances are told apart" || not_ok "$(row instances) instances"
first=$(dock_ids worker | head -n 1)
same "it does not run as root" "$(docker exec "$first" cat /proc/1/status | sed -n 's/^Uid:\t\([0-9]*\).*/\1/p')" 990
# As root of the container, whom no permission stops: only a read-only file system does. /tmp shows that the check can write at all.
writes() { docker exec -u 0 "$first" sh -c "touch $1/written && echo yes" 2>&1; }
same "the check can write where it may" "$(writes /tmp)" yes
for place in /usr /etc /usr/libexec/stint; do
  case "$(writes "$place")" in *"Read-only file system"*) ok "$place is read-only" ;; *) not_ok "$place: $(writes "$place")" ;; esac
done
same "PID 1 is the supervisor" "$(docker exec "$first" cat /proc/1/comm)" stint-superviso

load 1500 a 20
scale 5
until_true 60 count_is 5 && ok "five containers" || not_ok "not five containers"
scale 1
until_true 90 count_is 1 && ok "one container" || not_ok "not one container"
books "scaled 3, 5, 1 under load" 1500

scale 2
until_true 90 healthy 2 || not_ok "the second container is not healthy"
load 600 b 100
active() { [ "$(row active)" -ge 3 ]; }
until_true 60 active || not_ok "nothing is active"
docker kill -s KILL "$(dock_ids worker | tail -n 1)" >/dev/null && killed=$SECONDS
until_true 120 done_is 2100 && ok "a container was killed: its jobs ran elsewhere ($((SECONDS - killed)) s until all was done)" || not_ok "$(row done) of 2100 done"
same "after the kill: none dead, no drift" "$(row dead) $(row drift)" "0 0"

scale 2
until_true 90 healthy 2 || not_ok "the killed container is not replaced"
load 800 c 20
export STINT_IMAGE=stint-e2e:two
scale 2
new_image() { [ "$(docker ps -q --filter ancestor=stint-e2e:two --filter "label=com.docker.compose.service=worker" | wc -l)" = 2 ]; }
until_true 120 new_image && ok "both containers run the new image" || not_ok "the image was not updated"
until_true 180 done_is 2900
same "an image was updated under load: all done, none dead, no drift" "$(row done) $(row dead) $(row drift)" "2900 0 0"

frozen=$(dock_ids worker | head -n 1)
kill -STOP "$(docker inspect -f '{{.State.Pid}}' "$frozen")"
unhealthy() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$frozen")" = unhealthy ]; }
until_true 90 unhealthy && ok "a frozen supervisor is unhealthy" || not_ok "a frozen supervisor is called $(docker inspect -f '{{.State.Health.Status}}' "$frozen")"
kill -CONT "$(docker inspect -f '{{.State.Pid}}' "$frozen")"
dock_verdict
