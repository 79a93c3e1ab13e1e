#!/bin/bash
# Why: a new user has a clone, a Docker Engine and docs/operations/docker.md. Every block of that page is typed here word by word, in one
# shell, in a copy that holds what a clone holds. No registry is at hand: images of the names that compose.yaml uses are there already.
# Refuses to: type anything that is not on the page.
set -u
# shellcheck source=tests/support/dock.sh
. "${STINT_SOURCE:?}/tests/support/dock.sh"
git -C "$STINT_SOURCE" rev-parse >/dev/null 2>&1 || dock_skip "$STINT_SOURCE is no git checkout: what a clone holds is not known"
dock_start
dock_base
dock_images
dock_compose_v2 || { dock_verdict; exit 77; }
for target in prometheus alertmanager; do
  dock_build "stint-e2e-$target" "$STINT_SOURCE/tests/e2e/docker/Dockerfile.prometheus" "$STINT_SOURCE/tests/e2e/docker" --target "$target"
done
dock_build stint-e2e-grafana "$STINT_SOURCE/tests/e2e/docker/Dockerfile.grafana" "$STINT_SOURCE/tests/e2e/docker"
unset STINT_IMAGE STINT_REDIS_IMAGE STINT_POSTGRES_IMAGE
images=$(docker compose -f "$STINT_SOURCE/docker/compose.yaml" --profile monitoring config --images)
for name in redis postgres prometheus alertmanager grafana; do
  image=$(grep "$name:" <<<"$images") && docker tag "stint-e2e-$name" "$image" || not_ok "compose.yaml names no image of $name"
done
# The page's ports may be somebody's here.
export STINT_PROMETHEUS_PORT=0 STINT_GRAFANA_PORT=0 STINT_CONSOLE_PORT=0
clone="$DOCK_DIR/clone"
mkdir "$clone" "$DOCK_DIR/blocks"
git -C "$STINT_SOURCE" ls-files -z --cached --others --exclude-standard | (cd "$STINT_SOURCE" && xargs -0 ls -d 2>/dev/null | tar -c -T -) | tar -C "$clone" -x
python3 "$STINT_SOURCE/tests/support/doc_commands.py" "$clone/docs/operations/docker.md" docker --split "$DOCK_DIR/blocks" >"$DOCK_DIR/blocks.list"
blocks=$(wc -l <"$DOCK_DIR/blocks.list")
[ "$blocks" -ge 8 ] && ok "$blocks blocks" || not_ok "only $blocks blocks were found"
same "none is meant to fail" "$(grep -cv ' 0$' "$DOCK_DIR/blocks.list")" 0

# One shell for all, which stops at the first command that fails and says where.
cut -d ' ' -f 1,2 "$DOCK_DIR/blocks.list" >"$DOCK_DIR/blocks.order"
cd "$clone" || exit 1
# shellcheck disable=SC2016 # the inner shell expands
timeout --signal=KILL 900 bash -c '
  set -Eeuo pipefail
  trap "echo FAILED: \$BASH_COMMAND" ERR
  while read -r block line <&9; do
    echo "== docs/operations/docker.md:$line"
    . "$block"
  done 9<"$0"
  echo "== typed to its end"' "$DOCK_DIR/blocks.order" </dev/null >"$DOCK_DIR/typed.log" 2>&1
code=$?
same "the page is typed to its end" "$code $(tail -n 1 "$DOCK_DIR/typed.log")" "0 == typed to its end" || true
[ "$code" = 0 ] || tail -n 30 "$DOCK_DIR/typed.log" | sed 's/^/#   /'
# printed WHAT TEXT: a command printed what the page leads to expect
printed() { grep -q -- "$2" "$DOCK_DIR/typed.log" && ok "$1" || { not_ok "$1: no '$2' in what was printed"; }; }
printed "status was shown" "supervisor  running: "
printed "the producer's people are in the queue's list" "^match "
printed "the limits that were set are told" "memory 1024 MiB.*CPU 1.50"
printed "Prometheus sees a container" 'up{instance="[^"]*:9464", job="stint"} => 1'
printed "the configuration of Alertmanager is valid" "SUCCESS"
printed "the console serves, for one token" '"port":9465,"tokens":1'
printed "the labels were shown" '"org.opencontainers.image.title":"stint"'
same "nothing is left" "$(docker ps -aq)$(docker volume ls -q --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME")" ""
dock_verdict
