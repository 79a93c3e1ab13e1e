"""Puts a kept run, or several with measures of their own (the first one's machine is told), into the documentation: its table between the marks of docs/performance.md, its picture as docs/peers.svg.
Usage: python3 bench/compare/publish.py build/bench/run-….ndjson…"""
import json
import os
import sys

import picture
import summary

BEGIN, END = "<!-- bench/run: begin -->\n", "<!-- bench/run: end -->\n"


def main():
    docs = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")
    lines = []
    for path in sys.argv[1:]:
        with open(path, encoding="utf8") as kept:
            lines += [json.loads(line) for line in kept]
    run = summary.Run(lines)
    page = os.path.join(docs, "performance.md")
    with open(page, encoding="utf8") as text:
        before, _, rest = text.read().partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        sys.exit(f"{page}: the marks of bench/run are not there")
    with open(page, "w", encoding="utf8") as text:
        text.write(before + BEGIN + "\n".join(summary.as_markdown(run)) + "\n" + END + after)
    with open(os.path.join(docs, "peers.svg"), "w", encoding="utf8") as drawing:
        drawing.write(picture.draw(run))


if __name__ == "__main__":
    main()
