#!/usr/bin/env python3
"""A name server that lies, and a web server on every address of this (private) network namespace. Port 53 and 80.

names_server.py: prints "ready", serves until its standard input ends, then prints the local addresses at which web requests arrived, one a line.
"""
import socket, socketserver, struct, sys, threading

PUBLIC = "93.184.216.34"
TABLE = {
    "public.test": [("A", PUBLIC)],
    "private.test": [("A", "127.0.0.1")],
    "meta.test": [("A", "169.254.169.254")],
    "mixed.test": [("A", "127.0.0.1"), ("A", PUBLIC)],
    "mapped.test": [("AAAA", "::ffff:127.0.0.1")],
    "loop6.test": [("AAAA", "::1")],
    "nat64.test": [("AAAA", "64:ff9b::7f00:1")],
    "cname.test": [("CNAME", "private.test"), ("A", "127.0.0.1")],
    "many.test": [("A", "127.0.0.%d" % i) for i in range(1, 25)],
}
TYPES = {"A": 1, "CNAME": 5, "AAAA": 28}
asked = {}
hits = []


def name_of(text):
    return b"".join(bytes([len(p)]) + p.encode() for p in text.split(".")) + b"\0"


def data_of(kind, value):
    if kind == "A":
        return socket.inet_pton(socket.AF_INET, value)
    return socket.inet_pton(socket.AF_INET6, value) if kind == "AAAA" else name_of(value)


def answer(query):
    at, parts = 12, []
    while query[at]:
        parts.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
        at += query[at] + 1
    name, wanted = ".".join(parts).lower(), struct.unpack(">H", query[at + 1:at + 3])[0]
    question = query[12:at + 5]
    if name == "hang.test":
        return None
    if name == "garbage.test":
        return query[:2] + bytes(range(256)) * 2
    rows = TABLE.get(name)
    if name == "rebind.test":
        if wanted == 1:
            asked[name] = asked.get(name, 0) + 1
        rows = [("A", PUBLIC if asked.get(name, 0) <= 1 else "127.0.0.1")]
    records, n = b"", 0
    owner = name
    for kind, value in rows or []:
        if TYPES[kind] in (wanted, 5):
            data = data_of(kind, value)
            records += name_of(owner) + struct.pack(">HHIH", TYPES[kind], 1, 0, len(data)) + data
            n += 1
            owner = value if kind == "CNAME" else owner
    return query[:2] + struct.pack(">HHHHH", 0x8180 if rows else 0x8183, 1, n, 0, 0) + question + records


class Names(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        reply = answer(data)
        if reply is not None:
            sock.sendto(reply, self.client_address)


class Web(socketserver.StreamRequestHandler):
    def handle(self):
        hits.append(self.request.getsockname()[0])
        while self.rfile.readline().strip():
            pass
        body = b"%PDF-1.4\n" + hits[-1].encode()
        self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


class Web4(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class Web6(Web4):
    address_family = socket.AF_INET6

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()


for server in (socketserver.ThreadingUDPServer(("127.0.0.1", 53), Names), Web4(("0.0.0.0", 80), Web), Web6(("::", 80), Web)):
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
print("\n".join(hits), flush=True)
