#!/usr/bin/env bash
# source.s3 end to end: a stack, and a server of the S3 protocol that verifies signatures (a fork of s3rver, from npm; the original verifies no version 4). The objects are put there by botocore, an
# implementation of its own. Also: what a job may not have, by name; and no secret in what is logged or kept.
set -u
: "${STINT_SOURCE:?}" "${STINT_BUILD:?}"
S3RVER=5.0.0
skip() { echo "skip - $1: $2"; exit 77; }
command -v npm >/dev/null || skip "source.s3" "needs npm"
/usr/bin/python3 -c 'import botocore' 2>/dev/null || skip "source.s3" "needs Debian's python3-botocore"
modules="${STINT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/stint}/s3rver-20minutes-$S3RVER"
if [ ! -d "$modules/node_modules/@20minutes/s3rver" ]; then
  mkdir -p "$modules" && (cd "$modules" && npm install --no-audit --no-fund "@20minutes/s3rver@$S3RVER" >npm.log 2>&1) || skip "source.s3" "npm cannot install s3rver (see $modules/npm.log)"
fi

# shellcheck source=tests/support/stack.sh
. "$STINT_SOURCE/tests/support/stack.sh"
S3="" LATER="" SECRET=S3RVER
s3_end() {
  local code=$?
  [ -n "$LATER" ] && kill "$LATER" 2>/dev/null && wait "$LATER" 2>/dev/null
  [ -n "$S3" ] && kill "$S3" 2>/dev/null && wait "$S3" 2>/dev/null
  (exit "$code") # what stack_end ends with: the verdict, not how a server took its TERM
  stack_end
}
trap s3_end EXIT

# A free port is asked of the kernel; another process taking it meanwhile shows as a server that does not come up.
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
endpoint="http://127.0.0.1:$port"
mkdir "$STACK_DIR/s3"
NODE_PATH="$modules/node_modules" node "$STINT_SOURCE/tests/support/sources/s3_server.cjs" "$STACK_DIR/s3" "$port" docs private >"$STACK_DIR/s3.log" 2>&1 &
S3=$!
until_true 60 grep -q up "$STACK_DIR/s3.log" || { not_ok "the S3 server is up"; cat "$STACK_DIR/s3.log"; stack_verdict; exit 1; }
"$STINT_BUILD/bin/stint-pdfgen" --kind test --rows 9 --out "$STACK_DIR/t.pdf"
/usr/bin/python3 "$STINT_SOURCE/tests/support/sources/s3_objects.py" "$endpoint" docs "$STACK_DIR/t.pdf" >"$STACK_DIR/keys" 2>"$STACK_DIR/keys.err"
same "objects are there" "$(wc -l <"$STACK_DIR/keys")" 11
[ -s "$STACK_DIR/keys.err" ] && tail -3 "$STACK_DIR/keys.err"

printf '%s\n' "$SECRET" >"$STACK_DIR/secret"
export STINT_PDF_S3_ENDPOINT=$endpoint STINT_PDF_S3_BUCKETS=docs STINT_PDF_S3_ACCESS_KEY=S3RVER STINT_PDF_S3_SECRET_KEY_FILE="$STACK_DIR/secret"
export STINT_KIND_PDF_PARSE_ATTEMPTS=1 STINT_POOL_PDF_KINDS=pdf-parse STINT_POOL_PDF_WORKERS=1
stack_up >"$STACK_DIR/up.log" || { not_ok "the stack is up"; cat "$STACK_DIR/up.log"; stack_verdict; exit 1; }

# job ID SOURCE: enqueues; sets STATE and JOB once it ended.
ended() { JOB=$("$STINT" --json job show "$1" --dir "$STACK_DIR" 2>/dev/null) && case "$JOB" in *'"state":"done"'*|*'"state":"dead"'*) return 0 ;; esac; return 1; }
job() {
  JOB=""
  redis FCALL stint_enqueue 1 'stint:{pdf}' "{\"kind\":\"pdf-parse\",\"id\":\"$1\"}" "{\"v\":1,\"source\":$2}" >/dev/null
  local deadline=$((SECONDS + 60))
  until ended "$1"; do [ $SECONDS -lt $deadline ] || break; pause 0.05; done
}
done_job() { job "$1" "$2"; case "$JOB" in *'"state":"done"'*) ok "$3" ;; *) not_ok "$3: ${JOB:0:600}" ;; esac; }
dead_job() { # ID SOURCE CODE WHAT
  job "$1" "$2"
  case "$JOB" in *'"state":"dead"'*"\"code\":\"$3\""*) ok "$4: $3" ;; *) not_ok "$4: expected $3: ${JOB:0:600}" ;; esac
}

n=0
while read -r object; do
  n=$((n + 1))
  done_job "s$n" "{\"s3\":$object,\"size\":$(stat -c %s "$STACK_DIR/t.pdf"),\"sha256\":\"$(sha256sum "$STACK_DIR/t.pdf" | cut -d' ' -f1)\"}" "parsed: $object"
