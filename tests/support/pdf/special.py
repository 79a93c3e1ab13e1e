"""Documents that are special in one way each, with what must be found in them: see check_special.py.

words(): [(name, bytes, the words in reading order, options of parse)]; timetables(): [(name, bytes, sheet)]; refusals(): [(name, bytes, code, options)]."""
import subprocess
import tempfile

import report_writer
from plain_pdf import Pdf, simple, text
from timetables import Maker

CID = "<</Type/Font/Subtype/Type0/BaseFont/Invented/Encoding/%s/DescendantFonts[<</Type/Font/Subtype/CIDFontType2/BaseFont/Invented/CIDSystemInfo" \
    "<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/DW 1000/FontDescriptor %d 0 R>>]/ToUnicode %d 0 R>>"
DESCRIPTOR = "<</Type/FontDescriptor/FontName/Invented/Flags 4/FontBBox[0 -200 1000 800]/ItalicAngle 0/Ascent 800/Descent -200/CapHeight 700/StemV 80>>"


def to_unicode(mapping):
    rows = "".join("<%04x> <%s>\n" % (code, value.encode("utf-16-be").hex()) for code, value in mapping.items())
    return "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def 1 begincodespacerange <0000> <ffff> " \
        "endcodespacerange %d beginbfchar\n%sendbfchar endcmap end end" % (len(mapping), rows)


def cid(string, vertical=False, visual=False):
    """A page with string in a font of numbered glyphs; visual: set from the left as it is seen."""
    pdf, letters = Pdf(), {}
    for letter in string:
        letters.setdefault(letter, len(letters) + 1)
    descriptor = pdf.add(DESCRIPTOR)
    cmap = pdf.add("<<>>", to_unicode({code: letter for letter, code in letters.items()}))
    font = pdf.add(CID % ("Identity-V" if vertical else "Identity-H", descriptor, cmap))
    shown = "".join("%04x" % letters[letter] for letter in (reversed(string) if visual else string))
    pdf.page("BT /F1 12 Tf 100 700 Td <%s> Tj ET" % shown, {"F1": font})
    return pdf.bytes()


def type3():
    pdf = Pdf()
    glyph = pdf.add("<<>>", "500 0 0 0 500 700 d1 0 0 400 700 re f")
    font = pdf.add("<</Type/Font/Subtype/Type3/FontBBox[0 0 500 700]/FontMatrix[0.001 0 0 0.001 0 0]/CharProcs<</A %d 0 R/B %d 0 R>>"
                   "/Encoding<</Type/Encoding/Differences[65/A/B]>>/FirstChar 65/LastChar 66/Widths[500 500]/Resources<<>>>>" % (glyph, glyph))
    pdf.page("BT /F1 12 Tf 100 700 Td (ABBA) Tj ET", {"F1": font})
    return pdf.bytes()


def ligatures(how):
    """'office file waffle' with fi, ff and ffl as glyphs: named in an encoding, by Unicode's letters, or by several letters in ToUnicode."""
    pdf = Pdf()
    more = "/Encoding<</Type/Encoding/BaseEncoding/WinAnsiEncoding/Differences[1/fi/ff/ffl]>>"
    if how != "names":
        values = {1: "\ufb01", 2: "\ufb00", 3: "\ufb04"} if how == "letters" else {1: "fi", 2: "ff", 3: "ffl"}
        rows = "".join("<%02x> <%s>\n" % (code, value.encode("utf-16-be").hex()) for code, value in values.items())
        cmap = pdf.add("<<>>", "begincmap 1 begincodespacerange <00> <ff> endcodespacerange 3 beginbfchar\n%sendbfchar 1 beginbfrange <20> <7e> <0020> endbfrange endcmap" % rows)
        more += "/ToUnicode %d 0 R" % cmap
    pdf.page("BT /F1 12 Tf 50 700 Td (o\\002ice \\001le wa\\003e) Tj ET", {"F1": pdf.font("Times-Roman", more + "/FirstChar 1/LastChar 126/Widths[%s]" % " ".join(
        ["556", "667", "833"] + ["500"] * 123))})
    return pdf.bytes()


def encoded(names, string):
    """A page in a font whose codes from 1 on are the named glyphs."""
    pdf = Pdf()
    font = pdf.font("Helvetica", "/Encoding<</Type/Encoding/BaseEncoding/WinAnsiEncoding/Differences[1%s]>>" % "".join("/" + n for n in names))
    pdf.page("BT /F1 12 Tf 50 700 Td (%s) Tj ET" % string, {"F1": font})
    return pdf.bytes()


def layered(off):
    pdf = Pdf("1.5")
    group = pdf.add("<</Type/OCG/Name(Draft)>>")
    pdf.catalog = "/OCProperties<</OCGs[%d 0 R]/D<<%s/Order[%d 0 R]>>>>" % (group, "/OFF[%d 0 R]" % group if off else "/ON[%d 0 R]" % group, group)
    content = text(50, 700, "seen") + "/OC /L BDC\n" + text(50, 650, "layered") + "EMC\n" + text(50, 600, "also")
    pdf.page(content, {"F1": pdf.font()}, resources="/Properties<</L %d 0 R>>" % group)
    return pdf.bytes()


