"""PDFs put together by hand: objects in any state, a cross-reference table that tells the truth or does not."""
import zlib


def dictionary(**entries):
    return b"<<" + b"".join(b"/" + key.encode() + b" " + (value if isinstance(value, bytes) else str(value).encode()) for key, value in entries.items()) + b">>"


def stream(data, entries=b"", length=None):
    return b"<<" + entries + b"/Length %d>>stream\n" % (len(data) if length is None else length) + data + b"\nendstream"


def flate(data, entries=b"", layers=1):
    for _ in range(layers):
        data = zlib.compress(data, 3)
    return stream(data, entries + (b"/Filter[" + b"/FlateDecode" * layers + b"]"))


def flate_run(unit, count, after=b"", entries=b"", layers=1):
    """As flate(unit * count + after), made in no time: the same block of a megabyte, packed by itself, over and over."""
    block = unit * ((1 << 20) // len(unit))
    packer = zlib.compressobj(9)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    times = len(unit) * count // len(block)
    data = head + packed * times + packer.compress(after) + packer.flush()
    for _ in range(layers - 1):
        data = zlib.compress(data, 9)
    return stream(data, entries + (b"/Filter[" + b"/FlateDecode" * layers + b"]"))


def lzw_run(count):
    """LZW (9 to 12 bits, early change) of `count` spaces and a bit more, cleared whenever its table is full."""
    bits, width, codes = [], 9, []
    made = 0
    while made < count:
        codes.append((256, width))
        known, size = 258, 1
        codes.append((32, 9))
        made += 1
        while known < 4094 and made < count:
            width = 9 if known < 511 else 10 if known < 1023 else 11 if known < 2047 else 12
            codes.append((known, width))
            known, size = known + 1, size + 1
            made += size
    codes.append((257, width))
    for code, n in codes:
        bits.append(format(code, "0%db" % n))
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


class File:
    """Objects by number; 1 is the catalogue, 2 the page tree, 3 the first page."""

    def __init__(self, content=b"BT /F1 12 Tf 72 700 Td (plain) Tj ET", resources=b"", page=b"", box=b"[0 0 612 792]"):
        self.objects = {
            1: b"<</Type/Catalog/Pages 2 0 R>>",
            2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            3: b"<</Type/Page/Parent 2 0 R/MediaBox " + box + b"/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>" + resources + b">>" + page + b">>",
            4: content if content.endswith(b"endstream") else stream(content),
            5: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        }
        self.trailer = b""

    def put(self, number, body):
        self.objects[number] = body
        return self

    def add(self, body):
        number = max(self.objects) + 1
        self.objects[number] = body
        return number

    def bytes(self, size=None, xref=None):
        parts, at, places = [b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"], 15, {}
        for number, body in self.objects.items():
            part = b"%d 0 obj\n" % number + body + b"\nendobj\n"
            places[number] = at
            parts.append(part)
            at += len(part)
        top = max(self.objects) + 1
        table = b"xref\n0 %d\n0000000000 65535 f \n" % top + b"".join(
            b"%010d 00000 n \n" % places[n] if n in places else b"0000000000 00000 f \n" for n in range(1, top)) if xref is None else xref
        parts.append(table + b"trailer<</Root 1 0 R/Size %d" % (top if size is None else size) + self.trailer + b">>\nstartxref\n%d\n%%%%EOF\n" % at)
        return b"".join(parts)
