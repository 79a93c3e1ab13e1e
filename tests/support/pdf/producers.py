"""The producers whose documents are read and counted: each draws sheets with styles, all follow from a seed.

A producer: name -> (needs, make). make(kind, seeds, folder) returns [(style in words, ruled|half|bare, wanted events, rows, bytes)]."""
import importlib.util
import json
import os
import random
import shutil
import subprocess

import groff_page
import office_page
from timetables import Maker

A4, LETTER = (595.3, 841.9), (612.0, 792.0)
DRAWN = {"all": "ruled", "grey": "ruled", "box": "half", "rows": "half", "zebra": "half", "none": "bare", "fill": "ruled", "stroke": "ruled",
         "shade": "half", "outer": "half", "separate": "ruled"}
STUDENTS = ["u21456789 J Soap", "Student: 21456789  Mr J Soap", "Student number 21456789"]
NOTES = ["All times are subject to change without notice; consult the faculty office before the first week.",
         "* Venues marked with an asterisk are provisional.", "Note: bring your student card to every sitting."]


def landscape(size):
    return (size[1], size[0])


def style_of(rng, borders):
    """What an author may choose, for producers that lay the table out themselves."""
    surrounded = rng.random() < 0.5
    return {"paper": rng.choice([landscape(A4), landscape(A4), landscape(LETTER), A4]), "size": rng.choice([8, 9, 10, 11]), "font": rng.choice(["Helvetica", "Helvetica", "Times-Roman"]),
            "borders": rng.choice(borders), "repeat": rng.random() < 0.4, "keep": rng.random() < 0.5, "align": rng.choice(["top", "top", "middle"]),
            "head_fill": rng.choice([None, "light", "dark"]), "head": [rng.choice(STUDENTS)] if surrounded else [], "watermark": "",
            "foot": ["Printed on 2025-08-01", "Page {page}"] if rng.random() < 0.6 else [], "note": rng.choice(NOTES) if rng.random() < 0.3 else ""}


def told(style):
    return " ".join("%s=%s" % (k, "x".join("%d" % n for n in v) if k == "paper" and not isinstance(v, str) else v) for k, v in sorted(style.items()) if v not in ("", None, [], False))


def sheets(kind, seeds, name, borders):
    out = []
    for seed in seeds:
        rng = random.Random("%s %s %s" % (name, kind, seed))
        out.append((Maker(kind, "%s %s" % (name, seed), measure=lambda text, size: 0).sheet(rng.choice([3, 9, 20, 36])), style_of(rng, borders), rng))
    return out


def document(sheet, style, data):
    return told(style), DRAWN[style["borders"]], [e for row in sheet["rows"] for e in row["events"]], len(sheet["rows"]), data


def flowing(module, name, borders, change=lambda style, rng: None):
    def make(kind, seeds, _):
        drawn = sheets(kind, seeds, name, borders)
        for _, style, rng in drawn:
            change(style, rng)
        files = importlib.import_module(module).draw([s for s, _, _ in drawn], [style for _, style, _ in drawn])
        return [document(sheet, style, data) for (sheet, style, _), data in zip(drawn, files)]
    return make


def browser(kind, seeds, _):
    import browser_page
    out = []
    for sheet, style, rng in sheets(kind, seeds, "browser", ["all", "grey", "rows", "none", "zebra", "separate"]):
        paper = {"841": "A4 landscape", "792": "letter landscape", "595": "A4 portrait"}["%d" % style["paper"][0]]
        fill = {None: "transparent", "light": "#ddd", "dark": "#234; color: #fff"}[style["head_fill"]]
        o = {"borders": style["borders"], "size": style["size"], "header": style["size"], "align": style["align"], "repeat": style["repeat"], "keep": style["keep"],
             "paper": paper, "head_fill": fill, "before": "".join("<p>%s</p>" % text for text in style["head"]),
             "after": "<p>%s</p>" % style["note"] if style["note"] else "", "headers": rng.random() < 0.4, "lines": rng.choice(["br", "div"]),
             "font": rng.choice(["Helvetica, Arial, sans-serif", "serif", "DejaVu Sans"])}
        out.append(document(sheet, dict(style, **o), browser_page.draw([sheet], **o)[0]))
    return out


