"""Draws a sheet line by line, in the ways known producers draw: with ReportLab, or with cairo through cairo_canvas. See draw()."""
import io
import os

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen import canvas

from timetables import RIGHT

PAGE = (841.9, 595.3)
PITCH, MARGIN = 11.56, 40
DEFAULTS = {
    "borders": "fill",     # fill, stroke, shade (backgrounds, no lines), outer (lines between rows only), none
    "text": "line",        # line, word, glyph, kern, matrix (size 1, the rest by the text matrix), spaced (character spacing and scaling)
    "order": "column",     # column: all lines of a cell, then the next cell; line: line by line
    "first": None,         # table lines on page 1; the page's height where it is None
    "next": None,          # the same for later pages
    "keep": False,         # rows are not split
    "middle": False,       # short cells stand in the middle of their row
    "repeat_header": False,
    "gap": 3,              # from a letter of Lang to the hidden one behind it
    "blanks": True,        # empty cells hold spaces
    "font": "Helvetica", "bold": "Helvetica-Bold",
    "page": PAGE, "canvas": None,  # (file, canvas) of another library
    "watermark": "", "head_fill": None,  # None, light, dark (with white letters)
    "head": [], "foot": [],  # (x, y, size, text), {page} and {pages} are filled in; foot on every page
    "form": False,         # the page's content is in a form that the page draws
    "rotate": 0, "turn": 0,  # the page says it is turned, so that it is seen upright; its content is turned, on a page that says nothing
     "crop": None, "compress": 1, "ascii85": False, "shift": 0, "close_row": True, "pitch": PITCH,
}


def registered(font):
    """The name of a font; a file's is registered first."""
    if not font.startswith("/"):
        return font
    name = os.path.basename(font)
    pdfmetrics.registerFont(TTFont(name, font))
    return name


def measure(font, target, mode):
    """How wide a text is in a font: what the sheet's lines are broken with."""
    if target:
        return lambda text, size: target[1].stringWidth(text, font, size)
    name = registered(font)
    scale, each = (0.97, -0.15) if mode == "spaced" else (1, 0)
    return lambda text, size: scale * (pdfmetrics.stringWidth(text, name, size) + each * len(text))


