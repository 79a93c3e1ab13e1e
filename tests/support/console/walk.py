"""What test_console.sh asks of a console, as a program and as a browser would. Arguments: PORT VIEWER OPERATOR ADMIN REDIS_SOCKET"""
import http.client
import json
import socket
import subprocess
import sys
import time

PORT, VIEWER, OPERATOR, ADMIN, REDIS = int(sys.argv[1]), *sys.argv[2:6]
checks = failures = 0


def check(what, seen, wanted):
    global checks, failures
    checks += 1
    if seen != wanted:
        failures += 1
        print(f"not ok - {what}: {seen!r}, wanted {wanted!r}")


def ask(method, path, token=None, body=None, headers=None, raw=None):
    c = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    h = dict(headers or {})
    if token:
        h["Authorization"] = "Bearer " + token
    data = raw
    if body is not None:
        data, h = json.dumps(body), {"Content-Type": "application/json", **h}
    c.request(method, path, data, h)
    answer = c.getresponse()
    text = answer.read()
    c.close()
    kind = answer.headers.get("Content-Type", "")
    parsed = json.loads(text) if text and "json" in kind else text
    if answer.status >= 400:
        check(f"{method} {path}: a problem", (kind, parsed.get("status")), ("application/problem+json", answer.status))
    return answer.status, parsed, answer.headers


def get(path, token=VIEWER):
    return ask("GET", "/api/v1/" + path, token)


def post(path, body, token=OPERATOR, **more):
    return ask("POST", "/api/v1/" + path, token, body, **more)


def redis(*words):
    return subprocess.run(["redis-cli", "--raw", "-s", REDIS, *words], capture_output=True, text=True, check=True).stdout.strip()


def until(what, true):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if true():
            return
    check(what, False, True)


def pages():
    status, text, headers = ask("GET", "/")
    check("the page", (status, b"<script type=" in text and b"<script>" not in text), (200, True))
    policy = headers["Content-Security-Policy"]
    check("no inline scripts are allowed", "default-src 'self'" in policy and "unsafe" not in policy, True)
    check("no frames", headers["X-Frame-Options"], "DENY")
    check("unchanged", ask("GET", "/app.js", headers={"If-None-Match": ask("GET", "/app.js")[2]["ETag"]})[0], 304)
    check("health", ask("GET", "/healthz")[:2], (200, {"status": "ok"}))