def by_line(name, canvas=None, texts=("line", "word", "glyph", "kern", "matrix", "spaced"), fonts=("Helvetica", "Times-Roman")):
    """report_writer's sheets: the portal's columns and breaks, drawn by hand."""
    def make(kind, seeds, _):
        import report_writer
        out = []
        for seed in seeds:
            rng = random.Random("%s %s %s" % (name, kind, seed))
            paper, scale = rng.choice([(report_writer.PAGE, 1), (report_writer.PAGE, 1), (report_writer.PAGE, 1), (A4, 0.7), (landscape(LETTER), 0.94)])
            foot = [(41 * scale, 20, rng.choice([8, 9]), "Printed on 2025-08-01"), (700 * scale, 20, 8, "Page {page} of {pages}")] if rng.random() < 0.6 else []
            o = {"page": paper, "borders": rng.choice(["fill", "fill", "stroke", "shade", "outer", "none"]), "text": rng.choice(texts), "order": rng.choice(["column", "line"]),
                 "keep": rng.random() < 0.3, "middle": rng.random() < 0.2, "repeat_header": rng.random() < 0.3, "foot": foot,
                 "watermark": rng.choice(["", "", "PROVISIONAL"]), "head_fill": rng.choice([None, None, "light", "dark"]), "blanks": rng.random() < 0.7,
                 "head": [(41 * scale, paper[1] - 18, 9, rng.choice(STUDENTS))] if rng.random() < 0.5 else [], "pitch": 11.56 * scale}
            font = rng.choice(fonts)
            o.update({"font": font, "bold": {"Helvetica": "Helvetica-Bold", "Times-Roman": "Times-Bold", "Courier": "Courier-Bold"}.get(font, font.replace(".ttf", "-Bold.ttf"))})
            if font.startswith("/"):
                o["bold"] = font.replace("Regular", "Bold")
            target = canvas(paper) if canvas else None
            sheet = Maker(kind, "%s %s" % (name, seed), scale=scale, measure=report_writer.measure(font, target, o["text"])).sheet(rng.choice([2, 8, 20, 45]))
            data = report_writer.draw(sheet, canvas=target, **o)
            out.append(document(sheet, o, data))
        return out
    return make


def cairo(kind, seeds, folder):
    import cairo_canvas
    return by_line("cairo", cairo_canvas.make, ("line", "word", "glyph"), ("Helvetica", "Times-Roman"))(kind, seeds, folder)


def pdfgen(producer, program):
    def make(kind, seeds, folder):
        out = []
        for seed in seeds:
            rng = random.Random("%s %s %s" % (producer, kind, seed))
            flags = [f for f in ("--middle", "--no-rules") if rng.random() < 0.2]
            if rng.random() < 0.3 and "--no-rules" not in flags:  # a page without rules has margins that are alike
                flags += ["--shift", "%.1f" % rng.uniform(0, 20)]
            pdf, truth = os.path.join(folder, "g.pdf"), os.path.join(folder, "g.json")
            subprocess.run([program, "--kind", kind, "--producer", producer, "--rows", str(rng.choice([3, 12, 30, 60])), "--seed", str(rng.randrange(1 << 30)), "--out", pdf,
                            "--truth", truth] + flags, check=True)
            with open(pdf, "rb") as f, open(truth) as t:
                data, wanted = f.read(), json.load(t)
            out.append((" ".join(flags), "bare" if "--no-rules" in flags else "ruled", wanted["events"], wanted["rows"], data))
        return out
    return make


def module_there(name):
    return importlib.util.find_spec(name) is not None


def all_producers(build):
    """{name: (what is missing or None, make)}"""
    generator = os.path.join(build, "bin", "stint-pdfgen")
    reportlab = None if module_there("reportlab") else "python3-reportlab"
    chromium = None if shutil.which("chromium") or shutil.which("google-chrome") else "chromium"
    borders = ["all", "grey", "rows", "none", "zebra", "box"]
    liberation = "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf"
    fonts = ("Helvetica", "Times-Roman") + ((liberation,) if os.path.exists(liberation) else ())
    made = None if os.path.exists(generator) else "stint-pdfgen (build it)"
    return {
        "portal 1.6": (made, pdfgen("portal", generator)),
        "portal browser 1.7": (made, pdfgen("browser", generator)),
        "ReportLab canvas": (reportlab, by_line("canvas", fonts=fonts)),
        "ReportLab tables": (reportlab, flowing("platypus_page", "platypus", borders)),
        "Chromium print": (chromium, browser),
        "LibreOffice Writer": (None if office_page.available() else "libreoffice-writer-nogui",
                               flowing("office_page", "writer", borders, lambda style, rng: style.update(suite="writer"))),
        "LibreOffice Calc": (None if office_page.available() else "libreoffice-calc-nogui",
                             flowing("office_page", "calc", borders, lambda style, rng: style.update(suite="calc"))),
        "groff tbl": (None if groff_page.available() else "groff", flowing("groff_page", "groff", ["all", "rows", "none", "box"],
                                          lambda style, rng: style.update(paper=landscape(A4), repeat=style["repeat"] or style["borders"] in ("all", "box")))),
        "cairo": (None if module_there("cairo") and not reportlab else "python3-cairo", cairo),
    }
