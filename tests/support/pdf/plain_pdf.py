"""PDF files written object by object, for what no producer at hand writes."""


class Pdf:
    """Objects by number; number 1 is the catalog, 2 the page tree."""

    def __init__(self, version="1.7"):
        self.version, self.objects, self.pages, self.catalog = version, {}, [], ""
        self.next = 3

    def add(self, body, stream=None):
        number, self.next = self.next, self.next + 1
        self.put(number, body, stream)
        return number

    def put(self, number, body, stream=None):
        if stream is not None:
            stream = stream if isinstance(stream, bytes) else stream.encode("latin-1")
            body = body[:-2] + "/Length %d>>" % len(stream)
        self.objects[number] = (body, stream)

    def font(self, base="Helvetica", more="/Encoding/WinAnsiEncoding"):
        return self.add("<</Type/Font/Subtype/Type1/BaseFont/%s%s>>" % (base, more))

    def page(self, content, fonts, box="0 0 595 842", more="", resources=""):
        stream = self.add("<<>>", content)
        names = "".join("/%s %d 0 R" % (name, number) for name, number in fonts.items())
        self.pages.append(self.add("<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents %d 0 R/Resources<</Font<<%s>>%s>>%s>>" % (box, stream, names, resources, more)))
        return self.pages[-1]

    def body(self, numbers, offset):
        out, places = b"", {}
        for number in sorted(numbers):
            body, stream = self.objects[number]
            places[number] = offset + len(out)
            out += b"%d 0 obj\n" % number + body.encode("latin-1") + b"\n"
            if stream is not None:
                out += b"stream\n" + stream + b"\nendstream\n"
            out += b"endobj\n"
        return out, places

    def trailer(self, places, at, previous=None, more=""):
        out = "xref\n0 1\n0000000000 65535 f \n"
        for number, place in sorted(places.items()):
            out += "%d 1\n%010d 00000 n \n" % (number, place)
        out += "trailer\n<</Size %d/Root 1 0 R%s%s>>\nstartxref\n%d\n%%%%EOF\n" % (self.next, "/Prev %d" % previous if previous else "", more, at)
        return out.encode("latin-1")

    def bytes(self, more=""):
        self.put(1, "<</Type/Catalog/Pages 2 0 R%s>>" % self.catalog)
        self.put(2, "<</Type/Pages/Kids[%s]/Count %d>>" % (" ".join("%d 0 R" % p for p in self.pages), len(self.pages)))
        head = ("%%PDF-%s\n" % self.version).encode() + b"%\xe2\xe3\xcf\xd3\n"
        body, places = self.body(self.objects, len(head))
        return head + body + self.trailer(places, len(head + body), more=more)

    def updated(self, data, number, body, stream=None):
        """data with one object replaced by an incremental update."""
        self.put(number, body, stream)
        previous = int(data.rsplit(b"startxref", 1)[1].split()[0])
        new, places = self.body([number], len(data))
        return data + new + self.trailer(places, len(data + new), previous)


def simple(content, box="0 0 595 842", more="", version="1.7", resources=""):
    """One page with Helvetica as F1, its bold as F2."""
    pdf = Pdf(version)
    pdf.page(content, {"F1": pdf.font(), "F2": pdf.font("Helvetica-Bold")}, box, more, resources)
    return pdf


def text(x, y, string, size=12, font="F1"):
    return "BT /%s %g Tf %g %g Td (%s) Tj ET\n" % (font, size, x, y, string.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)"))
