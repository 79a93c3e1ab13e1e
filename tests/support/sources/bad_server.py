#!/usr/bin/env python3
"""Web servers that misbehave on purpose, for tests of stint-fetch. Loopback only.

bad_server.py FOLDER: writes FOLDER/ca.pem, prints one line of JSON with the ports, then serves until its standard input ends.
  http, http2   plain, 127.0.0.1 (http on [::1] too, as http6)
  tls           certificate for localhost and 127.0.0.1, of the private authority ca.pem
  tls_expired, tls_wrong  the same, expired; for another name
  closed        a port nobody listens at
"""
import gzip, json, os, socket, ssl, struct, subprocess, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

PDF = b"%PDF-1.4\n" + b"stint test document\n" * 500
STOP = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        if "Content-Length" not in headers and "Transfer-Encoding" not in headers:
            headers["Content-Length"] = str(len(body))
        for k, v in headers.items():
            self.send_header(k, v)
        self.end_headers()
        self.wfile.write(body)

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def do_GET(self):
        url = urlparse(self.path)
        query = parse_qs(url.query)
        name = url.path.strip("/").split("/")
        try:
            getattr(self, "get_" + name[0].replace("-", "_"), self.get_missing)(name[1:], query)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def get_ok(self, rest, query):
        self.answer(200, PDF)

    def get_echo(self, rest, query):  # a document that holds the request
        self.answer(200, b"%PDF-1.4\n" + self.requestline.encode() + b"\n" + bytes(self.headers))

    def get_chunked(self, rest, query):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for at in range(0, len(PDF), 1000):
            self.chunk(PDF[at:at + 1000])
        self.wfile.write(b"0\r\n\r\n")

    def get_endless(self, rest, query):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.chunk(b"%PDF-1.4\n")
        while not STOP.is_set():
            self.chunk(b"x" * 65536)

    def get_endless_close(self, rest, query):  # no length, no chunks
        self.close_connection = True
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"%PDF-1.4\n")
        while not STOP.is_set():
            self.wfile.write(b"x" * 65536)

    def get_big(self, rest, query):  # /big/MIB
        self.send_response(200)
        self.send_header("Content-Length", str(int(rest[0]) << 20))
        self.end_headers()
        piece = b"%PDF-1.4\n" + b"stint" * 13105 + b"!!"
        assert len(piece) == 65536
        for _ in range(int(rest[0]) * 16):
            self.wfile.write(piece)

    def get_slow(self, rest, query):
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        while not STOP.wait(0.2):
            self.wfile.write(b"%")
            self.wfile.flush()

    def get_silent(self, rest, query):
        STOP.wait()

    def get_short(self, rest, query):
        self.close_connection = True
        self.answer(200, PDF[:500], Content_Length=str(len(PDF)))

    def get_huge(self, rest, query):
        self.answer(200, PDF, Content_Length="99999999999")

    def get_bad_length(self, rest, query):
        self.answer(200, PDF, Content_Length="-5")

    def get_to(self, rest, query):
        self.answer(int(query.get("status", ["302"])[0]), b"moved", Location=query["to"][0])

    def get_loop(self, rest, query):
        self.answer(302, Location="/loop")

    def get_hops(self, rest, query):
        n = int(rest[0])
        self.answer(302, Location="/hops/%d" % (n - 1)) if n > 0 else self.get_ok(rest, query)

    def get_gzip(self, rest, query):
        self.answer(200, gzip.compress(PDF), Content_Encoding="gzip")

    def get_bomb(self, rest, query):  # 50 MiB that pass as 50 KiB
        body = gzip.compress(b"%PDF-1.4\n" + bytes(50 << 20))
        self.close_connection = True
        self.answer(200, body, Transfer_Encoding="gzip")

    def get_status(self, rest, query):
        headers = {"Retry_After": query["after"][0]} if "after" in query else {}
        body = query.get("body", ["<Error><Code>NoSuchKey</Code></Error>"])[0].encode()
        self.answer(int(rest[0]), b"" if rest[0] in ("204", "304") else body, **headers)

    def get_part(self, rest, query):
        self.answer(206, PDF[:100], Content_Range="bytes 0-99/%d" % len(PDF))

    def get_empty(self, rest, query):
        self.answer(200)

    def get_notpdf(self, rest, query):  # begins as anything, and would not end
        self.send_response(200)
        self.send_header("Content-Length", "50000")
        self.end_headers()
        self.wfile.write(b"<html>" * 200)
        self.wfile.flush()
        STOP.wait(60)

    def get_reset(self, rest, query):
        self.send_response(200)
        self.send_header("Content-Length", str(len(PDF)))
        self.end_headers()
        self.wfile.write(PDF[:2000])
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def get_headers(self, rest, query):
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for i in range(100000):
            self.wfile.write(b"X-%d: %s\r\n" % (i, b"y" * 1000))

    def get_one_header(self, rest, query):  # one that does not end
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not STOP.is_set():
            self.wfile.write(b"y" * 65536)

    def get_http09(self, rest, query):
        self.close_connection = True
        self.wfile.write(PDF)

    def get_cookie(self, rest, query):
        self.answer(302, Location="/echo", Set_Cookie="session=secret; Path=/")

    def get_continue(self, rest, query):  # informational answers without end
        self.close_connection = True
        while not STOP.is_set():
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n")

    def get_missing(self, rest, query):
        self.answer(404, b"no such page")


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


class Server6(Server):
    address_family = socket.AF_INET6


def serve(server):
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server.server_address[1]


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def certificate(folder, name, alt, days):
    base = os.path.join(folder, name)
    ca = os.path.join(folder, "ca")
    with open(base + ".ext", "w") as f:
        f.write("subjectAltName=" + alt)
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", base + ".key", "-out", base + ".csr", "-subj", "/CN=" + name)
    openssl("x509", "-req", "-in", base + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key", "-days", str(days), "-extfile", base + ".ext", "-out", base + ".pem")
    return base


def tls(folder, name, alt, days):
    base = certificate(folder, name, alt, days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(base + ".pem", base + ".key")
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return serve(server)


def main():
    folder = sys.argv[1]
    ca = os.path.join(folder, "ca")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", ca + ".key", "-out", ca + ".pem", "-subj", "/CN=stint test", "-days", "2")
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else's
    ports = {
        "http": serve(Server(("127.0.0.1", 0), Handler)),
        "http2": serve(Server(("127.0.0.1", 0), Handler)),
        "tls": tls(folder, "good", "DNS:localhost,IP:127.0.0.1", 2),
        "tls_expired": tls(folder, "expired", "DNS:localhost,IP:127.0.0.1", -1),
        "tls_wrong": tls(folder, "wrong", "DNS:other.example", 2),
        "closed": closed.getsockname()[1],
    }
    try:
        ports["http6"] = serve(Server6(("::1", 0), Handler))
    except OSError:
        ports["http6"] = 0
    print(json.dumps(ports), flush=True)
    sys.stdin.read()
    STOP.set()


main()
