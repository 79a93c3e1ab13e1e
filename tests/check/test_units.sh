#!/usr/bin/env bash
# Why: two units run the same program with the same walls; a wall that is taken down or put up in one only is a hole, or a pool that fails as a unit alone.
set -u
cd "${STINT_SOURCE:?}/systemd" || exit 1
OWN='Description|Documentation|Environment|EnvironmentFile|ExecStart|ExecReload|RuntimeDirectory|RuntimeDirectoryPreserve|StateDirectory|ReadWritePaths'
planted=$(mktemp -d) && trap 'rm -rf "$planted"' EXIT
failures=0
settings() { grep -E '^(\[|[A-Z][A-Za-z]*=)' "$1" | grep -vE "^($OWN)="; }
alike() { diff <(settings stint-supervisor.service) <(settings "$1"); }

for key in ProtectHome KillMode; do
  grep -v "^$key=" stint@.service >"$planted/unit"
  if alike "$planted/unit" >/dev/null; then echo "not ok - a template without $key= is not found out"; failures=$((failures + 1)); fi
done
n=$(settings stint-supervisor.service | wc -l)
if [ "$n" -gt 40 ] && alike stint@.service; then
  echo "ok - $n settings are the same in both units"
else
  echo "not ok - the units differ (< stint-supervisor.service, > stint@.service), or are nearly empty: $n settings"
  failures=$((failures + 1))
fi
[ "$failures" -eq 0 ]
