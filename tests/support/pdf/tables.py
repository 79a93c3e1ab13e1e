"""Tables of no known layout with the rows of cells a reader must find, drawn by ReportLab: [(name, bytes, [[cell]])]."""
import io
import random

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import LongTable, PageBreak, Paragraph, SimpleDocTemplate, Spacer

GRID = [("GRID", (0, 0), (-1, -1), 0.5, colors.black)]
WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu".split()
BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=9, leading=11)


def render(story, page=A4):
    out = io.BytesIO()
    SimpleDocTemplate(out, pagesize=page, leftMargin=40, rightMargin=40, topMargin=40, bottomMargin=40, invariant=1).build(story)
    return out.getvalue()


def cells(rng, rows, columns, long=False):
    out = [[" ".join(rng.choice(WORDS) for _ in range(rng.choice([1, 2] + ([9] if long and c == columns - 1 else [])))) for c in range(columns)] for _ in range(rows)]
    return [["%s %d" % (row[0], i + 1)] + row[1:] for i, row in enumerate(out)]


def table(rows, widths, style, repeat=0):
    return LongTable([[Paragraph(text, BODY) for text in row] for row in rows], colWidths=widths, style=style + [("VALIGN", (0, 0), (-1, -1), "TOP")], repeatRows=repeat,
                     hAlign="LEFT")


def documents(seed=1):
    rng = random.Random(seed)
    half = [("LINEABOVE", (0, 0), (-1, 0), 1, colors.black), ("LINEBELOW", (0, 0), (-1, -1), 0.5, colors.grey)]
    ruled, other, long, few, many = cells(rng, 8, 4, True), cells(rng, 5, 3), cells(rng, 70, 3), cells(rng, 4, 5), cells(rng, 9, 6)
    merged = [["Term", "First half", "", "Second half", ""], ["", "Monday", "Tuesday", "Monday", "Tuesday"], ["one", "a", "b", "c", "d"], ["two", "e", "f", "g", "h"]]
    spans = GRID + [("SPAN", (1, 0), (2, 0)), ("SPAN", (3, 0), (4, 0)), ("SPAN", (0, 0), (0, 1))]
    down = [["Monday", "08:30", "COS 214"], ["", "09:30", "WTW 114"], ["Tuesday", "10:30", "PHY 131"]]
    gaps = [["a", "", "c"], ["", "e", "f"], ["g", "h", ""]]
    return [
        ("ruled, cells wrapped", render([table(ruled, [110, 110, 110, 120], GRID)]), ruled),
        ("rows ruled", render([table(ruled, [110, 110, 110, 120], half)]), ruled),
        ("shaded rows", render([table(other, [150, 150, 150], [("ROWBACKGROUNDS", (0, 0), (-1, -1), [colors.white, colors.lightgrey])])]), other),
        ("nothing drawn", render([table(other, [150, 150, 150], [])]), other),
        ("two on a page", render([table(ruled, [110, 110, 110, 120], GRID), Spacer(1, 30), table(few, [90] * 5, GRID)]), ruled + few),
        ("two on a page, nothing drawn", render([table(other, [150, 150, 150], []), Spacer(1, 40), table(few, [90] * 5, [])]), other + few),
        ("over pages", render([table(long, [120, 160, 160], GRID)]), long),
        ("a page each", render([table(other, [150, 150, 150], GRID), PageBreak(), table(many, [80] * 6, GRID)], landscape(A4)), other + many),
        ("merged header", render([table(merged, [80, 90, 90, 90, 90], spans)]), merged),
        ("merged downwards", render([table(down, [90, 90, 90], GRID + [("SPAN", (0, 0), (0, 1))])]), down),
        ("empty cells", render([table(gaps, [90, 90, 90], GRID)]), gaps),
        ("text around", render([Paragraph("A heading", ParagraphStyle("h", fontName="Helvetica-Bold", fontSize=16, leading=20)), table(other, [150, 150, 150], GRID), Spacer(1, 20),
                                Paragraph("A note below.", BODY)]), [["A heading"]] + other + [["A note below."]]),
    ]
