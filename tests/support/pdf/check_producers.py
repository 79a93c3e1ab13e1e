"""Documents of producers that are not this project's, drawn here and read by stint-parser, compared field by field with what was drawn.
Usage: check_producers.py STINT_PARSER. Says what it looked at; exits 1 when one document is read wrongly."""
import random
import subprocess
import sys
import tempfile

import browser_page
import report_writer
from parser_client import Parser
from timetables import Maker, differences

KINDS = ("lecture", "test", "exam")
FOOT = [(41, 20, 8, "Printed on 12 Nov 2025 08:00"), (700, 20, 8, "Page {page} of {pages}")]
NAME = [(41, 575, 10, "u12345678 J Soap"), (600, 575, 10, "12 Nov 2025 08:00")]
DRAWN = [{"borders": b} for b in ("fill", "stroke", "shade", "outer", "none")] + [
    {"text": t, "borders": b} for t in ("word", "glyph", "kern") for b in ("fill", "none")] + [
    {"order": "line"}, {"middle": True}, {"repeat_header": True, "first": 12, "next": 20}, {"form": True}, {"rotate": 90}, {"rotate": 270},
    {"blanks": False}, {"crop": (20, 15, 830, 580)}, {"gap": 0}, {"close_row": False}, {"keep": True, "first": 15, "next": 15}, {"shift": 7.3},
    {"foot": FOOT}, {"foot": FOOT, "borders": "none"}, {"foot": [(x, y, 10, t) for x, y, _, t in FOOT], "borders": "none"}, {"foot": NAME}]
SENTENCE = "All times are subject to change without notice; consult the faculty office before the first week."
LOCKS = (["40"], ["128", "--use-aes=n"], ["128", "--use-aes=y"], ["256"])
NAMED = {"OK", "EMPTY_FILE", "NOT_PDF", "CORRUPT_PDF", "PASSWORD_REQUIRED", "UNSUPPORTED_ENCRYPTION", "TOO_MANY_PAGES", "DECOMPRESSION_LIMIT", "NO_TEXT",
         "UNRECOGNISED_FORMAT", "TYPE_MISMATCH", "MISSING_COLUMNS", "NO_EVENTS", "TIMEOUT", "CPU_LIMIT", "MEM_LIMIT"}


class Check:
    def __init__(self, parser):
        self.parser, self.tried, self.bad = parser, 0, 0

    def one(self, name, sheet, data):
        self.tried += 1
        code, reply, _ = self.parser.parse(data)
        wrong = [code + " " + str(reply)] if code != "OK" else differences(reply, sheet)
        if wrong:
            self.bad += 1
            print("not ok - %s: %s" % (name, "; ".join(wrong[:4])))

    def said(self, what):
        print("%d documents %s, %d read wrongly" % (self.tried, what, self.bad))
        bad, self.tried, self.bad = self.bad, 0, 0
        return bad


def drawn(check, kind, seed, rows, options):
    sheet = Maker(kind, seed).sheet(rows)
    writer = report_writer.Writer(sheet, **options)
    sheet["outside"] = [text.format(page=p + 1, pages=len(writer.parts)) for p in range(len(writer.parts))
                        for _, y, _, text in options.get("foot", []) if p > 0 or y < 500]
    check.one("%s %s %s" % (kind, seed, options), sheet, writer.draw())


def breaks(check, kind):
    """A page break after every line of the table, the first page's and later ones'."""
    for borders in ("fill", "none"):
        sheet = Maker(kind, 11).sheet(6)
        for first in range(1, min(sum(len(row["cells"][0]) for row in sheet["rows"]) + 2, 24)):
            for following in (None, max(first, 4)):
                check.one("%s break %s %s %s" % (kind, borders, first, following), sheet,
                          report_writer.draw(sheet, borders=borders, first=first + 0.5, next=following))


def locked(check, kind):
    sheet = Maker(kind, 7).sheet(15)
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/a.pdf", "wb") as f:
            f.write(report_writer.draw(sheet))
        ways = [["--allow-weak-crypto", "--encrypt", "", "owner"] + how + ["--"] for how in LOCKS]
        for way in ways + [["--linearize"], ["--object-streams=generate"], ["--object-streams=disable", "--stream-data=uncompress"]]:
            subprocess.run(["qpdf"] + way + [folder + "/a.pdf", folder + "/b.pdf"], check=True)
            with open(folder + "/b.pdf", "rb") as f:
                check.one("%s %s" % (kind, way), sheet, f.read())


def damaged(parser):
    """Cut and bent files: each ends in a result or a name, and the parser lives."""
    numbers, tried, bad = random.Random(3), 0, 0
    for kind in KINDS:
        whole = report_writer.draw(Maker(kind, 5).sheet(12), compress=numbers.randrange(2))
        pieces = [whole[:len(whole) * k // 100] for k in range(0, 100, 5)]
        for i in range(40):
            bent = bytearray(whole)
            for _ in range(1 + i % 20):
                bent[numbers.randrange(len(bent))] ^= 1 << numbers.randrange(8)
            pieces.append(bytes(bent))
        for piece in pieces:
            code, why, _ = parser.parse(piece, cpu=5)
            tried += 1
            if code not in NAMED or not parser.alive():
                bad += 1
                print("not ok - damaged %s: %s %s" % (kind, code, why))
    print("%d damaged documents, %d without a name" % (tried, bad))
    return bad


def printed(check):
    if browser_page.browser() is None:
        print("skip - printed pages: no chromium is installed")
        return 0
    for kind in KINDS:
        for options in ({}, {"borders": "none", "repeat": False}, {"borders": "none", "repeat": False, "after": "<p>%s</p>" % SENTENCE}):
            sheet = Maker(kind, 22, measure=lambda text, size: 0).sheet(12 if "after" in options else 32)
            sheet["outside"] = [SENTENCE] if "after" in options else []
            check.one("%s printed %s" % (kind, options), sheet, browser_page.draw([sheet], **options)[0])
    return check.said("printed by a browser")


def main():
    parser = Parser(sys.argv[1])
    check = Check(parser)
    for kind in KINDS:
        for options in DRAWN:
            for seed, rows in ((1, 5), (3, 28)):
                drawn(check, kind, seed, rows, options)
    bad = check.said("drawn")
    for kind in KINDS:
        breaks(check, kind)
    bad += check.said("broken over pages")
    for kind in KINDS:
        locked(check, kind)
    bad += check.said("encrypted or rearranged") + damaged(parser) + printed(check)
    parser.close()
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
