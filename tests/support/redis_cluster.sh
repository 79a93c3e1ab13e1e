# A Redis Cluster of a script's own: N masters and a replica of each, on free ports of 127.0.0.1, in one private folder. Sourced after ctl.sh.
# Ends only what it started.
#
#   cluster_start [MASTERS]      everything up, all slots given out, every replica in step; sets STINT_REDIS_URL, STINT_REDIS_NODES
#   node N COMMAND…              asks node N (0 … MASTERS - 1 are the first masters, then their replicas)
#   holder SLOT                  number of the node that is the slot's master
#   cluster_end
# shellcheck shell=bash
CLUSTER_DIR="$CTL_DIR/cluster"
CLUSTER_PIDS=() CLUSTER_PORTS=() CLUSTER_IDS=() CLUSTER_MASTERS=3
# A node that is slow for a while is no dead one: only who tries a death sets this lower.
CLUSTER_NODE_TIMEOUT=60000

free_ports() { # N: of the ports below those that the kernel gives out by itself
  python3 - "$1" <<'PY'
import random, socket, sys
def free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
found = []
while len(found) < int(sys.argv[1]):
    port = random.randrange(12000, 22000)
    if port not in found and port + 10000 not in found and free(port) and free(port + 10000):
        found.append(port)
print(*found)
PY
}

node() { local n=$1; shift; redis-cli --raw -h 127.0.0.1 -p "${CLUSTER_PORTS[$n]}" "$@" 2>/dev/null; }
node_answers() { [ "$(node "$1" PING)" = PONG ]; }
node_launch() { # N
  mkdir -p "$CLUSTER_DIR/$1"
  redis-server --port "${CLUSTER_PORTS[$1]}" --bind 127.0.0.1 --dir "$CLUSTER_DIR/$1" --cluster-enabled yes --cluster-config-file nodes.conf \
    --cluster-node-timeout "$CLUSTER_NODE_TIMEOUT" --cluster-require-full-coverage no --cluster-replica-validity-factor 0 --appendonly no \
    --save '' --repl-diskless-sync-delay 0 --logfile "$CLUSTER_DIR/$1/log" >/dev/null 2>&1 &
  CLUSTER_PIDS[$1]=$!
}
node_kill() { kill -9 "${CLUSTER_PIDS[$1]}" 2>/dev/null; wait "${CLUSTER_PIDS[$1]}" 2>/dev/null; unset "CLUSTER_PIDS[$1]"; }
node_knows() { [ "$(node "$1" CLUSTER NODES | grep -c connected)" -ge "$2" ] && [ "$(node "$1" CLUSTER INFO | tr -d '\r' | sed -n 's/^cluster_state://p')" = ok ]; }
node_replicates() { [ "$(node "$1" CLUSTER REPLICATE "$2")" = OK ]; }
node_follows() { node "$1" INFO replication | grep -q 'master_link_status:up'; }
number_of() { local n; for n in "${!CLUSTER_IDS[@]}"; do [ "${CLUSTER_IDS[$n]}" = "$1" ] && echo "$n"; done; }
holder() { # SLOT [ASKED]
  local port
  port=$(redis-cli --raw -h 127.0.0.1 -p "${CLUSTER_PORTS[${2:-0}]}" CLUSTER NODES 2>/dev/null | python3 -c '
import sys
for line in sys.stdin:
    words = line.split()
    if "master" not in words[2] or "fail" in words[2].replace("fail?", ""): continue
    for r in words[8:]:
        if r.startswith("["): continue
        first, _, last = r.partition("-")
        if int(first) <= int(sys.argv[1]) <= int(last or first): print(words[1].split("@")[0].split(":")[1])' "$1")
  local n
  for n in "${!CLUSTER_PORTS[@]}"; do [ "${CLUSTER_PORTS[$n]}" = "$port" ] && echo "$n" && return 0; done
  return 1
}
slot_of() { node 0 CLUSTER KEYSLOT "stint:{$1}"; }

cluster_try() {
  local n all=$((2 * CLUSTER_MASTERS)) share=$((16384 / CLUSTER_MASTERS))
  read -r -a CLUSTER_PORTS <<<"$(free_ports "$all")"
  for n in $(seq 0 $((all - 1))); do node_launch "$n"; done
  for n in $(seq 0 $((all - 1))); do
    until node_answers "$n"; do
      kill -0 "${CLUSTER_PIDS[$n]}" 2>/dev/null || return 1
      read -r -t 0.05 _ <> <(:) || true
    done
    CLUSTER_IDS[n]=$(node "$n" CLUSTER MYID)
  done
  for n in $(seq 1 $((all - 1))); do node 0 CLUSTER MEET 127.0.0.1 "${CLUSTER_PORTS[$n]}" >/dev/null; done
  for n in $(seq 0 $((CLUSTER_MASTERS - 1))); do
    node "$n" CLUSTER SET-CONFIG-EPOCH $((n + 1)) >/dev/null
    node "$n" CLUSTER ADDSLOTSRANGE $((n * share)) $((n == CLUSTER_MASTERS - 1 ? 16383 : (n + 1) * share - 1)) >/dev/null
  done
}
cluster_start() {
  local n all
  CLUSTER_MASTERS=${1:-3} all=$((2 * CLUSTER_MASTERS))
  for _ in 1 2 3 4 5; do cluster_try && break; cluster_end; done
  for n in $(seq 0 $((all - 1))); do until_true node_knows "$n" "$all" || return 1; done
  for n in $(seq "$CLUSTER_MASTERS" $((all - 1))); do
    until_true node_replicates "$n" "${CLUSTER_IDS[$((n - CLUSTER_MASTERS))]}" || return 1
  done
  for n in $(seq "$CLUSTER_MASTERS" $((all - 1))); do until_true node_follows "$n" || return 1; done
  export STINT_REDIS_CLUSTER=yes STINT_REDIS_URL="redis://127.0.0.1:${CLUSTER_PORTS[0]}"
  export STINT_REDIS_NODES="127.0.0.1:${CLUSTER_PORTS[1]} 127.0.0.1:${CLUSTER_PORTS[$CLUSTER_MASTERS]}"
}
cluster_end() {
  local n
  for n in "${!CLUSTER_PIDS[@]}"; do node_kill "$n"; done
  rm -rf "$CLUSTER_DIR"
}
