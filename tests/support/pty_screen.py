"""Plays a person before a terminal: pty_screen.py COLUMNS ROWS COMMAND… reads steps from standard input, a line each, and does them in order.

  see TEXT      the screen shows TEXT within 60 s
  gone TEXT     the screen no longer shows TEXT within 60 s
  type KEYS     keys, with Python's escapes (\\x1b[C is the right arrow)
  size C R      the window has another size from now on
  shot          prints the screen
  end CODE      the command ends with CODE within 60 s, and the terminal is as it was

The screen is what a terminal would show of what was written, for the few sequences a live view needs; another sequence, or text beyond the right
edge while lines wrap, is a failure. Exits 1 at the first step that fails, with the screen."""
import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

DEADLINE_S = 60
SEQUENCE = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])")


class Screen:
    def __init__(self, columns, rows):
        self.modes = {}
        self.beyond = ""
        self.strange = ""
        self.rest = ""
        self.cells = []
        self.resize(columns, rows)
        self.row = self.column = 0

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        kept = [line[:columns] + [" "] * (columns - len(line)) for line in self.cells[:rows]]
        self.cells = kept + [[" "] * columns for _ in range(rows - len(kept))]
        self.row = self.column = 0

    def text(self):
        return "\n".join("".join(line).rstrip() for line in self.cells)

    def put(self, character):
        if self.column >= self.columns:
            if not self.modes.get("7", True):
                return  # it was asked not to wrap: the rest of the line is not shown
            self.beyond = self.beyond or "".join(self.cells[self.row])
            return
        self.cells[self.row][self.column] = character
        self.column += 1

    def sequence(self, private, numbers, final):
        if private and final in "hl":
            self.modes[numbers] = final == "h"
        elif final == "H" and not numbers:
            self.row = self.column = 0
        elif final == "K" and not numbers:
            self.cells[self.row][self.column:] = [" "] * (self.columns - self.column)
        elif final == "J" and not numbers:
            self.cells[self.row][self.column:] = [" "] * (self.columns - self.column)
            for row in range(self.row + 1, self.rows):
                self.cells[row] = [" "] * self.columns
        elif final != "m":
            self.strange = self.strange or f"{private}{numbers}{final}"

    def write(self, text):
        text, self.rest = self.rest + text, ""
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                match = SEQUENCE.match(text, at)
                if match is None and len(text) - at < 20:
                    self.rest = text[at:]
                    return
                if match is None:
                    self.strange = self.strange or repr(text[at:at + 8])
                    at += 1
                    continue
                self.sequence(*match.groups())
                at = match.end()
                continue
            if text[at] == "\r":
                self.column = 0
            elif text[at] == "\n":
                if self.row == self.rows - 1:
                    self.cells = self.cells[1:] + [[" "] * self.columns]
                else:
                    self.row += 1
            elif text[at] >= " ":
                self.put(text[at])
            at += 1


class Person:
    def __init__(self, columns, rows, words):
        go, gone = os.pipe()
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.read(go, 1)  # the terminal has its size before the command looks
            os.execvp(words[0], words)
        self.screen = Screen(columns, rows)
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.code = None
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.terminal)[3]
        os.write(gone, b"x")

    def resize(self, columns, rows):
        self.screen.resize(columns, rows)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def listen(self, seconds):
        """Takes what is written within that time; False when nothing will come any more."""
        if not select.select([self.terminal], [], [], seconds)[0]:
            return True
        try:
            piece = os.read(self.terminal, 65536)
        except OSError:
            return False
        self.screen.write(self.decoder.decode(piece))
        return bool(piece)

    def until(self, true, what):
        deadline = time.monotonic() + DEADLINE_S
        while not true():
            left = deadline - time.monotonic()
            if left <= 0 or not self.listen(min(left, 0.5)):
                if true():
                    return
                self.fail(f"{what}: not within {DEADLINE_S} s, or it ended before")

    def fail(self, why):
        print(f"not ok - {why}\n{self.screen.text()}")
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        sys.exit(1)

    def ended(self):
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid != 0:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None

    def end(self, code):
        deadline = time.monotonic() + DEADLINE_S
        # What it writes last is taken first: a full terminal would hold it up.
        while not self.ended() and time.monotonic() < deadline:
            if not self.listen(0.1):
                time.sleep(0.01)  # its output is closed: only its end is left
        if not self.ended():
            self.fail("it does not end")
        while time.monotonic() < deadline + DEADLINE_S and self.listen(1):
            pass  # what it wrote last is still in the terminal
        if self.code != code:
            self.fail(f"it ended with {self.code}, not {code}")
        left_on = [mode for mode, on in self.screen.modes.items() if on != (mode in ("25", "7"))]
        if left_on:
            self.fail(f"the terminal was left with modes {left_on} changed")

    def step(self, line):
        word, _, rest = line.partition(" ")
        if word == "see":
            self.until(lambda: rest in self.screen.text(), f'"{rest}" is not shown')
        elif word == "gone":
            self.until(lambda: rest not in self.screen.text(), f'"{rest}" is still shown')
        elif word == "type":
            os.write(self.terminal, rest.encode().decode("unicode_escape").encode("latin-1"))
        elif word == "size":
            self.resize(*(int(n) for n in rest.split()))
        elif word == "shot":
            print(self.screen.text())
        elif word == "end":
            self.end(int(rest))
        else:
            self.fail(f"no such step: {line}")
        if self.screen.strange or self.screen.beyond:
            self.fail(f"after \"{line}\": a sequence no terminal is asked for here: {self.screen.strange!r}; text beyond the edge: {self.screen.beyond!r}")


person = Person(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
for step in sys.stdin.read().splitlines():
    if step.strip():
        person.step(step)
if person.code is None:
    person.fail("the steps ended before the command")