done <"$STACK_DIR/keys"
done_job u1 '{"s3":"s3://docs/in/2026/exams.pdf"}' "parsed: s3://docs/in/2026/exams.pdf"
dead_job m1 '{"s3":"s3://docs/nothing.pdf"}' SOURCE_MISSING "no such key"
case "$JOB" in *NoSuchKey*) ok "the server's own code is told" ;; *) not_ok "the server's own code is told: $JOB" ;; esac
dead_job m2 '{"s3":"s3://private/exams.pdf"}' SOURCE_REFUSED "a bucket that is not allowed"
dead_job m3 '{"s3":"s3://docs/notes.txt"}' NOT_PDF "no PDF"
dead_job m4 '{"s3":"s3://docs/exams.pdf","size":1}' HASH_MISMATCH "another length"
dead_job m5 '{"s3":{"bucket":"../x","key":"k"}}' BAD_PAYLOAD "a bucket that is a path"
dead_job m6 "{\"url\":\"$endpoint/docs/exams.pdf?X-Amz-Signature=TOPSECRET\"}" SOURCE_REFUSED "the storage's address by URL"

# A presigned link, as producers use it: signed by botocore, fetched as a URL that is allowed by its host and port.
link=$(/usr/bin/python3 - "$endpoint" <<'PY'
import sys, botocore.session
from botocore.config import Config
c = botocore.session.get_session().create_client("s3", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="S3RVER",
    aws_secret_access_key="S3RVER", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
print(c.generate_presigned_url("get_object", Params={"Bucket": "docs", "Key": "a b.pdf"}, ExpiresIn=600))
PY
)
export STINT_PDF_S3_SECRET_KEY=wrong # given directly, it wins over the file
unset STINT_PDF_S3_SECRET_KEY_FILE
# A server that asks to come later, by an hour less than the kind's longest delay.
cat >"$STACK_DIR/later.py" <<'PY'
import http.server
class Later(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(429)
        self.send_header("Retry-After", "1800")
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Later)
print(server.server_address[1], flush=True)
server.serve_forever()
PY
/usr/bin/python3 "$STACK_DIR/later.py" >"$STACK_DIR/later.port" &
LATER=$!
until_true 60 test -s "$STACK_DIR/later.port"
later=$(cat "$STACK_DIR/later.port")
export STINT_PDF_URL=list STINT_PDF_URL_ALLOW="127.0.0.1:$port, 127.0.0.1:$later" STINT_PDF_URL_HTTP=yes STINT_PDF_URL_PRIVATE_RANGES="127.0.0.1:$port, 127.0.0.1:$later"
export STINT_KIND_PDF_PARSE_ATTEMPTS=2
"$STINT" down --dir "$STACK_DIR" >/dev/null 2>&1
stack_up >"$STACK_DIR/up.log" || not_ok "the stack is up again"
done_job p1 "{\"url\":\"$link\"}" "a presigned link is fetched"
dead_job p2 "{\"url\":\"${link%????}beef\"}" SOURCE_REFUSED "a presigned link that was changed"
dead_job w1 '{"s3":"s3://docs/exams.pdf"}' SOURCE_REFUSED "signed with another secret"
case "$JOB" in *SignatureDoesNotMatch*) ok "the server's own code is told" ;; *) not_ok "the server's own code is told: $JOB" ;; esac
signature=$(echo "$link" | sed 's/.*X-Amz-Signature=//; s/&.*//')

# What a server asks for by Retry-After is the least delay of the retry.
redis FCALL stint_enqueue 1 'stint:{pdf}' '{"kind":"pdf-parse","id":"l1"}' "{\"v\":1,\"source\":{\"url\":\"http://127.0.0.1:$later/x.pdf?TOPSECRET\"}}" >/dev/null
waits() { due=$("$STINT" --json job show l1 --dir "$STACK_DIR" 2>/dev/null | jq -r '.due_ms // 0'); [ "$due" -gt $(($(now_ms) + 1500000)) ] && [ "$due" -lt $(($(now_ms) + 1900000)) ]; }
until_true 60 waits && ok "Retry-After is the least delay of a retry" || not_ok "Retry-After: due $due, now $(now_ms): $("$STINT" --json job show l1 --dir "$STACK_DIR" | cut -c1-700)"

# Secrets: the key, the links' signatures and whole queries, in logs, errors, the process list.
fetchers=$(for p in $(worker_pids); do children_of "$p" stint-fetch; done)
[ -n "$fetchers" ] && ok "stint-fetch runs below its worker" || not_ok "stint-fetch runs below its worker"
leaks=0
for pid in $fetchers $(worker_pids); do
  tr '\0' '\n' <"/proc/$pid/cmdline" | grep -q -e "$signature" -e X-Amz && leaks=$((leaks + 1))
done
for pid in $fetchers; do tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -q -e S3 -e POSTGRES -e REDIS && leaks=$((leaks + 1)); done
grep -rq -e "X-Amz" -e "$signature" -e TOPSECRET "$STACK_DIR/log" && leaks=$((leaks + 1))
same "secrets in logs, arguments and stint-fetch's environment" "$leaks" 0
errors=$("$STINT" --json job show p2 --dir "$STACK_DIR" | jq -c '.errors' 2>/dev/null)
case "$errors" in *X-Amz*|"") not_ok "no query in the error of p2: $errors" ;; *) ok "no query in the error of p2" ;; esac
"$STINT" config print --dir "$STACK_DIR" 2>/dev/null | grep -q '^s3_secret_key = \*\*\*$' && ok "config print hides the secret key" || not_ok "config print hides the secret key"
stack_verdict