def form():
    pdf = Pdf()
    font = pdf.font()
    inner = pdf.add("<</Type/XObject/Subtype/Form/BBox[0 0 200 50]/Matrix[2 0 0 2 0 0]/Resources<</Font<</F1 %d 0 R>>>>>>" % font, text(10, 20, "inner text", 6))
    pdf.page(text(50, 700, "outer") + "q 1 0 0 1 50 600 cm /X Do Q", {"F1": font}, resources="/XObject<</X %d 0 R>>" % inner)
    return pdf.bytes()


def annotated():
    """A form field's appearance is on the page for whoever looks; a note that pops up is not."""
    pdf = Pdf()
    font = pdf.font()
    look = pdf.add("<</Type/XObject/Subtype/Form/BBox[0 0 100 20]/Resources<</Font<</F1 %d 0 R>>>>>>" % font, text(2, 5, "filled"))
    field = pdf.add("<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(filled)/F 4/Rect[50 600 150 620]/AP<</N %d 0 R>>>>" % look)
    hidden = pdf.add("<</Type/Annot/Subtype/Text/Contents(popup)/F 2/Rect[10 10 20 20]>>")
    pdf.catalog = "/AcroForm<</Fields[%d 0 R]>>" % field
    pdf.page(text(50, 700, "label"), {"F1": font}, more="/Annots[%d 0 R %d 0 R]" % (field, hidden))
    return pdf.bytes()


def update():
    pdf = simple(text(50, 700, "before"))
    data = pdf.bytes()
    return pdf.updated(data, 5, "<<>>", text(50, 700, "after"))


def qpdf(data, *options):
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/a.pdf", "wb") as f:
            f.write(data)
        subprocess.run(["qpdf"] + list(options) + [folder + "/a.pdf", folder + "/b.pdf"], check=True)
        with open(folder + "/b.pdf", "rb") as f:
            return f.read()


def words():
    """Each document's words in reading order, as Unicode NFC."""
    hello, hebrew, arabic = text(50, 700, "Hello world"), "שלום עולם", "مرحبا بالعالم"
    letters = "".join(text(50 + 7 * i, 700, c) for i, c in enumerate("Tuesday"))
    marked = simple(text(50, 700, "a") + "/Span<</ActualText(x-y)>> BDC " + text(70, 700, "??") + " EMC")
    tagged = simple("/P<</MCID 0>>BDC " + hello + "EMC")
    tagged.catalog = "/MarkInfo<</Marked true>>"
    out = [("plain", simple(hello).bytes(), "Hello world")]
    out += [("ligatures by %s" % how, ligatures(how), "office file waffle") for how in ("names", "letters", "several")]
    out += [
        ("soft hyphen inside a word", encoded(["uni00AD"], "infor\\001mation"), "information"),
        ("no-break space", simple("BT /F1 12 Tf 50 700 Td (one\\240two) Tj ET").bytes(), "one two"),
        ("thin space", encoded(["uni2009"], "one\\001two"), "one two"),
        ("zero width space", encoded(["uni200B"], "one\\001two"), "onetwo"),
        ("letters placed one by one", simple(letters).bytes(), "Tuesday"),
        ("kerned", simple("BT /F1 12 Tf 50 700 Td [(T)80(ue)-20(s)15(day)-600(V)60(enue)] TJ ET").bytes(), "Tuesday Venue"),
        ("letters spaced", simple("BT /F1 12 Tf 1 Tc 50 700 Td (spaced out) Tj ET").bytes(), "spaced out"),
        ("words spaced", simple("BT /F1 12 Tf 5 Tw 50 700 Td (wide gap) Tj ET").bytes(), "wide gap"),
        ("drawn twice for bold", simple(text(50, 700, "Bold text") + text(50.3, 700, "Bold text")).bytes(), "Bold text"),
        ("Type 3", type3(), "ABBA"), ("numbered glyphs", cid("Glyphs"), "Glyphs"), ("set from top to bottom", cid("縦書", vertical=True), "縦書"),
        ("Hebrew", cid(hebrew, visual=True), hebrew), ("Arabic", cid(arabic, visual=True), arabic), ("Chinese", cid("课程表"), "课程表"),
        ("Japanese", cid("時間割"), "時間割"), ("Korean", cid("시간표"), "시간표"),
        ("accents set apart", encoded(["e", "acute"], "caf\\001").replace(b"caf\\001", b"caf\\001"), "cafe"),
        ("decomposed", cid("Cafe\u0301"), "Caf\u00e9"), ("accented letters", simple("BT /F1 12 Tf 50 700 Td (\\351t\\351 na\\357ve) Tj ET").bytes(), "été naïve"),
        ("text given beside its glyphs", marked.bytes(), "a x-y"), ("a form", form(), "outer inner text"), ("a form's field", annotated(), "label filled"),
        ("layer off", layered(True), "seen also"), ("layer on", layered(False), "seen layered also"), ("tagged", tagged.bytes(), "Hello world"),
        ("updated", update(), "after"), ("PDF 2.0", simple(hello, version="2.0").bytes(), "Hello world"),
        ("objects in streams", qpdf(simple(hello).bytes(), "--object-streams=generate"), "Hello world"), ("linear", qpdf(simple(hello).bytes(), "--linearize"), "Hello world"),
        ("invisible mode", simple("BT 3 Tr /F1 12 Tf 50 700 Td (unseen) Tj ET\nBT 0 Tr /F1 12 Tf 50 650 Td (seen) Tj ET").bytes(), "seen"),
        ("white on white", simple("1 g " + text(50, 700, "unseen") + "0 g " + text(50, 650, "seen")).bytes(), "seen"),
        ("white on black", simple("0 g 40 690 200 30 re f 1 g " + text(50, 700, "seen")).bytes(), "seen"),
        ("outside the crop", simple(hello + text(50, 20, "gone"), more="/CropBox[0 100 595 842]").bytes(), "Hello world"),
        ("outside the page", simple(hello + text(50, 900, "gone")).bytes(), "Hello world"),
        ("outside the clip", simple(hello + "q 0 0 10 10 re W n " + text(50, 600, "gone") + "Q").bytes(), "Hello world"),
        ("box not at 0", simple(text(1050, 1700, "Hello world"), box="1000 1000 1595 1842").bytes(), "Hello world"),
        ("larger unit", simple(hello, more="/UserUnit 2").bytes(), "Hello world"),
        ("turned by 90", simple(hello, more="/Rotate 90").bytes(), "Hello world"), ("turned by 180", simple(hello, more="/Rotate 180").bytes(), "Hello world"),
        ("turned by its matrix", simple("q 0 1 -1 0 800 0 cm " + hello + "Q").bytes(), "Hello world"),
    ]
    return out


