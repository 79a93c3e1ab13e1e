#!/usr/bin/env python3
"""The commands that the operators' pages show, for the tests that run them.

Every fenced block of docs/operations/*.md stands under a mark that says which test runs it:

    <!-- run: RING -->      RING: stack, package, vm, docker, kubernetes, backup; the block is fenced as ```sh
    <!-- run: RING exit=1 -->       its last command is meant to end with this code
    <!-- run: RING follow -->       it goes on until it is interrupted
    <!-- run: example -->   output, or a file's content; never a command

Usage:
    doc_commands.py FILE RING            the ring's blocks, one after the other, each under a comment with page and line
    doc_commands.py FILE RING --split DIR    each block as a file of DIR; prints "FILE LINE EXIT|follow" a line
    doc_commands.py --check FILE...      what is wrong, a line each, then "looked N" with the number of blocks
    doc_commands.py --inline STINT FILE...    `stint …` in running text: verbs and options that this stint does not have, then "looked N"
"""
import pathlib
import re
import subprocess
import sys

RINGS = ("stack", "package", "vm", "docker", "kubernetes", "backup", "example")
MARK = re.compile(r"^\s*<!--\s*run:\s*(.*?)\s*-->\s*$")
FENCE = re.compile(r"^(\s*)(`{3,}|~{3,})\s*(\S*)\s*$")
COMMAND = re.compile(r"^\s*(\$ |(sudo |runuser .*-- )?(stint|systemctl|journalctl|apt-get|docker|kubectl|redis-cli|psql|curl|jq|cmake) )")

EARLY_END = re.compile(r"\|\s*(head\b|grep -\w*[qm])")


class Block:
    """One fenced block: where it stands, its mark's words, its language and its text."""

    def __init__(self, path, line, mark, language, indent):
        self.path, self.line, self.language, self.indent = path, line, language, indent
        self.marked = mark is not None
        words = (mark or "").split()
        self.ring = words[0] if words else ""
        self.options = words[1:]
        self.lines = []

    @property
    def ending(self):
        for word in self.options:
            if word == "follow":
                return word
            if word.startswith("exit="):
                return word.removeprefix("exit=")
        return "0"

    @property
    def text(self):
        return "".join(line.removeprefix(self.indent) + "\n" for line in self.lines)

    def faults(self):
        if not self.marked:
            yield "no mark '<!-- run: RING -->' right above the block"
            return
        if self.ring not in RINGS:
            yield f"run: {self.ring or 'nothing'}; it is one of {', '.join(RINGS)}"
        for word in self.options:
            if word != "follow" and not re.fullmatch(r"exit=\d{1,3}", word):
                yield f"'{word}' is neither exit=N nor follow"
        if not self.text.strip():
            yield "an empty block"
        if self.ring == "example":
            if self.language in ("sh", "bash", "console"):
                yield f"an example is output or a file, and is not fenced as {self.language}"
            for line in self.lines:
                if COMMAND.match(line):
                    yield f"a command in a block that nobody runs: {line.strip()}"
        elif self.language != "sh":
            yield f"commands are fenced as ```sh, not as ```{self.language}"
        elif EARLY_END.search(self.text):
            yield "what ends before its input does (head, grep -q) fails its pipe on some days; sed -n '1,5p' reads it all"


def blocks_of(path):
    """The fenced blocks of a page, in order. An unclosed one is an error."""
    blocks, block, closing, mark = [], None, None, None
    for number, line in enumerate(pathlib.Path(path).read_text(encoding="utf-8").splitlines(), 1):
        fence = FENCE.match(line)
        if block is not None:
            if fence and fence[2] == closing and not fence[3]:
                blocks.append(block)
                block = None
            else:
                block.lines.append(line)
            continue
        if fence:
            block, closing = Block(path, number, mark, fence[3], fence[1]), fence[2]
        found = MARK.match(line)
        mark = found[1] if found else None
    if block is not None:
        sys.exit(f"{path}:{block.line}: a fenced block that is not closed")
    return blocks


def check(paths):
    looked = 0
    for path in paths:
        for block in blocks_of(path):
            looked += 1
            for fault in block.faults():
                print(f"{path}:{block.line}: {fault}")
    print(f"looked {looked}")


class Verbs:
    """What the command line has: its verbs, and the options of each, as it tells them itself."""

    def __init__(self, stint):
        self.stint, self.options = stint, {}
        told = subprocess.run([stint, "help"], capture_output=True, text=True, check=True).stdout
        self.verbs = {tuple(re.split(r" [A-Z\[]", verb)[0].split()) for verb in re.findall(r"^  ([a-z][^\n]*?)(?:  .*)?$", told, re.M)}

    def has_option(self, verb, option):
        if verb not in self.options:
            self.options[verb] = subprocess.run([self.stint, *verb, "--help"], capture_output=True, text=True, check=True).stdout
        return re.search(rf"(?<!\S){re.escape(option)}(?![\w-])", self.options[verb]) is not None

    def fault(self, words):
        """What is wrong with a command, or nothing. "stint dlq" alone, the name of a group, is fine."""
        length = max((n for n in range(1, len(words) + 1) if tuple(words[:n]) in self.verbs), default=0)
        if not length:
            group = any(verb[: len(words)] == tuple(words) for verb in self.verbs)
            return None if not words or group or not re.match(r"[a-z]", words[0]) else "no such verb"
        for word in words[length:]:
            option = re.match(r"--[a-z][a-z-]*", word)
            if option and not self.has_option(tuple(words[:length]), option[0]):
                return f"no option {option[0]}"
        return None


def check_inline(stint, paths):
    verbs, looked = Verbs(stint), 0
    for path in paths:
        fenced = False
        for number, line in enumerate(pathlib.Path(path).read_text(encoding="utf-8").splitlines(), 1):
            if FENCE.match(line):
                fenced = not fenced
            for command in [] if fenced else re.findall(r"`stint ([^`]*)`", line):
                looked += 1
                fault = verbs.fault(command.split())
                if fault:
                    print(f"{path}:{number}: stint {command}: {fault}")
    print(f"looked {looked}")


def show(path, ring, folder):
    for block in blocks_of(path):
        if block.ring != ring or ring == "example":
            continue
        if folder is None:
            print(f"# {path}:{block.line}\n{block.text}", end="")
            continue
        out = pathlib.Path(folder) / f"{pathlib.Path(path).stem}-{block.line}.sh"
        out.write_text(block.text, encoding="utf-8")
        print(out, block.line, block.ending)


def main(words):
    if words[:1] == ["--check"] and len(words) > 1:
        check(words[1:])
    elif words[:1] == ["--inline"] and len(words) > 2:
        check_inline(words[1], words[2:])
    elif len(words) == 2 and words[1] in RINGS:
        show(words[0], words[1], None)
    elif len(words) == 4 and words[1] in RINGS and words[2] == "--split":
        show(words[0], words[1], words[3])
    else:
        sys.exit(__doc__)


main(sys.argv[1:])
