#!/usr/bin/env bash
# Why: pages that only their author has seen work on his machine. Debian's chromium walks through them, in light, dark and at a phone's width; what a job wrote is text
# there, whatever it looks like. STINT_PICTURES names a folder that keeps what it saw.
set -u
CHROMIUM=$(command -v chromium || command -v chromium-browser) || { echo "skip - test_console_browser: no chromium"; exit 77; }
command -v node >/dev/null && command -v npm >/dev/null || { echo "skip - test_console_browser: no node or npm"; exit 77; }
VERSION=1.48.2
CACHE=${STINT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/stint}/playwright-core-$VERSION
if [ ! -e "$CACHE/done" ]; then # once; then kept
  making=$(mktemp -d)
  npm install --silent --no-audit --no-fund --prefix "$making" "playwright-core@$VERSION" >/dev/null 2>&1 ||
    { rm -rf "$making"; echo "skip - test_console_browser: npm cannot fetch playwright-core"; exit 77; }
  touch "$making/done"
  mkdir -p "$(dirname "$CACHE")"
  mv -T "$making" "$CACHE" 2>/dev/null || rm -rf "$making" # another run was faster
fi
. "${STINT_SOURCE:?}/tests/support/ctl.sh"
CONSOLE_PID=
trap '[ -n "$CONSOLE_PID" ] && kill "$CONSOLE_PID" 2>/dev/null && wait "$CONSOLE_PID"; ctl_end' EXIT
ctl_start_redis
printf '[kind.probe]\nenabled = yes\n[metrics]\nenabled = no\n[console]\nport = 0\n[pool.a]\nqueue = planted\nkinds = probe\n' >"$STINT_CONFIG"
run 0 console token add root --role admin
TOKEN=$OUT
run 0 enqueue probe --queue planted --id planted-1 --payload '{"v":1,"name":"<script>alert(1)</script>"}'
kill_job planted NOT_PDF '<img src=x onerror=alert(2)> was planted' aa11aa11aa11aa11
# an id that is none: a plain entry of another client, found by whoever looks at the queue
redis XADD 'stint:{planted}:s:low' '*' id '<img src=x onerror=alert(3)>' kind '<b>probe</b>' payload '{"v":1}' >/dev/null
"$STINT_BUILD/bin/stint-console" --config "$STINT_CONFIG" 2>"$CTL_DIR/console.log" &
CONSOLE_PID=$!
told() { [ -s "$CTL_DIR/console.port" ]; }
deadline=$((SECONDS + 60))
while ! told && [ $SECONDS -lt $deadline ]; do read -r -t 0.05 <> <(:); done
node "$STINT_SOURCE/tests/support/console/browser.cjs" "$CACHE/node_modules/playwright-core" "$CHROMIUM" "http://127.0.0.1:$(cat "$CTL_DIR/console.port")/" "$TOKEN" \
  "${STINT_PICTURES:-}" >"$CTL_DIR/browser" 2>&1
walked=$?
cat "$CTL_DIR/browser"
checks=$((checks + 1))
[ "$walked" -eq 0 ] && grep -q '^browser done$' "$CTL_DIR/browser" || { failures=$((failures + 1)); echo "not ok - the browser's walk: exit code $walked"; }
ctl_finish
