# What the Docker scripts of the e2e ring share: a Docker Engine of the test's own with its images, and the product's image built by its own
# Dockerfile. Sourced, not run. Needs STINT_SOURCE, root, and the packages of PACKAGES_E2E. Images are kept in $DOCK_CACHE
# between runs; containers, networks and volumes are not. Touches no other Docker Engine.
# shellcheck shell=bash
DOCK_CACHE=${STINT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/stint}
DOCK_MIRROR=${STINT_DEBIAN_MIRROR:-http://deb.debian.org/debian}
DOCK_DIR=$(mktemp -d "${TMPDIR:-/tmp}/stint-dock-XXXXXX")
DOCK_ROOT="$DOCK_CACHE/docker"
DOCK_PID=""
# BuildKit: what docker build and Compose v2 build with by themselves today, and the cache that both share.
export DOCKER_BUILDKIT=1 DOCKER_HOST="unix://$DOCK_DIR/docker.sock" COMPOSE_PROJECT_NAME="stint-e2e-$$" COMPOSE_IGNORE_ORPHANS=1
failures=0 checks=0

ok() { checks=$((checks + 1)); echo "ok - $*"; }
not_ok() { checks=$((checks + 1)) failures=$((failures + 1)); echo "not ok - $*"; }
same() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1: $2, expected $3"; fi; }
dock_skip() { echo "skip - Docker: $*"; exit 77; }
pause() { read -r -t "$1" _ <> <(:) || true; }
until_true() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || return 1
    pause 0.3
  done
}

