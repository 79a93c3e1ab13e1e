#!/bin/bash
# Why: the image is what a container's user gets: small, not root, stopped and watched rightly, with every program, and each of its words true.
# Refuses to: look at an image built in another way than by docker/Dockerfile.
set -u
# shellcheck source=tests/support/dock.sh
. "${STINT_SOURCE:?}/tests/support/dock.sh"
dock_start
dock_base
dock_images
compressed() { docker save "$1" | gzip | wc -c; }
image=$(compressed stint-e2e:one)
[ "$image" -lt 60000000 ] && ok "compressed with its base it is $((image / 1000000)) MB (the base alone: $(($(compressed debian:bookworm-slim) / 1000000)) MB)" ||
  not_ok "compressed it is $((image / 1000000)) MB, more than 60"
config() { docker inspect -f "{{json .Config}}" stint-e2e:one | jq -r "$1"; }
same "version" "$(config '.Labels["org.opencontainers.image.version"]')" one
same "title, description, licence and revision are told" "$(config '[.Labels | keys[] | select(startswith("org.opencontainers.image."))] | length')" 5
same "user, by number" "$(config .User)" 990:990
same "TERM, which drains, is what stops it" "$(config .StopSignal)" SIGTERM
same "health check" "$(config '.Healthcheck.Test | join(" ")')" "CMD stint health"

run() { docker run --rm "$@" 2>&1; }
grep -q "^usage: stint-supervisor " <<<"$(run stint-e2e:one --help)" && ok "stint-supervisor --help" || not_ok "stint-supervisor --help: $(run stint-e2e:one --help)"
same "stint --help" "$(run --entrypoint stint stint-e2e:one --help | grep -c '^ *enqueue')" 1
run stint-e2e:one --chekc >"$DOCK_DIR/usage.log"
same "a wrong flag is usage" $? 2
grep -q -- '--chekc' "$DOCK_DIR/usage.log" && ok "and is named" || not_ok "a wrong flag is not named: $(cat "$DOCK_DIR/usage.log")"
run stint-e2e:one --check >"$DOCK_DIR/check.log"
same "the configuration in it is valid" $? 0
run -e STINT_POOL_PDF_WORKERS=many stint-e2e:one --check >"$DOCK_DIR/check.log"
same "a wrong value in the environment is refused" $? 1
grep -q STINT_POOL_PDF_WORKERS "$DOCK_DIR/check.log" && ok "and the variable is named" || not_ok "the variable is not named: $(cat "$DOCK_DIR/check.log")"
programs() { sed -n 's/^install(TARGETS \(.*\) RUNTIME.*/\1/p' "$STINT_SOURCE/cmake/StintInstall.cmake" | tr ' ' '\n' | sort; }
[ "$(programs | wc -l)" -ge 7 ] || not_ok "the list of programs is not read"
same "every program that is installed is in it" "$(run --entrypoint sh stint-e2e:one -c 'ls /usr/bin /usr/libexec/stint' | grep '^stint' | sort | xargs)" "$(programs | xargs)"
same "no compiler, no source, no package list" "$(run --entrypoint sh stint-e2e:one -c 'ls -d /src /usr/bin/cc /usr/bin/gcc /var/lib/apt/lists/*Packages* 2>/dev/null')" ""

# Without any store: alive, not ready, and PID 1 does what a PID 1 must.
alone=$(docker run -d --read-only --tmpfs /tmp --tmpfs /run/stint --health-interval 1s stint-e2e:one)
state() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$alone")" = "$1" ]; }
until_true 90 state healthy && ok "a Redis that is away does not make it unhealthy" || not_ok "without Redis it is $(docker inspect -f '{{.State.Health.Status}}' "$alone")"
docker exec "$alone" stint health --ready >"$DOCK_DIR/ready.log" 2>&1 && not_ok "without Redis it calls itself ready" ||
  { grep -q redis_away "$DOCK_DIR/ready.log" && ok "but it is not ready, and says redis_away" || not_ok "not ready without redis_away: $(cat "$DOCK_DIR/ready.log")"; }
# A grandchild whose parent is gone falls to PID 1. It ends when told, so that it is seen alive first.
docker exec -d "$alone" sh -c '(sh -c "echo \$\$ >/tmp/orphan; until [ -e /tmp/end ]; do sleep 0.1; done") &'
orphan() { docker exec "$alone" sh -c 'cat /proc/$(cat /tmp/orphan)/stat' | awk -v want="$1" '$4 == want { found = 1 } END { exit !found }'; }
gone() { docker exec "$alone" sh -c '! [ -e /proc/$(cat /tmp/orphan) ]'; }
until_true 60 orphan 1 && ok "an orphan is PID 1's child" || not_ok "no orphan of PID 1"
docker exec "$alone" touch /tmp/end
until_true 60 gone && ok "and is reaped at its end" || not_ok "an orphan that ended is left as a zombie"
docker stop -t 60 "$alone" >/dev/null
same "docker stop ends it, not by force" "$(docker inspect -f '{{.State.ExitCode}}' "$alone")" 0
docker rm -fv "$alone" >/dev/null

# As the pod of kubernetes/base runs it: user and group by number, the configuration and the secret as files, folders open to the group.
pod="$DOCK_DIR/pod"
mkdir -p "$pod/secrets" "$pod/run" "$pod/state" "$pod/tmp"
chgrp 990 "$pod"/run "$pod"/state "$pod"/tmp && chmod 2777 "$pod"/run "$pod"/state "$pod"/tmp
python3 - "$STINT_SOURCE/kubernetes/base" "$pod" <<'END' || not_ok "the manifests cannot be read"
import pathlib, sys, yaml
base, pod = map(pathlib.Path, sys.argv[1:])
(pod / "stint.conf").write_text(yaml.safe_load((base / "config-map.yaml").read_text())["data"]["stint.conf"])
for name, text in yaml.safe_load((base / "secret.example.yaml").read_text())["stringData"].items():
    (pod / "secrets" / name).write_text(text)
END
chgrp -R 990 "$pod/secrets" && chmod 0440 "$pod"/secrets/*
alone=$(docker run -d --user 990:990 --group-add 990 --read-only --cap-drop ALL --security-opt no-new-privileges --memory 2g --cpus 2 \
  -v "$pod/stint.conf:/etc/stint/stint.conf:ro" -v "$pod/secrets:/etc/stint/secrets:ro" -v "$pod/run:/run/stint" -v "$pod/state:/var/lib/stint" -v "$pod/tmp:/tmp" \
  -e STINT_SUPERVISOR_INSTANCE=stint-worker-7d9f-x2x stint-e2e:one)
answers() { [ "$(curl -sS --noproxy '*' --max-time 10 -o "$DOCK_DIR/answer" -w '%{http_code}' "http://$(docker inspect -f '{{.NetworkSettings.IPAddress}}' "$alone"):9464$1")" = "$2" ]; }
until_true 90 answers /healthz 200 && ok "as the pod runs it: /healthz says 200" || not_ok "as the pod runs it: $(docker logs "$alone" 2>&1 | tail -n 2)"
until_true 60 answers /readyz 503 && grep -q redis_away "$DOCK_DIR/answer" && ok "and /readyz 503, for no Redis is there" || not_ok "/readyz: $(cat "$DOCK_DIR/answer")"
grep -q 'stint-worker-7d9f-x2x' <<<"$(docker exec "$alone" stint status 2>&1)" && ok "the instance bears the pod's name" || not_ok "status: $(docker exec "$alone" stint status 2>&1 | head -n 2)"
docker rm -fv "$alone" >/dev/null
dock_verdict
