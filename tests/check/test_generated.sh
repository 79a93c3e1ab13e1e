#!/usr/bin/env bash
# Pages made from tables are what the tables make now; and an installed tree has every program in its place.
set -u
SOURCE=${STINT_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
BUILD=${STINT_BUILD:-$SOURCE/build/dev}
SCRATCH=$(mktemp -d)
trap 'rm -rf "$SCRATCH"' EXIT
failures=0
verdict() { if [ "$1" = 0 ]; then echo "ok - $2"; else echo "not ok - $2"; failures=$((failures + 1)); fi; }

"$BUILD/bin/stint" config reference >"$SCRATCH/config.md"
lines=$(wc -l <"$SCRATCH/config.md")
(echo planted; cat "$SCRATCH/config.md") | cmp -s - "$SOURCE/docs/config.md" && verdict 1 "config.md: a planted difference is seen"
[ "$lines" -gt 50 ] && diff "$SOURCE/docs/config.md" "$SCRATCH/config.md"
verdict $? "docs/config.md is what stint config reference prints ($lines lines)"

DESTDIR="$SCRATCH/root" cmake --install "$BUILD" --prefix /usr >"$SCRATCH/install.log" 2>&1
verdict $? "cmake --install"
for f in bin/stint bin/stint-supervisor libexec/stint/stint-worker libexec/stint/stint-parser libexec/stint/stint-fetch libexec/stint/stint-relay lib/systemd/system/stint-supervisor.service lib/systemd/system/stint@.service; do
  [ -e "$SCRATCH/root/usr/$f" ]; verdict $? "installed: /usr/$f"
done
[ "$failures" -eq 0 ]
