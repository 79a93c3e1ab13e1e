"""Talks to stint-parser as a worker does (common/parser_proto.h): one zygote, a sealed cell a document."""
import json
import os
import signal
import socket
import struct
import subprocess

PARSE, CANCEL, READY, REPORT_MAGIC = 2, 3, 1, 0x53504431
REQUEST = struct.Struct("<IIQQIIQIII32s128s4xQ")
REPORT = struct.Struct("<IIQiIIIIII4xQ480s72s80s")
EXITS = {71: "MEM_LIMIT", 72: "SANDBOX_VIOLATION", 73: "DECOMPRESSION_LIMIT"}
MIB = 1 << 20


class Parser:
    """One zygote. parse() returns (code, reply or message, report); code is "OK" or a failure's name."""

    def __init__(self, program):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket = ours
        ours.settimeout(120)  # a request the zygote cannot read is never answered
        self.process = subprocess.Popen([program], preexec_fn=lambda: os.dup2(theirs.fileno(), 3), close_fds=False)
        theirs.close()
        if REPORT.unpack(self.socket.recv(REPORT.size))[1] != READY:
            raise RuntimeError("stint-parser did not come up")
        self.next = 1

    def parse(self, data, expect="auto", password="", pages=100, memory=256 * MIB, cpu=20, wall=20000):
        self.next += 1
        request = REQUEST.pack(REPORT_MAGIC, PARSE, self.next, memory, cpu, wall, 64 * MIB, pages, 0, 0, expect.encode(), password.encode(), 128 * MIB)
        document, reply = os.memfd_create("document"), os.memfd_create("reply")
        try:
            os.write(document, data)
            socket.send_fds(self.socket, [request], [document, reply])
            report = REPORT.unpack(self.socket.recv(REPORT.size))
            return self.answer(report, reply)
        finally:
            os.close(document)
            os.close(reply)

    @staticmethod
    def answer(report, fd):
        status = report[3]
        measured = {"wall_us": report[8], "cpu_us": report[9], "rss": report[10]}
        if report[4]:
            return "TIMEOUT", "", measured
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            name = {signal.SIGXCPU: "CPU_LIMIT", signal.SIGSYS: "SANDBOX_VIOLATION"}.get(number, "CRASH")
            return name, signal.Signals(number).name, measured
        if os.WEXITSTATUS(status) != 0:
            return EXITS.get(os.WEXITSTATUS(status), "CRASH"), "exit %d" % os.WEXITSTATUS(status), measured
        size = os.fstat(fd).st_size
        reply = json.loads(os.pread(fd, size, 0)[8:])
        if "error" in reply:
            return reply["error"]["code"], reply["error"]["message"], measured
        return "OK", reply, measured

    def alive(self):
        return self.process.poll() is None

    def memory(self):
        """Resident bytes of the zygote."""
        with open("/proc/%d/statm" % self.process.pid) as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def close(self):
        self.socket.close()
        self.process.wait(10)