dock_end() {
  local code=$?
  trap - EXIT
  if [ -n "$DOCK_PID" ]; then
    COMPOSE_PROFILES=monitoring,console,example dock_compose down -v -t 5 >/dev/null 2>&1
    kill "$DOCK_PID" 2>/dev/null
    wait "$DOCK_PID" 2>/dev/null
    umount "$DOCK_DIR"/exec/netns/* 2>/dev/null # the engine leaves its own there
  fi
  rm -rf "$DOCK_DIR"
  exit "$code"
}
trap dock_end EXIT
trap 'exit 130' INT TERM

# The shipped file, with what the test adds in override.yaml; $DOCK_COMPOSE says by which Compose.
DOCK_COMPOSE=(docker-compose)
dock_compose() { (cd "$STINT_SOURCE/docker" && "${DOCK_COMPOSE[@]}" -f compose.yaml -f "$DOCK_DIR/override.yaml" "$@"); }
# dock_compose_v2: "docker compose" is from now on the Compose v2 of Debian's next release, a static program, fetched once.
dock_compose_v2() {
  local apt="$DOCK_DIR/apt" plugin="$DOCK_CACHE/compose-v2/docker-compose"
  if [ ! -x "$plugin" ]; then
    echo "# fetching Compose v2, once"
    mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/parts" "${plugin%/*}"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $DOCK_MIRROR trixie main" >"$apt/sources.list"
    local options=(-qq -o "Dir::Etc::SourceList=$apt/sources.list" -o "Dir::Etc::SourceParts=$apt/parts" -o "Dir::State::Lists=$apt/lists"
      -o "Dir::Cache=$apt" -o APT::Sandbox::User=root)
    (cd "$apt" && apt-get "${options[@]}" update && apt-get "${options[@]}" download docker-compose && dpkg-deb -x docker-compose_*.deb tree) \
      >"$apt/log" 2>&1 8>&- && mv "$(find "$apt/tree" -type f -name docker-compose -perm /111)" "$plugin" ||
      { echo "skip - Compose v2 is not to be had: $(tail -n 1 "$apt/log")"; return 1; }
    rm -rf "$apt"
  fi
  export DOCKER_CONFIG="$DOCK_DIR/config"
  mkdir -p "$DOCKER_CONFIG/cli-plugins"
  ln -sf "$plugin" "$DOCKER_CONFIG/cli-plugins/docker-compose"
  DOCK_COMPOSE=(docker compose)
}
# dock_ids SERVICE: its running containers
dock_ids() { docker ps -q --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --filter "label=com.docker.compose.service=$1"; }
# dock_stint WORDS…: the stint command inside the first worker
dock_stint() { docker exec -i "$(dock_ids worker | head -n 1)" stint "$@"; }

dock_start() {
  local tool
  [ "$(id -u)" = 0 ] || dock_skip "starting an engine needs root"
  for tool in dockerd:docker.io docker-compose:docker-compose iptables:iptables debootstrap:debootstrap jq:jq; do
    command -v "${tool%%:*}" >/dev/null || dock_skip "${tool%%:*} is missing: apt-get install ${tool#*:}"
  done
  PATH=/usr/bin:$PATH
  mkdir -p "$DOCK_ROOT" || dock_skip "no folder for the images: $DOCK_ROOT"
  exec 8>"$DOCK_CACHE/docker.lock"
  flock -w 600 8 || dock_skip "another run has the engine's folder $DOCK_ROOT"
  dockerd --data-root "$DOCK_ROOT" --exec-root "$DOCK_DIR/exec" -H "$DOCKER_HOST" --pidfile "$DOCK_DIR/pid" >"$DOCK_DIR/dockerd.log" 2>&1 8>&- &
  DOCK_PID=$!
  until_true 60 docker info || dock_skip "dockerd does not start: $(tail -n 1 "$DOCK_DIR/dockerd.log")"
  docker ps -aq | xargs -r docker rm -fv >/dev/null # of a run of ours that was killed
  docker network prune -f >/dev/null
  docker volume prune -f >/dev/null
}

# The base image, made once of Debian's own packages and without what slim images are without.
dock_base() {
  docker image inspect debian:bookworm-slim >/dev/null 2>&1 && return 0
  echo "# making the base image, once"
  debootstrap --variant=minbase bookworm "$DOCK_DIR/base" "$DOCK_MIRROR" >"$DOCK_DIR/debootstrap.log" 2>&1 8>&- ||
    dock_skip "debootstrap failed: $(tail -n 1 "$DOCK_DIR/debootstrap.log")"
  tar -C "$DOCK_DIR/base" --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' \
    --exclude='./var/cache/apt/archives/*.deb' --exclude='./var/lib/apt/lists/*' --exclude='./proc/*' --exclude='./sys/*' -c . |
    docker import - debian:bookworm-slim >/dev/null || dock_skip "the base image cannot be imported"
  rm -rf --one-file-system "$DOCK_DIR/base"
}

# dock_images: what every script runs, built once and found again by the next.
dock_images() {
  local began=$SECONDS stand_in
  for stand_in in redis postgres; do dock_build "stint-e2e-$stand_in" "$STINT_SOURCE/tests/e2e/docker/Dockerfile.$stand_in" "$STINT_SOURCE/tests/e2e/docker"; done
  dock_build stint-e2e:one "$STINT_SOURCE/docker/Dockerfile" "$STINT_SOURCE" --build-arg VERSION=one
  docker image prune -f >/dev/null
  docker builder prune -f --keep-storage 6GB >/dev/null # what was built of older sources
  echo "# images built in $((SECONDS - began)) s"
  export STINT_REDIS_IMAGE=stint-e2e-redis STINT_POSTGRES_IMAGE=stint-e2e-postgres STINT_IMAGE=stint-e2e:one
}
# dock_probes: the probe kind runs in the workers, with a short lease, to see quickly what becomes of a lost one; health is asked for often.
dock_probes() {
  cat >"$DOCK_DIR/override.yaml" <<'END'
services:
  redis: {healthcheck: {interval: 1s, retries: 100}}
  postgres: {healthcheck: {interval: 1s, retries: 100}}
  worker:
    healthcheck: {interval: 2s}
    environment: {STINT_KIND_PROBE_ENABLED: "yes", STINT_POOL_PROBE_KINDS: probe, STINT_POOL_PROBE_WORKERS: "2", STINT_SUPERVISOR_LEASE: 5s, STINT_SUPERVISOR_HEARTBEAT: 1s}
END
}
# dock_scale N: as many containers of the service worker
dock_scale() { dock_compose up -d --no-build --scale "worker=$1" >"$DOCK_DIR/up.log" 2>&1 || not_ok "scale to $1: $(tail -n 3 "$DOCK_DIR/up.log")"; }
dock_healthy() { [ "$(docker ps -q --filter health=healthy --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --filter "label=com.docker.compose.service=worker" | wc -l)" = "$1" ]; }
# dock_row MEMBER: of the probe queue
dock_row() { dock_stint queue stats probe --json | jq -r "{done: .ledger.done, dead, drift, instances, active: ([.bands[].active] | add)} | .$1"; }
dock_done() { [ "$(dock_row done)" = "$1" ]; }
# dock_load N PREFIX MS: N jobs of so many milliseconds
dock_load() { seq "$1" | sed "s/.*/{\"kind\":\"probe\",\"id\":\"$2-&\",\"payload\":{\"v\":1,\"do\":\"sleep\",\"ms\":$3}}/" | dock_stint enqueue --bulk - >/dev/null || not_ok "the load $2 was not taken"; }

# dock_build TAG DOCKERFILE CONTEXT [ARGS…]
dock_build() {
  local tag=$1 file=$2 context=$3
  shift 3
  docker build -q -t "$tag" -f "$file" "$@" "$context" >"$DOCK_DIR/build.log" 2>&1 ||
    { not_ok "the image $tag is not built: $(tail -n 3 "$DOCK_DIR/build.log")"; exit 1; }
}

dock_verdict() {
  echo "$checks checks, $failures failed"
  [ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
}
