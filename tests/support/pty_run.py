"""Runs a command on a terminal of its own: pty_run.py COLUMNS ROWS [--type TEXT] COMMAND… Prints what it wrote; exits with its code. TEXT is typed once
the command has asked something (a line that ends with a colon)."""
import fcntl
import os
import pty
import struct
import sys
import termios

columns, rows, words = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
typed = None
if words[0] == "--type":
    typed, words = words[1], words[2:]
go, gone = os.pipe()
pid, terminal = pty.fork()
if pid == 0:
    os.read(go, 1)  # the terminal has its size before the command looks
    os.execvp(words[0], words)
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
os.write(gone, b"x")
seen = b""
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    seen += piece
    sys.stdout.buffer.write(piece)
    if typed is not None and seen.rstrip().endswith(b":"):
        os.write(terminal, typed.encode() + b"\n")
        typed = None
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