def timetables():
    """A timetable in every lock, turn and crop that opens without a word of ours."""
    out = []
    for kind in ("lecture", "test", "exam"):
        sheet = Maker(kind, "special").sheet(10)
        plain = report_writer.draw(sheet)
        for how, options in (("RC4-40", ["--allow-weak-crypto", "--encrypt", "", "o", "40", "--"]), ("RC4-128", ["--allow-weak-crypto", "--encrypt", "", "o", "128", "--use-aes=n", "--"]),
                             ("AES-128", ["--encrypt", "", "o", "128", "--use-aes=y", "--"]), ("AES-256", ["--encrypt", "", "o", "256", "--"]),
                             ("AES-256 of revision 5", ["--encrypt", "", "o", "256", "--force-R5", "--"]), ("linear", ["--linearize"]),
                             ("objects in streams", ["--object-streams=generate"]), ("AES-128, objects in streams", ["--object-streams=generate", "--encrypt", "", "o", "128", "--use-aes=y", "--"])):
            out.append(("%s %s" % (kind, how), qpdf(plain, *options), sheet, {}))
        for way, password in (("user", "stúdent"), ("owner", "o")):
            out.append(("%s with the %s's password" % (kind, way), qpdf(plain, "--encrypt", "stúdent", "o", "256", "--"), sheet, {"password": password}))
        for options in ({"rotate": 90}, {"rotate": 180}, {"rotate": 270}, {"crop": (20, 15, 830, 580)}, {"form": True}, {"shift": 11.3}, {"turn": 90}, {"turn": 180}, {"turn": 270}):
            out.append(("%s %s" % (kind, options), report_writer.draw(sheet, **options), sheet, {}))
    return out


def refusals():
    plain = simple(text(50, 700, "Hello world")).bytes()
    scan = simple("q 500 0 0 700 40 40 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x80 EI Q").bytes()
    handler = simple(text(50, 700, "Hello world")).bytes("/Encrypt<</Filter/Invented/V 4>>/ID[<00><00>]")
    locked = [("RC4-128", ["--allow-weak-crypto", "--encrypt", "u", "o", "128", "--use-aes=n", "--"]), ("AES-128", ["--encrypt", "u", "o", "128", "--use-aes=y", "--"]),
              ("AES-256", ["--encrypt", "u", "o", "256", "--"])]
    out = [("a scan", scan, "NO_TEXT", {}), ("another handler", handler, "UNSUPPORTED_ENCRYPTION", {}), ("no title", plain, "UNRECOGNISED_FORMAT", {"expect": "auto"})]
    for name, options in locked:
        data = qpdf(plain, *options)
        out += [("%s without its password" % name, data, "PASSWORD_REQUIRED", {}), ("%s with a wrong one" % name, data, "PASSWORD_REQUIRED", {"password": "x"})]
    return out
