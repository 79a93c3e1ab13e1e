# What the Docker scripts of the e2e ring share: a Docker Engine of the test's own with its images, and the product's image built by its own
# Dockerfile. Sourced, not run. Needs STINT_SOURCE, root, and the packages of PACKAGES_E2E. Images are kept in $DOCK_CACHE
# between runs; containers, networks and volumes are not. Touches no other Docker Engine.
# shellcheck shell=bash
DOCK_CACHE=${STINT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/stint}
DOCK_MIRROR=${STINT_DEBIAN_MIRROR:-http://deb.debian.org/debian}
DOCK_DIR=$(mktemp -d "${TMPDIR:-/tmp}/stint-dock-XXXXXX")
DOCK_ROOT="$DOCK_CACHE/docker"
DOCK_PID=""
export DOCKER_HOST="unix://$DOCK_DIR/docker.sock" COMPOSE_PROJECT_NAME="stint-e2e-$$" COMPOSE_IGNORE_ORPHANS=1
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
    dock_compose down -v -t 5 >/dev/null 2>&1
    kill "$DOCK_PID" 2>/dev/null
    wait "$DOCK_PID" 2>/dev/null
    umount "$DOCK_DIR"/exec/netns/* 2>/dev/null # the engine leaves its own there
  fi
  rm -rf "$DOCK_DIR"
  exit "$code"
}
trap dock_end EXIT
trap 'exit 130' INT TERM

dock_compose() { (cd "$STINT_SOURCE/docker" && docker-compose -f compose.yaml -f "$DOCK_DIR/override.yaml" "$@"); }
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
  docker ps -aq | xargs -r docker rm -f >/dev/null # of a run of ours that was killed
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

# dock_build TAG DOCKERFILE CONTEXT [ARGS…]
dock_build() {
  local tag=$1 file=$2 context=$3
  shift 3
  DOCKER_BUILDKIT=0 docker build -q --network host -t "$tag" -f "$file" "$@" "$context" >"$DOCK_DIR/build.log" 2>&1 ||
    { not_ok "the image $tag is not built: $(tail -n 3 "$DOCK_DIR/build.log")"; exit 1; }
}

dock_verdict() {
  echo "$checks checks, $failures failed"
  [ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
}