def session():
    check("nobody", ask("GET", "/api/v1/overview")[0], 401)
    check("a wrong token", post("session", {"token": "stint_wrong"}, None)[0], 401)
    status, who, headers = post("session", {"token": OPERATOR}, None)
    check("log in", (status, who["name"], who["role"]), (200, "olaf", "operator"))
    cookie = headers["Set-Cookie"]
    check("the cookie", all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/")) and OPERATOR not in cookie, True)
    mine = {"Cookie": cookie.split(";")[0]}
    check("a session reads", ask("GET", "/api/v1/session", headers=mine)[1]["name"], "olaf")
    body = {"reason": "lunch"}
    check("a change without the header", post("queues/other/pause", body, None, headers=mine)[0], 403)
    check("with another's", post("queues/other/pause", body, None, headers={**mine, "X-CSRF-Token": "0" * 64})[0], 403)
    right = {**mine, "X-CSRF-Token": who["csrf"]}
    check("from another site", post("queues/other/pause", body, None, headers={**right, "Origin": "https://evil.example"})[0], 403)
    check("with it", post("queues/other/pause", body, None, headers={**right, "Origin": f"http://127.0.0.1:{PORT}"})[1]["changed"], True)
    check("paused", get("queues/other")[1]["paused"], True)
    check("paused alerts", [a["queue"] for a in get("overview")[1]["alerts"] if a["what"] == "paused"], ["other"])
    check("resumed", post("queues/other/resume", {})[1]["changed"], True)
    check("log out", ask("DELETE", "/api/v1/session", headers=right)[0], 200)
    check("after that", ask("GET", "/api/v1/session", headers=mine)[0], 401)


def wrong_input():
    check("a viewer pauses", post("queues/probe/pause", {}, VIEWER)[0], 403)
    check("an operator purges", post("dead/purge", {"filter": {}, "expect": 1, "confirm": "purge 1"})[0], 403)
    for path, status in [("queues/nope", 404), ("queues/a%20b", 400), ("jobs/nope", 404), ("queues/probe/jobs/nope", 404), ("queues/probe/jobs?state=odd", 400),
                         ("queues/probe/jobs?limit=0", 400), ("queues/probe/jobs?limit=x", 400), ("queues/probe/jobs?after=zz", 400), ("dead?since=soon", 400),
                         ("queues/probe/jobs?state=scheduled&after=-1", 400), ("dead?code=NOPE", 400), ("dead?after=x", 400), ("dead?x=1", 400), ("dead?since=1h&until=2h", 400),
                         ("dead?archived=yes", 503), ("replays/nope", 404), ("audit?limit=5000", 400), ("audit?queue=a%20b", 400), ("nope", 404)]:
        check("GET " + path, get(path)[0], status)
    for path, body, status in [("queues/probe/pause", {"x": 1}, 400), ("queues/probe/pause", {"kind": 1}, 400), ("queues/probe/jobs/nope/cancel", {}, 404),
                               ("replays", {}, 400), ("replays", {"filter": {"x": "y"}}, 400), ("replays", {"ids": []}, 400), ("replays", {"ids": ["a b"]}, 400),
                               ("replays", {"filter": {}, "rate": "fast"}, 400), ("replays", {"filter": {}, "canary": -1}, 400), ("replays", {"filter": {"kind": "none"}}, 404),
                               ("replays", {"filter": {}, "canary": 2, "canary_failures": 2}, 400), ("replays/nope/pause", {}, 404), ("replays/nope/rate", {"rate": "x"}, 400),
                               ("dead/archive", {"filter": {}}, 400), ("dead/archive", {"filter": {}, "expect": 3, "confirm": "archive"}, 400),
                               ("dead/archive", {"expect": 3, "confirm": "archive 3"}, 400), ("dead/archive", {"filter": {}, "expect": 3, "confirm": "archive 3"}, 503)]:
        check(f"POST {path} {body}", post(path, body)[0], status)
    json_type = {"Content-Type": "application/json"}
    for raw in ("", "{", "[]", '"x"', '{"reason":"a","reason":"b"}'):
        check(f"the body {raw}", ask("POST", "/api/v1/queues/probe/pause", OPERATOR, raw=raw, headers=json_type)[0], 400)
    check("no JSON", ask("POST", "/api/v1/queues/probe/pause", OPERATOR, raw="a=b", headers={"Content-Type": "application/x-www-form-urlencoded"})[0], 400)
    check("too large", ask("POST", "/api/v1/queues/probe/pause", OPERATOR, raw=json.dumps({"reason": "x" * 300000}), headers=json_type)[0], 413)
    c = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)  # told before it is sent
    c.putrequest("POST", "/api/v1/queues/probe/pause")
    c.putheader("Authorization", "Bearer " + OPERATOR)
    c.putheader("Content-Length", str(9 << 20))
    c.endheaders()
    check("far too large", c.getresponse().status, 413)
    c.close()
    check("another method", ask("PUT", "/api/v1/overview", OPERATOR)[0], 405)
    check("nothing was paused", get("queues/probe")[1]["paused"], False)


def jobs():
    seen, after = [], ""
    while True:
        page = get("queues/probe/jobs?state=ready&limit=50" + after)[1]
        seen += [job["id"] for job in page["jobs"]]
        if page["next"] is None:
            break
        after = "&after=" + page["next"]
    check("every waiting job once, the active one not", sorted(seen), sorted(f"wait-{n}" for n in range(1, 131)))
    check("of a band", get("queues/probe/jobs?state=ready&band=high")[1]["jobs"], [])
    check("active", [(j["id"], j["consumer"]) for j in get("queues/probe/jobs?state=active")[1]["jobs"]], [("busy", "test:0:1")])
    first = get("queues/probe/jobs?state=scheduled&limit=1")[1]
    rest = get("queues/probe/jobs?state=scheduled&limit=5&after=" + first["next"])[1]
    check("scheduled", [j["id"] for j in first["jobs"] + rest["jobs"]], ["later-1", "later-2"])
    job = get("jobs/probe-dead-1")[1]
    check("a payload's secret", (job["payload"]["password"], job["payload"]["name"]), ("(hidden)", "<script>alert(1)</script>"))
    check("an error as it was written", (job["errors"][0]["message"], "next_step" in job), ("<img src=x onerror=alert(1)> no pdf", True))
    check("cancel", post("queues/probe/jobs/later-2/cancel", {"reason": "not needed"})[1]["state"], "cancelled")
    check("a viewer cancels", post("queues/probe/jobs/later-1/cancel", {}, VIEWER)[0], 403)
    poll = lambda tag="": ask("GET", "/api/v1/hosts", VIEWER, headers={"If-None-Match": tag})
    until("an unchanged poll", lambda: poll(poll()[2]["ETag"])[0] == 304)  # a lease may end between the two