class Writer:
    def __init__(self, sheet, **options):
        self.sheet, self.o = sheet, dict(DEFAULTS, **options)
        self.width, self.height = self.o["page"]
        self.top = self.height - MARGIN
        if self.o["canvas"]:
            self.file, self.canvas = self.o["canvas"]
        else:
            self.file = io.BytesIO()
            self.canvas = canvas.Canvas(self.file, pagesize=self.o["page"], pageCompression=self.o["compress"], invariant=1, pdfVersion=(1, 4))
        if not self.o["canvas"]:
            for key in ("font", "bold"):
                self.o[key] = registered(self.o[key])
        self.parts = self.paginate()
        self.page = 0

    def paginate(self):
        """[[(row, first line, lines)] a page]"""
        def capacity(page):
            given = self.o["first"] if page == 0 else self.o["next"]
            return given if given is not None else int((self.top - MARGIN - (60 if page == 0 else 20 if self.o["repeat_header"] else 0)) / self.o["pitch"] - 1)
        pages, used = [[]], 0.0
        for row in self.sheet["rows"]:
            n, at = len(row["cells"][0]), 0
            while at < n:
                room = int(capacity(len(pages) - 1) - used)
                take = n - at if self.o["keep"] and n - at <= room else 0 if self.o["keep"] and pages[-1] else min(room, n - at)
                if take <= 0:
                    pages.append([])
                    used = 0.0
                    continue
                pages[-1].append((row, at, take))
                at += take
                used += take + 4 / self.o["pitch"]
        return pages

    def show(self, x, y, text, font, size):
        c, mode = self.canvas, self.o["text"]
        mode = "line" if mode == "kern" and font == self.o["bold"] else mode
        x += self.o["shift"]
        if mode == "line" or not text.strip():
            self.string(x, y, text, font, size)
        elif mode in ("word", "glyph"):
            at = x
            for piece in (text if mode == "glyph" else text.split(" ")):
                if piece.strip():
                    self.string(at, y, piece, font, size)
                at += c.stringWidth(piece, font, size) + (c.stringWidth(" ", font, size) if mode == "word" else 0)
        elif mode in ("matrix", "spaced"):
            t = c.beginText()
            t.setFont(font, 1 if mode == "matrix" else size)
            t.setTextTransform(size, 0, 0, size, x, y) if mode == "matrix" else t.setTextOrigin(x, y)
            if mode == "spaced":
                t.setCharSpace(-0.15)
                t.setHorizScale(97)
            t.textOut(text)
            t.setCharSpace(0)
            t.setHorizScale(100)
            c.drawText(t)
        else:
            escaped = [(k, ch.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")) for k, ch in enumerate(text)]
            array = "".join("(%s) %s " % (ch, [-12, 15, 0, -4][k % 4]) for k, ch in escaped)
            t = c.beginText(x, y)
            t.setFont(font, size)
            t._code.append("[%s] TJ" % array)
            c.drawText(t)

    def string(self, x, y, text, font, size):
        self.canvas.setFont(font, size)
        self.canvas.drawString(x, y, text)

    def rule(self, x0, y0, x1, y1):
        c, s = self.canvas, self.o["shift"]
        if self.o["borders"] == "fill":
            c.rect(x0 + s, y0, max(x1 - x0, 0.5), max(y1 - y0, 0.5), stroke=0, fill=1)
        else:
            c.setLineWidth(0.5)
            c.line(x0 + s, y0, x1 + s, y1)

    def lefts(self):
        return [left - 4 for left, _ in self.sheet["columns"]] + [self.sheet.get("right", RIGHT)]

    def frame(self, top, bottom, fill=None, close=True):
        kind, edges = self.o["borders"], self.lefts()
        if kind == "none":
            return
        if kind == "shade":
            self.canvas.setFillGray(fill)
            self.canvas.rect(edges[0] + self.o["shift"], bottom, edges[-1] - edges[0], top - bottom, stroke=0, fill=1)
            self.canvas.setFillGray(0)
            return
        self.rule(edges[0], top, edges[-1], top)
        if close:
            self.rule(edges[0], bottom, edges[-1], bottom)
        for x in edges if kind != "outer" else []:
            self.rule(x, bottom, x, top)

    def header(self, y):
        size = self.sheet["header_size"]
        n = max(len(lines) for _, lines in self.sheet["columns"])
        bottom = y - n * (size + 2) - 6
        dark = self.o["head_fill"] == "dark"
        if self.o["head_fill"]:
            self.canvas.setFillGray(0.2 if dark else 0.85)
            edges = self.lefts()
            self.canvas.rect(edges[0] + self.o["shift"], bottom, edges[-1] - edges[0], y - bottom, stroke=0, fill=1)
            self.canvas.setFillGray(0)
        self.frame(y, bottom, 0.2 if dark else 0.75)
        self.canvas.setFillGray(1 if dark else 0)
        for left, lines in self.sheet["columns"]:
            for i, line in enumerate(lines):
                self.show(left, y - size - 1 - i * (size + 2), line, self.o["bold"], size)
        self.canvas.setFillGray(0)
        return bottom

    def part(self, row, first, n, y, index, last):
        bottom = y - n * self.o["pitch"] - 4
        self.frame(y, bottom, 0.97 if index % 2 else 0.88, close=last or self.o["close_row"])
        pieces = []
        for c, (left, _) in enumerate(self.sheet["columns"]):
            lines = row["cells"][c][first:first + n]
            shown = [l for l in lines if l is not None]
            down = (n - len(shown)) / 2 if self.o["middle"] and not (self.sheet["kind"] == "lecture" and c >= 4) else 0
            if not shown and self.o["blanks"]:
                pieces.append((c, 0, left, y - 10, " ", None))
            for i, line in enumerate(lines):
                if line is not None:
                    hidden = row["hidden"] if c == 3 and first + i == 0 else None
                    pieces.append((c, i, left, y - 10 - (i + down) * self.o["pitch"], line, hidden))
        if self.o["order"] == "line":
            pieces.sort(key=lambda p: (p[1], p[0]))
        for _, _, x, at, text, hidden in pieces:
            self.show(x, at, text, self.o["font"], self.sheet["size"])
            if hidden:
                self.canvas.setFillGray(1)
                self.show(x + self.canvas.stringWidth(text, self.o["font"], self.sheet["size"]) + self.o["gap"], at, hidden, self.o["font"],
                          self.sheet["size"])
                self.canvas.setFillGray(0)
        return bottom

    def content(self, number, parts):
        y = self.top
        if self.o["watermark"]:
            self.canvas.setFillGray(0.93)
            self.string(self.width * 0.3, self.height * 0.45, self.o["watermark"], self.o["bold"], 70)
            self.canvas.setFillGray(0)
        if number == 0:
            self.show(self.sheet["columns"][0][0], self.top, self.sheet["title"], self.o["bold"], 20)
            y = self.top - 25
        for x, at, size, text in (self.o["head"] if number == 0 else []) + self.o["foot"]:
            self.string(x, at, text.format(page=number + 1, pages=len(self.parts)), self.o["font"], size)
        if number == 0 or self.o["repeat_header"]:
            y = self.header(y)
        for index, (row, first, n) in enumerate(parts):
            y = self.part(row, first, n, y, index, first + n == len(row["cells"][0]))

    def draw(self):
        c, rotate = self.canvas, self.o["rotate"]
        for number, parts in enumerate(self.parts):
            if self.o["form"]:
                c.beginForm("page%d" % number, 0, 0, self.width, self.height)
                self.content(number, parts)
                c.endForm()
            c.saveState()
            if rotate:
                c.setPageRotation(rotate)
                c.transform(*{90: (0, 1, -1, 0, self.height, 0), 270: (0, -1, 1, 0, 0, self.width), 180: (-1, 0, 0, -1, self.width, self.height)}[rotate])
            if self.o["turn"]:
                wide = self.o["turn"] != 180
                c.setPageSize((self.height, self.width) if wide else (self.width, self.height))
                c.transform(*{90: (0, 1, -1, 0, self.height, 0), 270: (0, -1, 1, 0, 0, self.width), 180: (-1, 0, 0, -1, self.width, self.height)}[self.o["turn"]])
            if self.o["crop"]:
                c.setCropBox(self.o["crop"])
            if self.o["form"]:
                c.doForm("page%d" % number)
            else:
                self.content(number, parts)
            c.restoreState()
            c.showPage()
        c.save()
        return self.file.getvalue()


def draw(sheet, **options):
    """The sheet as a PDF's bytes; options: DEFAULTS."""
    return Writer(sheet, **options).draw()
