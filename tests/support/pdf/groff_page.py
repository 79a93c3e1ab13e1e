"""A sheet as troff and tbl set it: text blocks in a table, the standard fonts by name, no ToUnicode."""
import shutil
import subprocess

from timetables import column_widths, flow, headers

OPTIONS = {"all": "allbox", "grey": "allbox", "box": "box", "rows": "", "none": "", "zebra": ""}


def available():
    return shutil.which("groff") and shutil.which("gropdf")


def safe(text):
    return text.replace("\\", "\\e").replace("'", "\\[aq]").replace("`", "\\`")


def block(content, hidden=None):
    lines = content if isinstance(content, list) else [content]
    shown = "\n.br\n".join("\\&" + safe(line) if line else "\\&" for line in lines)
    tail = "\\|\\m[white]%s\\m[]" % hidden if hidden else ""
    return "T{\n.na\n.nh\n%s%s\nT}" % (shown or "\\&", tail)


def source(sheet, style):
    width, height = style["paper"]
    size, widths = column_widths(sheet, width - 84, style["size"], pad=style["size"] * 1.6)
    widths = [w - size * 1.5 for w in widths]
    out = [".pl %gp" % height, ".nr PS %dp" % size, ".nr VS %dp" % (size * 1.2 + 1), ".nr LL %gp" % (width - 72), ".nr PO 36p", ".nr HM 50p", ".nr FM 50p",
           ".fam %s" % ("T" if style["font"] == "Times-Roman" else "H"), ".ds FAM %s" % ("T" if style["font"] == "Times-Roman" else "H")]
    out += [".ds LH", ".ds CH", ".ds RH"]
    for name, text in zip((".ds LF ", ".ds RF "), style["foot"]):
        out.append(name + safe(text.replace("{page}", "\\\\n%")) .replace("\\e\\en%", "\\\\n%"))
    out += [".LP"] + sum(([safe(text), ".br"] for text in style["head"]), [])
    out += [".sp 20p", "\\s'20'\\fB%s\\fP\\s0" % safe(sheet["title"]), ".LP", ".TS H" if style["repeat"] else ".TS"]
    form = " ".join("lw(%gp)" % w for w in widths)
    bold = " ".join("lbw(%gp)" % w for w in widths)
    option = OPTIONS[style["borders"]]
    out += [(option + " " if option else "") + "tab(@) nospaces;", bold, form + "."]
    rule = ["_"] if style["borders"] in ("rows", "box") else []
    out += ["@".join("T{\n.na\n.nh\n\\fB%s\\fP\nT}" % text for text in headers(sheet))] + rule + ([".TH"] if style["repeat"] else [])
    for i, row in enumerate(sheet["rows"]):
        out.append("@".join(block(flow(sheet, row, c), row["hidden"] if c == 3 else None) for c in range(len(widths))))
        out += rule if i + 1 < len(sheet["rows"]) else []
    return "\n".join(out + [".TE"] + ([".LP", safe(style["note"])] if style["note"] else []) + [""])


def draw_one(sheet, style):
    width, height = style["paper"]
    done = subprocess.run(["groff", "-t", "-ms", "-Tpdf", "-P-p%gp,%gp" % (height, width)], input=source(sheet, style).encode("latin-1"),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=True)
    return done.stdout


def draw(sheets, styles):
    return [draw_one(sheet, style) for sheet, style in zip(sheets, styles)]
