"""A sheet as the tables of ReportLab's page engine: paragraphs wrapped in cells, rows kept whole, headers repeated or not."""
import io

from reportlab.lib import colors
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer

from timetables import column_widths, flow, headers
from xml.sax.saxutils import escape

BORDERS = {
    "all": [("GRID", (0, 0), (-1, -1), 0.5, colors.black)], "grey": [("GRID", (0, 0), (-1, -1), 0.25, colors.lightgrey)],
    "rows": [("LINEBELOW", (0, 0), (-1, -1), 0.5, colors.grey)], "none": [],
    "box": [("BOX", (0, 0), (-1, -1), 1, colors.black), ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.black)],
    "zebra": [("ROWBACKGROUNDS", (0, 1), (-1, -1), [colors.white, colors.Color(0.93, 0.93, 0.95)])],
}


def paragraph(content, style, hidden=None):
    if isinstance(content, list):
        text = "<br/>".join(escape(line) if line is not None else "&nbsp;" for line in content)
    else:
        text = escape(content)
    if hidden:
        text += ' <font color="white">%s</font>' % hidden
    return Paragraph(text or "&nbsp;", style)


def draw_one(sheet, style):
    out, (page_width, _) = io.BytesIO(), style["paper"]
    size, widths = column_widths(sheet, page_width - 60, style["size"])
    font = style["font"] if style["font"] in ("Helvetica", "Times-Roman") else "Helvetica"
    bold = "Helvetica-Bold" if font == "Helvetica" else "Times-Bold"
    body = ParagraphStyle("body", fontName=font, fontSize=size, leading=size * 1.2)
    dark = style["head_fill"] == "dark"
    head = ParagraphStyle("head", parent=body, fontName=bold, textColor=colors.white if dark else colors.black)
    rows = [[Paragraph(text, head) for text in headers(sheet)]]
    rows += [[paragraph(flow(sheet, row, c), body, row["hidden"] if c == 3 else None) for c in range(len(widths))] for row in sheet["rows"]]
    commands = BORDERS[style["borders"]] + [("VALIGN", (0, 0), (-1, -1), style["align"].upper()), ("LEFTPADDING", (0, 0), (-1, -1), 3),
                                            ("RIGHTPADDING", (0, 0), (-1, -1), 2)]
    if style["head_fill"]:
        commands.append(("BACKGROUND", (0, 0), (-1, 0), colors.Color(0.2, 0.25, 0.4) if dark else colors.lightgrey))
    table = LongTable(rows, colWidths=widths, repeatRows=1 if style["repeat"] else 0, style=commands)
    title = ParagraphStyle("title", fontName=bold, fontSize=20, leading=26)
    plain = ParagraphStyle("plain", fontName=font, fontSize=9, leading=12)

    def page(canvas, _):
        canvas.saveState()
        if style["watermark"]:
            canvas.setFont("Helvetica-Bold", 60)
            canvas.setFillGray(0.92)
            canvas.translate(style["paper"][0] / 2, style["paper"][1] / 2)
            canvas.rotate(35)
            canvas.drawCentredString(0, 0, style["watermark"])
            canvas.restoreState()
            canvas.saveState()
        canvas.setFont("Helvetica", 8)
        for x, text in zip((30, page_width - 110), style["foot"]):
            canvas.drawString(x, 18, text.replace("{page}", str(canvas.getPageNumber())))
        canvas.restoreState()
    story = [Paragraph(text, plain) for text in style["head"]] + [Paragraph(escape(sheet["title"]), title), Spacer(1, 6), table]
    story += [Spacer(1, 10), Paragraph(style["note"], plain)] if style["note"] else []
    SimpleDocTemplate(out, pagesize=style["paper"], leftMargin=30, rightMargin=30, topMargin=36, bottomMargin=36, invariant=1).build(
        story, onFirstPage=page, onLaterPages=page)
    return out.getvalue()


def draw(sheets, styles):
    return [draw_one(sheet, style) for sheet, style in zip(sheets, styles)]
