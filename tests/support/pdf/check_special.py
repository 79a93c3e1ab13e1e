"""Reads special documents and says which are read wrongly. Usage: check_special.py STINT_PARSER"""
import sys

import special
import tables
from parser_client import Parser
from timetables import differences


def main():
    parser, tried, bad = Parser(sys.argv[1]), 0, 0

    def failed(name, why):
        nonlocal bad
        bad += 1
        print("not ok - %s: %s" % (name, why))
    for name, data, wanted in special.words():
        code, reply, _ = parser.parse(data, expect="text")
        found = " ".join(w["text"] for w in reply["words"]) if code == "OK" else "%s %s" % (code, reply)
        tried += 1
        if wanted is None or found != wanted:
            failed(name, "%r, not %r" % (found, wanted))
    for name, data, sheet, options in special.timetables():
        code, reply, _ = parser.parse(data, **options)
        wrong = differences(reply, sheet) if code == "OK" else ["%s %s" % (code, reply)]
        tried += 1
        if wrong:
            failed(name, "; ".join(wrong[:3]))
    for name, data, wanted, options in special.refusals():
        code, reply, _ = parser.parse(data, **dict({"expect": "text"}, **options))
        tried += 1
        if code != wanted:
            failed(name, "%s, not %s: %s" % (code, wanted, reply))
    for name, data, wanted in tables.documents():
        code, reply, _ = parser.parse(data, expect="table")
        found = [[cell["text"] for cell in row["cells"]] for row in reply["rows"]] if code == "OK" else [[code, reply]]
        tried += 1
        if found != wanted:
            at = next((i for i, (a, b) in enumerate(zip(found, wanted)) if a != b), min(len(found), len(wanted)))
            failed("table: " + name, "%d rows, not %d; row %d: %r, not %r" % (len(found), len(wanted), at, found[at:at + 1], wanted[at:at + 1]))
    parser.close()
    print("%d special documents, %d read wrongly" % (tried, bad))
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
