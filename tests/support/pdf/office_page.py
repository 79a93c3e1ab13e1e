"""A sheet as an office suite prints it: a flat text document or a flat spreadsheet, converted by LibreOffice without a window."""
import os
import shutil
import subprocess
import tempfile
from xml.sax.saxutils import escape

from timetables import column_widths, flow, headers

SPACES = " ".join('xmlns:%s="urn:oasis:names:tc:opendocument:xmlns:%s:1.0"' % (short, name) for short, name in (
    ("office", "office"), ("style", "style"), ("text", "text"), ("table", "table"))) + "".join(
    ' xmlns:%s="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0"' % short for short in ("fo",))
BORDERS = {"all": 'fo:border="0.5pt solid #000000"', "grey": 'fo:border="0.25pt solid #bbbbbb"', "rows": 'fo:border-bottom="0.5pt solid #444444"',
           "box": 'fo:border="0.75pt solid #000000"', "none": 'fo:border="none"', "zebra": 'fo:border="none"'}
FONTS = {"Helvetica": "Liberation Sans", "Times-Roman": "Liberation Serif", "DejaVu": "DejaVu Sans"}


def available():
    return shutil.which("soffice")


def text_style(name, font, size, bold=False, colour=None, family="paragraph"):
    return '<style:style style:name="%s" style:family="%s"><style:text-properties style:font-name="%s" fo:font-family="%s" fo:font-size="%gpt"%s%s/></style:style>' % (
        name, family, font, font, size, ' fo:font-weight="bold"' if bold else "", ' fo:color="%s"' % colour if colour else "")


def paragraphs(content, style, hidden=None):
    lines = content if isinstance(content, list) and content else [content or ""]
    out = ['<text:p text:style-name="%s">%s' % (style, escape(line or "")) for line in lines]
    if hidden:
        out[0] += ' <text:span text:style-name="unseen">%s</text:span>' % hidden
    return "".join(line + "</text:p>" for line in out)


def cell_style(name, style, font, size, shade=None, more=""):
    """A spreadsheet has its letters from here, a text document from its paragraphs."""
    borders = BORDERS[style["borders"]] if name != "plaincell" else 'fo:border="none"'
    return '<style:style style:name="%s" style:family="table-cell"><style:table-cell-properties fo:padding="1.5pt" fo:wrap-option="%s" ' \
        'style:vertical-align="%s" %s%s/><style:text-properties style:font-name="%s" fo:font-family="%s" fo:font-size="%gpt" %s/></style:style>' % (
            name, "no-wrap" if name.startswith("plain") else "wrap", style["align"], borders, ' fo:background-color="%s"' % shade if shade else "",
            font, font, size, more)


def table(sheet, style, widths):
    columns = "".join('<table:table-column table:style-name="col%d"/>' % c for c in range(len(widths)))
    head = "<table:table-row>%s</table:table-row>" % "".join(
        '<table:table-cell table:style-name="headcell" office:value-type="string">%s</table:table-cell>' % paragraphs(text, "head")
        for text in headers(sheet))
    if style["repeat"]:
        head = "<table:table-header-rows>%s</table:table-header-rows>" % head
    rows = []
    for i, row in enumerate(sheet["rows"]):
        name = "shadecell" if style["borders"] == "zebra" and i % 2 else "cell"
        rows.append('<table:table-row table:style-name="row">%s</table:table-row>' % "".join(
            '<table:table-cell table:style-name="%s" office:value-type="string">%s</table:table-cell>' % (
                name, paragraphs(flow(sheet, row, c), "body", row["hidden"] if c == 3 else None)) for c in range(len(widths))))
    return columns, head, "".join(rows)


