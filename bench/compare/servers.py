"""The servers that are compared on: one private Redis for everybody who speaks Redis, a private beanstalkd. Standard library alone."""
import os
import socket

from children import Failed, cpu_seconds, wait_until


class Resp:
    """A connection to Redis that waits for each answer."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def send(self, *words):
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))

    def read(self):
        line = self.file.readline()
        if not line:
            raise Failed("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Failed(f"Redis answered {rest.decode(errors='replace')}")
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))] if rest != b"-1" else None
        return int(rest) if kind == b":" else rest

    def call(self, *words):
        self.send(*words)
        return self.read()

    def close(self):
        self.file.close()
        self.socket.close()


class Redis:
    """AOF everysec, no snapshots, no rewrite but the one between two visits, no eviction; a Unix socket alone."""

    def __init__(self, folder, children):
        self.path = os.path.join(folder, "redis.sock")
        self.child = children.start("redis", ["redis-server", "--port", "0", "--unixsocket", self.path, "--dir", folder, "--save", "",
                                              "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction",
                                              "--auto-aof-rewrite-percentage", "0"])
        self.link = None
        wait_until("redis-server", self.reached)

    def reached(self):
        """Whether it listens and has read its log."""
        try:
            self.link = self.link or Resp(self.path)
            return self.call("PING") == b"PONG"
        except (OSError, Failed):
            return False

    def call(self, *words):
        return self.link.call(*words)

    def info(self, section):
        text = self.call("INFO", section).decode()
        return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)

    def cpu_s(self):
        """Processor time of the main thread, which runs the commands."""
        info = self.info("cpu")
        return float(info["used_cpu_user_main_thread"]) + float(info["used_cpu_sys_main_thread"])

    def log_bytes(self):
        return int(self.info("persistence")["aof_current_size"])

    def data_bytes(self):
        """Memory without the buffers of clients and of the log."""
        info = self.info("memory")
        return int(info["used_memory"]) - int(info["mem_clients_normal"]) - int(info["mem_aof_buffer"])

    def waiting_clients(self):
        return int(self.info("clients")["blocked_clients"])

    def clear(self):
        """Empty, with a log of nothing: no system pays for the one before."""
        self.call("FLUSHALL")
        self.call("FUNCTION", "FLUSH")
        self.call("BGREWRITEAOF")
        wait_until("the rewrite of Redis' log", lambda: self.info("persistence")["aof_rewrite_in_progress"] == "0" and
                   self.info("persistence")["aof_rewrite_scheduled"] == "0")
        self.call("CONFIG", "RESETSTAT")

    def close(self):
        if self.link:
            self.link.close()


class Beanstalkd:
    """Its own server, with its binlog synced once a second, on a port of the loopback: it has no Unix socket for clients."""

    def __init__(self, folder, children):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.logs = os.path.join(folder, "binlog")
        os.makedirs(self.logs, exist_ok=True)
        self.child = children.start("beanstalkd", ["beanstalkd", "-l", "127.0.0.1", "-p", str(self.port), "-b", self.logs, "-f", "1000"])
        wait_until("beanstalkd", self.reached)
        self.file = self.socket.makefile("rb")

    def reached(self):
        self.socket = socket.socket()
        self.socket.settimeout(60)
        if self.socket.connect_ex(("127.0.0.1", self.port)) == 0:
            return True
        self.socket.close()
        return False

    def stats(self):
        self.socket.sendall(b"stats\r\n")
        size = int(self.file.readline().split()[1])
        text = self.file.read(size + 2).decode()
        return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)

    def cpu_s(self):
        return cpu_seconds([self.child.pid])

    def put(self, body):
        self.socket.sendall(b"put 1024 0 600 %d\r\n%s\r\n" % (len(body), body))
        return self.file.readline()

    def waiting_clients(self):
        return int(self.stats()["current-waiting"])

    def close(self):
        self.file.close()
        self.socket.close()
