"""A sheet as the web page that a browser prints: an HTML table, printed by a headless Chromium where one is installed."""
import html
import os
import shutil
import subprocess
import tempfile

from timetables import flow, headers

STYLE = """@page { size: %(paper)s; margin: %(margin)s } body { font: %(size)spx %(font)s; margin: 0; print-color-adjust: exact }
h1 { font-size: 20pt; margin: 0 0 12px } table { border-collapse: collapse; width: 100%%; table-layout: %(layout)s }
th { text-align: left; font-size: %(header)spx; background: %(head_fill)s; padding: %(pad)s }
td { vertical-align: %(align)s; padding: %(pad)s; white-space: normal } %(border)s %(extra)s"""
BORDERS = {"all": "td, th { border: 1px solid #000 }", "grey": "td, th { border: 1px solid #ddd }", "rows": "tr { border-bottom: 1px solid #888 }",
           "none": "", "zebra": "tr:nth-child(even) { background: #f2f2f2 }", "separate": "table { border-collapse: separate } td, th { border: 1px solid #444 }"}
DEFAULTS = {"borders": "all", "size": 10, "header": 10, "font": "Helvetica, Arial, sans-serif", "align": "top", "pad": "2px 4px", "margin": "10mm",
            "layout": "auto", "head_fill": "#ddd", "repeat": True, "keep": False, "headers": False, "extra": "", "before": "", "after": "", "lines": "br", "paper": "A4 landscape"}


def browser():
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def cell(lines, mode):
    shown = [html.escape(line) if line is not None else "&nbsp;" for line in lines]
    if mode == "div":
        return "".join("<div>%s</div>" % line for line in shown) or "&nbsp;"
    return "<br>".join(shown) or "&nbsp;"


def row_html(sheet, row, o):
    """Columns whose lines are one text are left for the browser to wrap; those with a line a session keep their lines."""
    out = []
    for c in range(len(sheet["columns"])):
        content = flow(sheet, row, c)
        kept = isinstance(content, list)
        text = cell(content, o["lines"]) if kept else html.escape(content) or "&nbsp;"
        if sheet["kind"] == "lecture" and c == 3 and row["hidden"]:
            text += '<span style="color:#fff">%s</span>' % row["hidden"]
        out.append("<td%s>%s</td>" % (' style="white-space:nowrap"' if kept else "", text))
    return "<tr>%s</tr>" % "".join(out)


def page(sheet, **options):
    o = dict(DEFAULTS, **options)
    border = BORDERS[o["borders"]]
    extra = o["extra"] + (" tr { break-inside: avoid }" if o["keep"] else "") + ("" if o["repeat"] else " thead { display: table-row-group }")
    style = STYLE % dict(o, border=border, extra=extra)
    head = "".join("<th>%s</th>" % text for text in headers(sheet))
    body = "".join(row_html(sheet, row, o) for row in sheet["rows"])
    return "<!doctype html><meta charset=utf-8><title>Timetable</title><style>%s</style>%s<h1>%s</h1><table><thead><tr>%s</tr></thead>" \
        "<tbody>%s</tbody></table>%s" % (style, o["before"], html.escape(sheet["title"]), head, body, o["after"])


def draw(sheets, **options):
    """The PDFs' bytes, one browser run each; options: DEFAULTS. headers: the browser's own date, address and page numbers."""
    out = []
    with tempfile.TemporaryDirectory() as folder:
        for i, sheet in enumerate(sheets):
            source, target = os.path.join(folder, "p%d.html" % i), os.path.join(folder, "p%d.pdf" % i)
            with open(source, "w") as f:
                f.write(page(sheet, **options))
            subprocess.run([browser(), "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + folder + "/profile",
                            "--print-to-pdf=" + target] + ([] if options.get("headers") else ["--no-pdf-header-footer"]) + ["file://" + source],
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
            with open(target, "rb") as f:
                out.append(f.read())
    return out