def automatic(sheet, style, size, widths):
    font = FONTS[style["font"]]
    dark = style["head_fill"] == "dark"
    out = [text_style("body", font, size), text_style("head", font, size, True, "#ffffff" if dark else None), text_style("title", font, 20, True),
           text_style("plain", font, 9), text_style("unseen", font, size, False, "#ffffff", "text"),
           cell_style("cell", style, font, size), cell_style("shadecell", style, font, size, "#ededf2"), cell_style("plaincell", style, font, 9),
           cell_style("plaintitle", dict(style, borders="none"), font, 20, None, 'fo:font-weight="bold"'),
           cell_style("headcell", style, font, size, "#223366" if dark else "#cccccc" if style["head_fill"] else None,
                      'fo:font-weight="bold"' + (' fo:color="#ffffff"' if dark else "")),
           '<style:style style:name="row" style:family="table-row"><style:table-row-properties fo:keep-together="%s" '
           'style:use-optimal-row-height="true"/></style:style>' % ("always" if style["keep"] else "auto")]
    out += ['<style:style style:name="col%d" style:family="table-column"><style:table-column-properties style:column-width="%.2fpt"/></style:style>'
            % (c, w) for c, w in enumerate(widths)]
    out.append('<style:style style:name="table" style:family="table"%s><style:table-properties '
               'style:width="%.2fpt" table:align="left"/></style:style>' % (' style:master-page-name="Standard"' if style["suite"] == "calc" else "", sum(widths)))
    width, height = style["paper"]
    foot = "".join(escape(text).replace("{page}", "<text:page-number>1</text:page-number>") + "   " for text in style["foot"])
    layout = '<style:page-layout style:name="pm"><style:page-layout-properties fo:page-width="%gpt" fo:page-height="%gpt" ' \
        'style:print-orientation="%s" fo:margin="28pt"%s/>%s</style:page-layout>' % (
            width, height, "landscape" if width > height else "portrait",
            ' style:scale-to-X="1" style:scale-to-Y="0"' if style["suite"] == "calc" else "",
            '<style:footer-style><style:header-footer-properties fo:min-height="14pt" fo:margin-top="6pt"/></style:footer-style>' if foot else "")
    master = '<style:master-page style:name="Standard" style:page-layout-name="pm">%s</style:master-page>' % (
        '<style:footer><text:p>%s</text:p></style:footer>' % foot if foot else "")
    return "<office:automatic-styles>%s%s</office:automatic-styles><office:master-styles>%s</office:master-styles>" % ("".join(out), layout, master)


def document(sheet, style):
    calc = style["suite"] == "calc"
    size, widths = column_widths(sheet, style["paper"][0] - 60, style["size"], pad=8, wider=1.3 if style["font"] == "DejaVu" else 1.12)
    columns, head, rows = table(sheet, style, widths)
    before, note, title = style["head"], style["note"], sheet["title"]
    if calc:
        def line(text, name):
            return '<table:table-row><table:table-cell table:style-name="plain' + name + '" office:value-type="string">%s</table:table-cell></table:table-row>' % paragraphs(text, "")
        body = '<office:spreadsheet><table:table table:name="T" table:style-name="table">%s%s%s%s%s%s</table:table></office:spreadsheet>' % (
            columns, "".join(line(text, "cell") for text in before), line(title, "title"), head, rows, line(note, "cell") if note else "")
    else:
        body = '<office:text>%s%s<table:table table:name="T" table:style-name="table">%s%s%s</table:table>%s</office:text>' % (
            "".join(paragraphs(text, "plain") for text in before), paragraphs(title, "title"), columns, head, rows,
            paragraphs(note, "plain") if note else "")
    kind = "spreadsheet" if calc else "text"
    return '<?xml version="1.0" encoding="UTF-8"?><office:document %s office:version="1.2" office:mimetype="application/vnd.oasis.opendocument.%s">' \
        "%s<office:body>%s</office:body></office:document>" % (SPACES, kind, automatic(sheet, style, size, widths), body)


def draw(sheets, styles):
    """All in one run of the suite, for its start takes seconds."""
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for i, (sheet, style) in enumerate(zip(sheets, styles)):
            names.append("d%d.%s" % (i, "fods" if style["suite"] == "calc" else "fodt"))
            with open(os.path.join(folder, names[-1]), "w") as f:
                f.write(document(sheet, style))
        subprocess.run(["soffice", "-env:UserInstallation=file://%s/profile" % folder, "--headless", "--convert-to", "pdf", "--outdir", folder] +
                       [os.path.join(folder, name) for name in names], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
        out = []
        for name in names:
            with open(os.path.join(folder, name.rsplit(".", 1)[0] + ".pdf"), "rb") as f:
                out.append(f.read())
        return out
