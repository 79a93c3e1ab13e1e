#!/bin/bash
# Why: `docker compose up --scale` is how many teams will run it. The image is built by its own Dockerfile and scaled up and down under
# load by a real Docker Engine: no job may be lost, run twice to the end, or charged for a container that went away.
# Refuses to: use an engine that is there already, or to call it passed when none could be started.
set -u
# shellcheck source=tests/support/dock.sh
. "${STINT_SOURCE:?}/tests/support/dock.sh"
dock_start
dock_base
dock_images
dock_build stint-e2e-older "$STINT_SOURCE/tests/e2e/docker/Dockerfile.older" "$STINT_SOURCE/tests/e2e/docker"
dock_probes
export STINT_IMAGE=stint-e2e-older

count_is() { [ "$(dock_ids worker | wc -l)" = "$1" ]; }
hosts_are() { [ "$(dock_row instances)" = "$1" ]; }
# books WHAT N: N jobs are done, none is dead, the ledger holds
books() {
  until_true 180 dock_done "$2" || not_ok "$1: $(dock_row done) jobs are done, expected $2"
  same "$1: all done, none dead, no drift" "$(dock_row done) $(dock_row dead) $(dock_row drift)" "$2 0 0"
  # every job was started by one attempt: none was charged for a container that went away
  same "$1: nobody was charged" "$(dock_stint queue stats probe --json | jq -r '(.ledger.retried // 0) + (.ledger.crashed // 0)')" 0
}

dock_scale 3
until_true 120 dock_healthy 3 && ok "three containers are healthy" || not_ok "not healthy: $(docker ps --format '{{.Names}} {{.Status}}' | tr '\n' ' ')"
[ "$failures" -eq 0 ] || { dock_verdict; exit 1; } # nothing below can be true then
# The number of the Functions library that Redis has, and the one that an image carries.
library() { docker exec "$(dock_ids redis)" redis-cli fcall_ro stint_version 0; }
carried() { docker run --rm --entrypoint grep "$1" -aoh 'local VERSION = [0-9]*' /usr/bin/stint-supervisor | tr -dc 0-9; }
older=$(carried stint-e2e-older) newer=$(carried stint-e2e:one)
[ "$older" -lt "$newer" ] || not_ok "the older image carries library $older, the newer $newer"
same "Redis has the library of the older image" "$(library)" "$((10#$older))"
until_true 60 hosts_are 3 && ok "three instances are told apart" || not_ok "$(dock_row instances) instances"
first=$(dock_ids worker | head -n 1)
same "it does not run as root" "$(docker exec "$first" cat /proc/1/status | sed -n 's/^Uid:\t\([0-9]*\).*/\1/p')" 990
# As root of the container, whom no permission stops: only a read-only file system does. /tmp shows that the check can write at all.
writes() { docker exec -u 0 "$first" sh -c "touch $1/written && echo yes" 2>&1; }
same "the check can write where it may" "$(writes /tmp)" yes
for place in /usr /etc /usr/libexec/stint; do
  case "$(writes "$place")" in *"Read-only file system"*) ok "$place is read-only" ;; *) not_ok "$place: $(writes "$place")" ;; esac
done
same "PID 1 is the supervisor" "$(docker exec "$first" cat /proc/1/comm)" stint-superviso

dock_load 1500 a 20
dock_scale 5
until_true 60 count_is 5 && ok "five containers" || not_ok "not five containers"
dock_scale 1
until_true 90 count_is 1 && ok "one container" || not_ok "not one container"
books "scaled 3, 5, 1 under load" 1500

dock_scale 2
until_true 90 dock_healthy 2 || not_ok "the second container is not healthy"
dock_load 600 b 100
active() { [ "$(dock_row active)" -ge 3 ]; }
until_true 60 active || not_ok "nothing is active"
docker kill -s KILL "$(dock_ids worker | tail -n 1)" >/dev/null && killed=$SECONDS
until_true 120 dock_done 2100 && ok "a container was killed: its jobs ran elsewhere ($((SECONDS - killed)) s until all was done)" || not_ok "$(dock_row done) of 2100 done"
same "after the kill: none dead, no drift" "$(dock_row dead) $(dock_row drift)" "0 0"

dock_scale 2
until_true 90 dock_healthy 2 || not_ok "the killed container is not replaced"
dock_load 800 c 20
export STINT_IMAGE=stint-e2e:one
dock_scale 2
new_image() { [ "$(docker ps -q --filter ancestor=stint-e2e:one --filter "label=com.docker.compose.service=worker" | wc -l)" = 2 ]; }
until_true 120 new_image && ok "both containers run the new image" || not_ok "the image was not updated"
until_true 180 dock_done 2900
same "an image was updated under load: all done, none dead, no drift" "$(dock_row done) $(dock_row dead) $(dock_row drift)" "2900 0 0"

same "the library was brought to the new number" "$(library)" "$newer"
network="${COMPOSE_PROJECT_NAME}_stint"
late=$(docker run -d --network "$network" -e STINT_REDIS_URL=redis://redis:6379 -e STINT_POSTGRES_URL=postgresql://stint:stint@postgres/stint stint-e2e-older)
ready() { docker exec "$late" stint health --ready; }
until_true 120 ready && ok "a container of the older image joins and is ready" || not_ok "the older image beside the newer: $(docker logs "$late" 2>&1 | tail -n 2)"
same "and takes the library back to no older number" "$(library)" "$newer"
docker rm -fv "$late" >/dev/null

frozen=$(dock_ids worker | head -n 1)
kill -STOP "$(docker inspect -f '{{.State.Pid}}' "$frozen")"
unhealthy() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$frozen")" = unhealthy ]; }
until_true 90 unhealthy && ok "a frozen supervisor is unhealthy" || not_ok "a frozen supervisor is called $(docker inspect -f '{{.State.Health.Status}}' "$frozen")"
kill -CONT "$(docker inspect -f '{{.State.Pid}}' "$frozen")"
dock_verdict