def dead():
    ids = lambda path: [letter["id"] for letter in get(path)[1]["letters"]]
    check("all dead", sorted(ids("dead")), ["other-dead-1", "probe-dead-1", "probe-dead-2"])
    check("by code", sorted(ids("dead?code=NOT_PDF")), ["other-dead-1", "probe-dead-1"])
    check("by fingerprint and queue", ids("dead?fingerprint=aa11aa11aa11aa11&queue=other"), ["other-dead-1"])
    check("by text", ids("dead?match=ONERROR"), ["probe-dead-1"])
    check("since and until", (len(ids("dead?since=1h")), ids("dead?until=1h")), (3, []))
    one = get("dead?limit=1")[1]
    two = get("dead?limit=1&after=" + one["next"])[1]
    three = get("dead?limit=5&after=" + two["next"])[1]
    check("page by page", sorted(l["id"] for l in one["letters"] + two["letters"] + three["letters"]), ["other-dead-1", "probe-dead-1", "probe-dead-2"])
    groups = get("dead/triage")[1]["groups"]
    check("problems", [(g["fingerprint"], g["count"]) for g in groups], [("aa11aa11aa11aa11", 2), ("bb22bb22bb22bb22", 1)])
    check("a next step", all(g["next_step"] for g in groups), True)


def replay():
    status, begun, _ = post("replays", {"filter": {"code": "NOT_PDF"}, "rate": "50/s", "reason": "mended"})
    check("a replay begins", (status, begun["selected"]), (201, 2))
    run = begun["run"]
    parts = lambda: get("replays/" + run)[1]["parts"]
    until("both parts of the replay are done", lambda: [p["state"] for p in parts()] == ["done", "done"])
    check("replayed", sorted((p["queue"], p["replayed"], p["actor"]) for p in parts()), [("other", 1, "olaf@console"), ("probe", 1, "olaf@console")])
    check("the letter waits again", get("jobs/other-dead-1")[1]["state"], "ready")
    check("listed", run in [p["run"] for p in get("replays")[1]["runs"]], True)
    check("undo", post(f"replays/{run}/undo", {"reason": "too soon"})[1]["more"], False)
    check("it is dead again", get("jobs/other-dead-1")[1]["state"], "dead")
    status, begun, _ = post("replays", {"filter": {"queue": "probe"}, "canary": 1, "reason": "with a canary"})
    run = begun["run"]
    until("the canary is out", lambda: parts()[0]["replayed"] == 1)
    check("the rest waits for it", (parts()[0]["state"], parts()[0]["phase"]), ("running", "canary"))
    check("paused", post(f"replays/{run}/pause", {})[1]["parts"][0]["state"], "paused")
    check("another rate", post(f"replays/{run}/rate", {"rate": "5/s"})[0], 200)
    check("resumed", post(f"replays/{run}/resume", {})[1]["parts"][0]["state"], "running")
    check("cancelled", post(f"replays/{run}/cancel", {})[1]["parts"][0]["state"], "cancelled")
    check("pausing what has ended", post(f"replays/{run}/pause", {})[0], 409)


def audited():
    entries = get("audit?actor=olaf&limit=1000")[1]["entries"]
    done = {e["action"] for e in entries}
    check("what olaf did is in the log", {"pause", "resume", "cancel", "replay-undo", "replay-pause", "replay-resume", "replay-cancel"} - done, set())
    check("with his name", {e["actor"] for e in entries}, {"olaf@console"})


def slow_clients():
    """Two hundred that send a byte and wait: whoever sends a whole request is answered meanwhile."""
    slow = []
    for _ in range(200):
        s = socket.create_connection(("127.0.0.1", PORT), 60)
        s.sendall(b"G")
        slow.append(s)
    for _ in range(20):
        check("answered beside slow clients", get("overview")[0], 200)
    for s in slow:
        try:
            s.sendall(b"E")
        except ConnectionError:
            pass  # let go already, on a machine that takes its time
    check("and again", get("overview")[0], 200)
    for s in slow:  # each is closed by the console, whatever it goes on to send
        s.settimeout(60)
        try:
            check("a slow client is let go", s.recv(4096)[:15] in (b"", b"HTTP/1.1 408 Re", b"HTTP/1.0 408 Re"), True)
        except OSError as error:
            check("a slow client is let go", isinstance(error, ConnectionError), True)
        s.close()


def guesses():
    """Last: this address is shut out afterwards."""
    status = right = 0
    for _ in range(5):  # a minute that ends in the middle begins another
        for _ in range(25):
            status, _, headers = ask("GET", "/api/v1/overview", "stint_" + "0" * 64)
            if status == 429:
                break
        right = get("overview")[0]
        if right == 429:
            break
    check("guessing ends", (status, int(headers["Retry-After"]) > 0), (429, True))
    check("the right one too, for a minute", right, 429)


for step in (pages, session, wrong_input, jobs, dead, replay, audited, slow_clients, guesses):
    step()
print(f"walked {checks}")
sys.exit(failures > 0)
