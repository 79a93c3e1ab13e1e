"""Documents made to hurt a parser, each with the endings it may have. Usage: bombs.py FOLDER [NAME…]; writes FOLDER/NAME.pdf and prints
path, mode and allowed endings, by tabs, one a line."""
import os
import sys

from bomb_file import File, dictionary, flate, flate_run, lzw_run, stream

TEXT = b"BT /F1 12 Tf 72 700 Td (plain) Tj ET\n"
PLAIN = "OK"
UNPACKED = "DECOMPRESSION_LIMIT"
SPENT = "CPU_LIMIT,TIMEOUT,MEM_LIMIT,DECOMPRESSION_LIMIT"
BOMBS = []


def bomb(allowed, mode="text"):
    def take(make):
        BOMBS.append((make.__name__.replace("_", "-"), mode, allowed, make))
        return make
    return take


# Unpacking.

@bomb(UNPACKED)
def flate_1000_to_1():
    return File(flate_run(b"        ", 1 << 27, TEXT)).bytes()


@bomb(UNPACKED)
def flate_in_flate():
    return File(flate_run(b" ", 1 << 30, TEXT, layers=2)).bytes()


@bomb(UNPACKED)
def flate_three_deep():
    return File(flate_run(b"0 g\n", 1 << 28, TEXT, layers=3)).bytes()


@bomb(UNPACKED)
def flate_of_operators():
    return File(flate_run(b"q Q\n", 1 << 27, TEXT)).bytes()


@bomb(UNPACKED)
def flate_of_comment():
    return File(flate_run(b"%%%%%%%%", 1 << 27, b"\n" + TEXT)).bytes()


@bomb(UNPACKED)
def flate_of_one_string():
    return File(flate_run(b"A", 1 << 29, b") Tj ET")).bytes()


@bomb(UNPACKED)
def lzw():
    return File(stream(lzw_run(1 << 30), b"/Filter/LZWDecode")).bytes()


@bomb(UNPACKED)
def run_length():
    return File(stream(b"\x81 " * (5 << 20 >> 1) + b"\x80", b"/Filter/RunLengthDecode")).put(
        6, stream(b"\x81 " * (5 << 20 >> 1) + b"\x80", b"/Filter/RunLengthDecode")).put(4, b"[" + b"6 0 R " * 20 + b"]").bytes()


@bomb(UNPACKED)
def one_stream_a_million_times():
    return File().put(4, b"[" + b"6 0 R " * 1000000 + b"]").put(6, flate(b" " * 100000 + TEXT)).bytes()


@bomb(UNPACKED)
def form_of_one_gigabyte():
    f = File(b"/X Do\n" + TEXT, b"/XObject<</X 6 0 R>>")
    return f.put(6, flate_run(b"        ", 1 << 27, b"", b"/Type/XObject/Subtype/Form/BBox[0 0 600 700]")).bytes()


@bomb(UNPACKED + ",OK")
def pattern_of_one_gigabyte():
    f = File(b"/Pattern cs /P scn 0 0 600 700 re f\n" + TEXT, b"/Pattern<</P 6 0 R>>")
    return f.put(6, flate_run(b"        ", 1 << 27, b"", b"/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep 9/YStep 9/Resources<<>>")).bytes()


@bomb(UNPACKED + ",OK")
def glyph_of_one_gigabyte():
    f = File(b"BT /T 12 Tf 72 700 Td (aaaa) Tj ET\n" + TEXT, b"/Font<</F1 5 0 R/T 6 0 R>>")
    f.put(6, b"<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[1 0 0 1 0 0]/FirstChar 97/LastChar 97/Widths[9]/Encoding<</Differences[97/a]>>"
             b"/CharProcs<</a 7 0 R>>/Resources<<>>>>")
    return f.put(7, flate_run(b"        ", 1 << 27, b"9 0 d0")).bytes()


@bomb(UNPACKED)
def to_unicode_of_one_gigabyte():
    f = File(b"BT /T 12 Tf 72 700 Td (plain) Tj ET\n" + TEXT, b"/Font<</F1 5 0 R/T 6 0 R>>")
    f.put(6, b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 7 0 R>>")
    return f.put(7, flate_run(b"        ", 1 << 27)).bytes()


@bomb(UNPACKED)
def font_file_of_one_gigabyte():
    f = File(b"BT /T 12 Tf 72 700 Td (plain) Tj ET\n" + TEXT, b"/Font<</F1 5 0 R/T 6 0 R>>")
    f.put(6, b"<</Type/Font/Subtype/Type1/BaseFont/Strange/FontDescriptor 7 0 R>>")
    f.put(7, b"<</Type/FontDescriptor/FontName/Strange/Flags 4/FontFile 8 0 R>>")
    return f.put(8, flate_run(b"        ", 1 << 27)).bytes()


@bomb("CORRUPT_PDF,OK," + SPENT)
def object_stream_of_one_gigabyte():
    f = File().put(6, flate_run(b"1 0 ", 1 << 28, b"", b"/Type/ObjStm/N 1000000/First 1000000000"))
    f.trailer = b"/Info 7 0 R"
    return f.bytes()


@bomb("OK")
def metadata_of_one_gigabyte():
    f = File().put(1, b"<</Type/Catalog/Pages 2 0 R/Metadata 6 0 R>>")
    return f.put(6, flate_run(b"<a>b</a>", 1 << 27, b"", b"/Type/Metadata/Subtype/XML")).bytes()


def image(entries, data=b"x" * 1000):
    f = File(b"q 500 0 0 500 50 50 cm /X Do Q\n" + TEXT, b"/XObject<</X 6 0 R>>")
    return f.put(6, stream(data, b"/Type/XObject/Subtype/Image" + entries)).bytes()


@bomb("OK," + SPENT)
def image_raw_huge():
    return image(b"/Width 2000000000/Height 2000000000/BitsPerComponent 8/ColorSpace/DeviceRGB")


@bomb("OK," + SPENT)
def image_flate_huge():
    f = File(b"q 500 0 0 500 50 50 cm /X Do Q\n" + TEXT, b"/XObject<</X 6 0 R>>")
    return f.put(6, flate_run(b"\0" * 64, 1 << 24, b"", b"/Type/XObject/Subtype/Image/Width 32768/Height 32768/BitsPerComponent 8/ColorSpace/DeviceGray")).bytes()


@bomb("OK," + SPENT)
def image_dct_huge():
    head = bytes.fromhex("ffd8ffc0001108fffffffff0030122000211010311 01".replace(" ", "")) + bytes.fromhex("ffda000c03010002110311003f00") + b"\0" * 1000 + b"\xff\xd9"
    return image(b"/Width 65535/Height 65535/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/DCTDecode", head)


@bomb("OK," + SPENT)
def image_jpx_huge():
    head = bytes.fromhex("ff4fff51002f00007fffffff7fffffff00000000000000007fffffff7fffffff0000000000000000000307010107010107 0101".replace(" ", ""))
    return image(b"/Width 2147483647/Height 2147483647/Filter/JPXDecode", head + bytes.fromhex("ff52000c00000001000505040000ff5c00134040484850484850484850484850484850ff90000a0000000000000001ff93") + b"\0" * 500)


@bomb("OK," + SPENT)
def image_jbig2_huge():
    page = bytes.fromhex("00000000" "30" "00" "01" "00000013" "ffffffff" "fffffff0" "00000000" "00000000" "00" "0000")
    region = bytes.fromhex("00000001" "26" "00" "01" "00000020" "ffffffff" "fffffff0" "00000000" "00000000" "00" "00" "03ff fdff 02fe fefe".replace(" ", "")) + b"\0" * 20
    return image(b"/Width 4294967295/Height 4294967280/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/JBIG2Decode", page + region)


@bomb("OK," + SPENT)
def image_fax_huge():
    return image(b"/Width 2000000000/Height 2000000000/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/CCITTFaxDecode"
                 b"/DecodeParms<</K -1/Columns 2000000000/Rows 2000000000>>")


@bomb("OK,NO_TEXT," + SPENT)
def image_inline_huge():
    return File(b"BI /W 2000000000 /H 2000000000 /BPC 16 /CS /RGB ID " + b"x" * 1000 + b" EI\n" + TEXT).bytes()


@bomb("OK,NO_TEXT,CORRUPT_PDF," + SPENT)
def predictor_huge_columns():
    return File(flate(TEXT, b"/DecodeParms<</Predictor 12/Columns 2147483647/Colors 32/BitsPerComponent 16>>")).bytes()


@bomb("OK,NO_TEXT," + SPENT)
def predictor_many_columns():
    return File(flate_run(b" " * 64, 1 << 22, TEXT, b"/DecodeParms<</Predictor 15/Columns 67108863/Colors 4/BitsPerComponent 8>>")).bytes()


@bomb(UNPACKED)
def filters_hundred():
    return File(stream(b"61>" * 100, b"/Filter[" + b"/ASCIIHexDecode" * 100 + b"]")).bytes()


@bomb(UNPACKED)
def filters_hundred_thousand():
    return File(stream(b"61>" * 100, b"/Filter[" + b"/ASCIIHexDecode" * 100000 + b"]")).bytes()


# Going round.

def laughs(leaf, depth=9, wide=10):
    f = File(b"/X Do\n", b"/XObject<</X 6 0 R>>")
    for i in range(depth):
        f.put(6 + i, stream(b"/X Do\n" * wide, b"/Type/XObject/Subtype/Form/BBox[0 0 600 700]/Resources<</XObject<</X %d 0 R>>>>" % (7 + i)))
    return f.put(6 + depth, stream(leaf, b"/Type/XObject/Subtype/Form/BBox[0 0 600 700]/Resources<</Font<</F1 5 0 R>>>>")).bytes()


@bomb(SPENT)
def forms_laugh_with_text():
    return laughs(TEXT)


@bomb(SPENT)
def forms_laugh_with_rectangles():
    return laughs(b"1 1 9 9 re f\n")


@bomb(SPENT)
def forms_laugh_at_nothing():
    return laughs(b"")


@bomb("OK")
def form_draws_itself():
    f = File(b"/X Do\n" + TEXT, b"/XObject<</X 6 0 R>>")
    return f.put(6, stream(b"/X Do /X Do\n", b"/Type/XObject/Subtype/Form/BBox[0 0 600 700]/Resources<</XObject<</X 6 0 R>>>>")).bytes()


@bomb("OK")
def forms_draw_each_other():
    f = File(b"/X Do\n" + TEXT, b"/XObject<</X 6 0 R>>")
    for n, other in ((6, 7), (7, 6)):
        f.put(n, stream(b"/X Do /X Do\n", b"/Type/XObject/Subtype/Form/BBox[0 0 600 700]/Resources<</XObject<</X %d 0 R>>>>" % other))
    return f.bytes()


@bomb("OK,NO_TEXT,CRASH," + SPENT)
def forms_five_thousand_deep():
    f = File(b"/X Do\n", b"/XObject<</X 6 0 R>>")
    for i in range(5000):
        f.put(6 + i, stream(b"/X Do\n", b"/Type/XObject/Subtype/Form/BBox[0 0 600 700]/Resources<</XObject<</X %d 0 R>>>>" % (7 + i)))
    return f.put(5006, stream(TEXT, b"/Type/XObject/Subtype/Form/BBox[0 0 600 700]/Resources<</Font<</F1 5 0 R>>>>")).bytes()


@bomb("OK," + SPENT)
def glyph_shows_itself():
    f = File(b"BT /T 12 Tf 72 700 Td (aaaa) Tj ET\n" + TEXT, b"/Font<</F1 5 0 R/T 6 0 R>>")
    f.put(6, b"<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[1 0 0 1 0 0]/FirstChar 97/LastChar 97/Widths[9]/Encoding<</Differences[97/a]>>"
             b"/CharProcs<</a 7 0 R>>/Resources<</Font<</T 6 0 R>>>>>>")
    return f.put(7, stream(b"9 0 d0 BT /T 1 Tf (aa) Tj ET")).bytes()


@bomb("OK," + SPENT)
def pattern_in_itself():
    f = File(b"/Pattern cs /P scn 0 0 600 700 re f\n" + TEXT, b"/Pattern<</P 6 0 R>>")
    return f.put(6, stream(b"/Pattern cs /P scn 0 0 9 9 re f", b"/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep 0.001/YStep 0.001"
                                                               b"/Resources<</Pattern<</P 6 0 R>>>>")).bytes()


@bomb("OK," + SPENT)
def mask_of_itself():
    f = File(b"/G gs 0 0 600 700 re f\n" + TEXT, b"/ExtGState<</G 6 0 R>>")
    f.put(6, b"<</Type/ExtGState/SMask<</Type/Mask/S/Luminosity/G 7 0 R>>>>")
    return f.put(7, stream(b"/G gs 0 0 9 9 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 600 700]/Group<</S/Transparency/CS/DeviceGray>>"
                                                  b"/Resources<</ExtGState<</G 6 0 R>>>>")).bytes()


@bomb("OK,CRASH," + SPENT)
def function_of_itself():
    f = File(b"/S cs 0.5 scn 0 0 600 700 re f\n" + TEXT, b"/ColorSpace<</S[/Separation/x/DeviceRGB 6 0 R]>>")
    return f.put(6, b"<</FunctionType 3/Domain[0 1]/Functions[6 0 R 6 0 R]/Bounds[0.5]/Encode[0 1 0 1]>>").bytes()


@bomb("OK,CRASH," + SPENT)
def colour_space_of_itself():
    f = File(b"/S cs 0 scn 0 0 600 700 re f\n" + TEXT, b"/ColorSpace<</S 6 0 R>>")
    return f.put(6, b"[/Indexed 6 0 R 255 (abc)]").bytes()


@bomb("OK,CORRUPT_PDF,NO_TEXT")
def page_tree_is_a_ring():
    return File().put(2, b"<</Type/Pages/Kids[2 0 R 3 0 R 2 0 R]/Count 3>>").bytes()


@bomb("OK,CORRUPT_PDF,NO_TEXT,TOO_MANY_PAGES")
def page_tree_counts_wrong():
    return File().put(2, b"<</Type/Pages/Kids[3 0 R]/Count 2147483647>>").bytes()


@bomb("OK,CORRUPT_PDF,NO_TEXT,CRASH," + SPENT)
def page_tree_hundred_thousand_deep():
    f = File()
    for i in range(100000):
        f.put(10 + i, b"<</Type/Pages/Parent %d 0 R/Kids[%d 0 R]/Count 1>>" % (9 + i, 11 + i))
    f.put(100010, b"<</Type/Page/Parent 100009 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>")
    return f.put(2, b"<</Type/Pages/Kids[10 0 R]/Count 1>>").bytes()


@bomb("TOO_MANY_PAGES,CORRUPT_PDF")
def page_same_ten_thousand_times():
    return File().put(2, b"<</Type/Pages/Kids[" + b"3 0 R " * 10000 + b"]/Count 10000>>").bytes()


@bomb("TOO_MANY_PAGES")
def pages_ten_thousand():
    f = File()
    page = f.objects[3]
    numbers = [f.add(page) for _ in range(10000)]
    return f.put(2, b"<</Type/Pages/Kids[" + b"".join(b"%d 0 R " % n for n in numbers) + b"]/Count 10000>>").bytes()


@bomb("OK,CORRUPT_PDF,NO_TEXT")
def parent_is_its_own():
    return File().put(3, b"<</Type/Page/Parent 3 0 R/Contents 4 0 R>>").bytes()


@bomb("OK")
def outlines_are_a_ring():
    f = File().put(1, b"<</Type/Catalog/Pages 2 0 R/Outlines 6 0 R>>")
    return f.put(6, b"<</Type/Outlines/First 7 0 R/Last 7 0 R>>").put(7, b"<</Title(x)/Parent 6 0 R/Next 7 0 R/First 7 0 R>>").bytes()


@bomb("OK,NO_TEXT,CORRUPT_PDF")
def length_is_its_own_stream():
    return File().put(4, b"<</Length 4 0 R>>stream\n" + TEXT + b"endstream").bytes()


@bomb("OK,NO_TEXT,CORRUPT_PDF")
def filter_is_its_own_stream():
    return File().put(4, b"<</Length 38/Filter 4 0 R/DecodeParms 4 0 R>>stream\n" + TEXT + b"endstream").bytes()


@bomb("NO_TEXT,OK,CORRUPT_PDF," + SPENT)
def contents_of_contents():
    return File().put(4, b"[4 0 R 4 0 R]").bytes()


@bomb("OK,NO_TEXT,CRASH")
def font_descends_from_itself():
    return File().put(5, b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding 5 0 R/ToUnicode 5 0 R/DescendantFonts[5 0 R]>>").bytes()


@bomb("OK,NO_TEXT,MEM_LIMIT,CRASH")
def character_map_uses_itself():
    f = File().put(5, b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding 6 0 R/DescendantFonts[7 0 R]>>")
    f.put(6, stream(b"/Q usecmap begincmap endcmap", b"/Type/CMap/CMapName/Q/UseCMap 6 0 R"))
    return f.put(7, b"<</Type/Font/Subtype/CIDFontType2/BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>>>").bytes()


@bomb("OK,NO_TEXT,CORRUPT_PDF")
def objects_refer_in_a_ring():
    return File().put(4, b"6 0 R").put(6, b"7 0 R").put(7, b"6 0 R").put(3, b"<</Type/Page/Parent 2 0 R/MediaBox 6 0 R/Contents 6 0 R/Resources 6 0 R>>").bytes()


@bomb("OK,CORRUPT_PDF")
def previous_xref_is_itself():
    f = File()
    plain = f.bytes()
    f.trailer = b"/Prev %s" % plain[plain.rindex(b"startxref\n") + 10:].split()[0]
    return f.bytes()


@bomb("OK,CORRUPT_PDF,NO_TEXT,CRASH")
def brackets_a_million_deep():
    return File().put(6, b"[" * 1000000).put(3, b"<</Type/Page/Parent 2 0 R/MediaBox 6 0 R/Contents 4 0 R>>").bytes()


@bomb("OK,CORRUPT_PDF,NO_TEXT,CRASH")
def dictionaries_half_a_million_deep():
    return File(page=b"/A" + b"<</A" * 500000).bytes()


@bomb("OK,NO_TEXT,CRASH," + SPENT)
def brackets_in_content_a_million_deep():
    return File(b"[" * 1000000 + b" TJ\n" + TEXT).bytes()


@bomb("OK,CRASH," + SPENT)
def states_a_million_deep():
    return File(b"q " * 1000000 + TEXT).bytes()


@bomb("OK,CRASH," + SPENT)
def marked_content_a_million_deep():
    return File(b"/A BMC " * 1000000 + TEXT).bytes()


@bomb("OK,CORRUPT_PDF,CRASH," + SPENT)
def function_program_deep():
    f = File(b"/S cs 0.5 scn 0 0 600 700 re f\n" + TEXT, b"/ColorSpace<</S[/Separation/x/DeviceRGB 6 0 R]>>")
    return f.put(6, stream(b"{" * 200000 + b"}" * 200000, b"/FunctionType 4/Domain[0 1]/Range[0 1 0 1 0 1]")).bytes()


# Very many.

@bomb("OK,MEM_LIMIT")
def objects_a_million():
    cut = File().bytes()
    cut = cut[:cut.rindex(b"xref\n0 ")]
    rows = b"\0" * 7 + b"".join(b"\1" + cut.index(b"\n%d 0 obj" % n).to_bytes(4, "big") + b"\0\0" for n in range(1, 6)) + b"\1\0\0\0\x0f\0\0" * 1000000
    return cut + b"9 0 obj\n" + flate(rows, b"/Type/XRef/Root 1 0 R/Size 1000006/W[1 4 2]") + b"\nendobj\nstartxref\n%d\n%%%%EOF\n" % len(cut)


@bomb("OK," + SPENT)
def words_a_million():
    return File(flate(b"BT /F1 1 Tf 1 0 0 1 10 700 Tm\n" + b"".join(b"1 0 0 1 %d %d Tm (ab) Tj\n" % (i % 1000 * 4, i // 1000) for i in range(1000000)) + b"ET")).bytes()


@bomb("OK,NO_EVENTS," + SPENT, "table")
def words_a_million_as_table():
    return words_a_million()


@bomb("OK," + SPENT)
def words_a_million_in_one_place():
    return File(flate(b"BT /F1 9 Tf 1 0 0 1 100 100 Tm\n" + b"1 0 0 1 100 100 Tm (ab) Tj\n" * 1000000 + b"ET")).bytes()


@bomb("OK," + SPENT)
def words_at_all_angles():
    return File(flate(b"BT /F1 9 Tf\n" + b"".join(b"%.4f %.4f %.4f %.4f 300 300 Tm (ab) Tj\n" % (a / 1e5, 1 - a / 1e5, a / 1e5 - 1, a / 1e5) for a in range(100000)) + b"ET")).bytes()


@bomb("OK," + SPENT)
def word_of_a_million_letters():
    return File(flate(b"BT /F1 9 Tf 10 100 Td (" + b"a" * 1000000 + b") Tj ET")).bytes()


@bomb("DECOMPRESSION_LIMIT," + SPENT)
def letters_three_million():
    return File(flate(b"BT /F1 9 Tf 10 100 Td (" + b"a b " * 1000000 + b") Tj ET")).bytes()


@bomb("OK," + SPENT, "table")
def rectangles_a_million():
    return File(flate(b"".join(b"%d %d 3 0.5 re f\n" % (i % 1000, i // 1000) for i in range(1000000)) + TEXT)).bytes()


@bomb("OK," + SPENT, "table")
def strokes_a_million():
    return File(flate(b"".join(b"%d %d m %d %d l S\n" % (i % 1000, i // 1000, i % 997, i // 1000 + 5) for i in range(1000000)) + TEXT)).bytes()


@bomb("OK," + SPENT, "table")
def path_of_a_million_pieces():
    return File(flate(b"0 0 m\n" + b"".join(b"%d %d l\n" % (i * 7 % 600, i * 13 % 700) for i in range(1000000)) + b"f\n" + TEXT)).bytes()


@bomb("NO_TEXT," + SPENT, "table")
def clips_hundred_thousand():
    return File(flate(b"".join(b"q %d 0 600 700 re W n\n" % (i % 9) for i in range(100000)) + b"1 1 3 3 re f\n" + TEXT)).bytes()


@bomb("OK," + SPENT)
def fonts_hundred_thousand():
    fonts = b"".join(b"/G%d 5 0 R" % i for i in range(100000))
    return File(flate(b"BT 10 100 Td " + b"".join(b"/G%d 9 Tf (a) Tj " % i for i in range(100000)) + b"ET\n" + TEXT), b"/Font<<" + fonts + b"/F1 5 0 R>>").bytes()


def sheet(rows, rules=True):
    """A lecture timetable on one page, of very many rows."""
    heads = ((41, b"Module"), (98, b"Offered"), (141, b"Group"), (183, b"Lang"), (219, b"Activity"), (268, b"Day"), (332, b"Time"), (403, b"Venue"),
             (559, b"Campus"), (644, b"Study Prog"))
    cells = ((41, b"COS 214"), (98, b"S1"), (141, b"G01"), (183, b"E"), (219, b"L1"), (268, b"Monday"), (332, b"08:30 - 09:20"), (403, b"IT 4-4"), (559, b"HATFIELD"))
    top = rows * 12 + 100
    parts = [b"BT /F1 20 Tf 1 0 0 1 41 %d Tm (Lectures) Tj /F1 10 Tf\n" % (top - 30)]
    parts += [b"1 0 0 1 %d %d Tm (%s) Tj\n" % (x, top - 60, text) for x, text in heads]
    parts += [b"1 0 0 1 %d %d Tm (%s) Tj\n" % (x, top - 80 - 12 * r, text) for r in range(rows) for x, text in cells]
    parts.append(b"ET\n")
    if rules:
        parts += [b"38 %d 780 0.5 re f\n" % (top - 70 - 12 * r) for r in range(rows)]
    return File(flate(b"".join(parts)), box=b"[0 0 842 %d]" % top).bytes()


@bomb("OK," + SPENT, "auto")
def timetable_of_twenty_thousand_rows():
    return sheet(20000)


@bomb("OK," + SPENT, "auto")
def timetable_of_twenty_thousand_rows_without_rules():
    return sheet(20000, False)


@bomb("OK,MISSING_COLUMNS,NO_EVENTS," + SPENT, "auto")
def timetable_of_headers_alone():
    parts = [b"BT /F1 20 Tf 1 0 0 1 41 560 Tm (Lectures) Tj /F1 10 Tf\n"]
    parts += [b"1 0 0 1 %d %d Tm (Module Offered Group Lang Activity Day Time Venue Campus) Tj\n" % (41 + i % 3, 500 - i % 400) for i in range(20000)]
    return File(flate(b"".join(parts) + b"ET"), box=b"[0 0 842 595]").bytes()


# Very large.

@bomb("OK," + SPENT)
def string_of_eight_megabytes():
    return File(b"(" + b"a" * (8 << 20) + b") pop\n" + TEXT).bytes()


@bomb("OK,NO_TEXT,CORRUPT_PDF," + SPENT)
def name_of_eight_megabytes():
    return File(b"/" + b"a" * (8 << 20) + b" gs\n" + TEXT).bytes()


@bomb("OK,NO_TEXT,CORRUPT_PDF," + SPENT)
def number_of_a_megabyte():
    return File(b"9" * (1 << 20) + b" w " + b"0." + b"1" * (1 << 20) + b" w\n" + TEXT).bytes()


def at(box=b"[0 0 612 792]", content=TEXT, page=b""):
    return File(content, box=box, page=page).bytes()


BOXES = {"huge": b"[0 0 1e38 1e38]", "larger_than_numbers": b"[0 0 1" + b"0" * 400 + b" 1" + b"0" * 400 + b"]", "not_a_number": b"[0 0 nan inf]", "empty": b"[0 0 0 0]",
         "inside_out": b"[612 792 0 0]", "of_names": b"[/a /b /c /d]", "short": b"[0 0]", "tiny": b"[0 0 1e-30 1e-30]", "far_away": b"[2147483647 2147483647 2147483648 2147483648]"}
for box_name, box_value in BOXES.items():
    for box_mode in ("text", "table"):
        BOMBS.append(("page-%s-%s" % (box_name.replace("_", "-"), box_mode), box_mode, "OK,NO_TEXT,NO_EVENTS,CORRUPT_PDF," + SPENT, lambda v=box_value: at(v)))

SPOTS = {"infinity": b"1e999 1e999", "minus_infinity": b"-1e999 -1e999", "far": b"1e30 1e30", "overflow": b"2147483648 -2147483649", "digits": b"9" * 400 + b" 1"}
for spot_name, spot_value in SPOTS.items():
    for spot_mode in ("text", "table"):
        BOMBS.append(("text-at-%s-%s" % (spot_name.replace("_", "-"), spot_mode), spot_mode, "OK,NO_TEXT,NO_EVENTS,CORRUPT_PDF",
                      lambda v=spot_value: at(content=b"BT /F1 12 Tf 1 0 0 1 " + v + b" Tm (far) Tj ET " + v + b" 9 9 re f\n" + TEXT)))
        BOMBS.append(("text-sized-%s-%s" % (spot_name.replace("_", "-"), spot_mode), spot_mode, "OK,NO_TEXT,NO_EVENTS,CORRUPT_PDF",
                      lambda v=spot_value: at(content=b"BT /F1 " + v.split()[0] + b" Tf 72 72 Td (large) Tj ET 0 0 " + v + b" re f\n" + TEXT)))


@bomb("OK,NO_TEXT")
def user_unit_huge():
    return at(page=b"/UserUnit 1e30")


@bomb("OK,NO_TEXT")
def rotation_strange():
    return at(page=b"/Rotate 2147483647/CropBox[-1e30 5 1e30 6]")


# Fonts.

def font(body, *others, show=b"(plain)"):
    f = File(b"BT /T 12 Tf 72 600 Td " + show + b" Tj ET\n" + TEXT, b"/Font<</F1 5 0 R/T 6 0 R>>").put(6, b"<</Type/Font" + body + b">>")
    for other in others:
        f.add(other)
    return f.bytes()


@bomb("OK," + SPENT)
def to_unicode_giant():
    lines = b"".join(b"<%08X><%s>\n" % (i, b"0041" * 60) for i in range(200000))
    return font(b"/Subtype/Type1/BaseFont/Helvetica/ToUnicode 7 0 R", flate(b"begincmap 200000 beginbfchar\n" + lines + b"endbfchar endcmap"))


@bomb("OK," + SPENT)
def to_unicode_of_all_codes():
    return font(b"/Subtype/Type1/BaseFont/Helvetica/ToUnicode 7 0 R", stream(
        b"1 begincodespacerange <00000000><FFFFFFFF> endcodespacerange 1 beginbfrange <00000000><FFFFFFFF><0041> endbfrange\n" * 50))


@bomb("OK")
def to_unicode_of_strange_characters():
    pairs = [b"<70><0000>", b"<6C><D800>", b"<61><DFFF0041>", b"<69><FFFF>", b"<6E><001B005B0041>"]
    return font(b"/Subtype/Type1/BaseFont/Helvetica/ToUnicode 7 0 R", stream(b"5 beginbfchar\n" + b"\n".join(pairs) + b"\nendbfchar"))


@bomb("OK," + SPENT)
def character_map_giant():
    ranges = b"".join(b"<%04X><%04X> %d\n" % (i % 65536, i % 65536, i % 65536) for i in range(300000))
    return font(b"/Subtype/Type0/BaseFont/X/Encoding 7 0 R/DescendantFonts[8 0 R]",
                flate(b"1 begincodespacerange <0000><FFFF> endcodespacerange 300000 begincidrange\n" + ranges + b"endcidrange", b"/Type/CMap/CMapName/Q"),
                b"<</Type/Font/Subtype/CIDFontType2/BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>>>")


@bomb("OK," + SPENT)
def character_ranges_of_four_bytes():
    return font(b"/Subtype/Type0/BaseFont/X/Encoding 7 0 R/DescendantFonts[8 0 R]",
                stream(b"1 begincodespacerange <00000000><FFFFFFFF> endcodespacerange 1 begincidrange <00000000><FFFFFFFF> 0 endcidrange", b"/Type/CMap/CMapName/Q"),
                b"<</Type/Font/Subtype/CIDFontType2/BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>>>")


@bomb("OK," + SPENT)
def widths_giant():
    return font(b"/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[7 0 R]",
                b"<</Type/Font/Subtype/CIDFontType2/BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/W[" + b"1 [2] " * 1000000 + b"]>>")


@bomb("OK," + SPENT)
def widths_of_all_codes():
    return font(b"/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[7 0 R]",
                b"<</Type/Font/Subtype/CIDFontType2/BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/DW 1e30/W[0 2147483647 1e30 -5 5 1]>>")


@bomb("OK")
def widths_from_below_zero():
    return font(b"/Subtype/Type1/BaseFont/Helvetica/FirstChar -2147483648/LastChar 2147483647/Widths[" + b"1e30 " * 1000 + b"]")


@bomb("OK")
def differences_giant():
    return font(b"/Subtype/Type1/BaseFont/Helvetica/Encoding<</Differences[-5 " + b"/a" * 500000 + b" 2147483647 /b 99999999999 /c]>>")


@bomb("OK")
def glyph_names_strange():
    return font(b"/Subtype/Type1/BaseFont/Helvetica/Encoding<</Differences[112/#00#01#1b/uniD800/u110000/uni/u/" + b"x" * 200000 + b"/g999999999999/cid:99999]>>")


@bomb("OK")
def cjk_font_that_is_not_there():
    return font(b"/Subtype/Type0/BaseFont/HeiseiMin-W3/Encoding/90ms-RKSJ-H/DescendantFonts[7 0 R]",
                b"<</Type/Font/Subtype/CIDFontType0/BaseFont/HeiseiMin-W3/CIDSystemInfo<</Registry(Adobe)/Ordering(Japan1)/Supplement 2>>>>", show=b"<93FA967B8CEA>")


@bomb("OK")
def cjk_map_by_a_path():
    return font(b"/Subtype/Type0/BaseFont/X/Encoding/..#2f..#2f..#2fetc#2fpasswd/DescendantFonts[7 0 R]",
                b"<</Type/Font/Subtype/CIDFontType0/BaseFont/X/CIDSystemInfo<</Registry(..)/Ordering(/../../../../etc/passwd)/Supplement 2>>>>", show=b"<93FA967B8CEA>")


# The file's own books.

@bomb("OK,CORRUPT_PDF,MEM_LIMIT")
def size_of_two_billion():
    return File().bytes(size=2147483647)


@bomb("OK,CORRUPT_PDF,MEM_LIMIT")
def xref_of_two_billion():
    return File().bytes(xref=b"xref\n0 2147483647\n0000000000 65535 f \n")


@bomb("OK,CORRUPT_PDF,MEM_LIMIT")
def xref_from_two_billion():
    return File().bytes(xref=b"xref\n2147483600 40\n" + b"0000000015 00000 n \n" * 40)


@bomb("OK,CORRUPT_PDF")
def xref_points_at_itself():
    return File().bytes(xref=b"xref\n0 7\n" + b"0000000700 00000 n \n" * 7)


def xref_stream(entries, data=b"\0" * 1000):
    f = File()
    body = f.bytes()
    cut = body[:body.rindex(b"xref\n0 ")]
    return cut + b"9 0 obj\n" + stream(data, b"/Type/XRef/Root 1 0 R" + entries) + b"\nendobj\nstartxref\n%d\n%%%%EOF\n" % len(cut)


@bomb("OK,CORRUPT_PDF,MEM_LIMIT")
def xref_stream_of_two_billion():
    return xref_stream(b"/Size 2147483647/W[1 2 1]/Index[0 2147483647]")


@bomb("OK,CORRUPT_PDF,MEM_LIMIT")
def xref_stream_wide():
    return xref_stream(b"/Size 100/W[2147483647 2147483647 2147483647]")


@bomb("OK,CORRUPT_PDF,MEM_LIMIT")
def xref_stream_of_one_gigabyte():
    cut = File().bytes()
    cut = cut[:cut.rindex(b"xref\n0 ")]
    return cut + b"9 0 obj\n" + flate_run(b"\1\0\0\0", 1 << 28, b"", b"/Type/XRef/Root 1 0 R/Size 2000000000/W[1 2 1]") + b"\nendobj\nstartxref\n%d\n%%%%EOF\n" % len(cut)


@bomb("OK,CORRUPT_PDF,NO_TEXT")
def object_stream_in_itself():
    cut = File().bytes()
    cut = cut[:cut.rindex(b"xref\n0 ")]
    rows = b"\0\0\0\0" + b"\2\0\7\0" * 8 + b"\1" + len(cut).to_bytes(2, "big") + b"\0"
    return cut + b"9 0 obj\n" + stream(rows, b"/Type/XRef/Root 1 0 R/Size 10/W[1 2 1]") + b"\nendobj\nstartxref\n%d\n%%%%EOF\n" % len(cut)


def locked(entries):
    f = File()
    f.trailer = b"/Encrypt 6 0 R/ID[(0123456789abcdef)(0123456789abcdef)]"
    return f.put(6, b"<</Filter/Standard" + entries + b">>").bytes()


REFUSED = "PASSWORD_REQUIRED,UNSUPPORTED_ENCRYPTION,CORRUPT_PDF,OK,NO_TEXT"


@bomb(REFUSED)
def crypt_of_two_billion_rounds():
    return locked(b"/V 5/R 2147483647/Length 2147483647/P -1/O(" + b"x" * 48 + b")/U(" + b"y" * 48 + b")/OE(" + b"z" * 32 + b")/UE(" + b"z" * 32 + b")/Perms(0123456789abcdef)")


@bomb(REFUSED)
def crypt_with_long_strings():
    return locked(b"/V 4/R 4/Length 128/P -1/O(" + b"x" * 1000000 + b")/U(" + b"y" * 1000000 + b")/CF<</StdCF<</CFM/AESV2/Length 2147483647>>>>/StmF/StdCF/StrF/StdCF")


@bomb(REFUSED)
def crypt_without_anything():
    return locked(b"")


@bomb(REFUSED)
def crypt_of_itself():
    return locked(b"/V 6 0 R/R 6 0 R/O 6 0 R/U 6 0 R/P 6 0 R/CF 6 0 R/StmF 6 0 R")


@bomb(REFUSED)
def crypt_revision_six():
    return locked(b"/V 5/R 6/Length 256/P -1/O(" + b"x" * 127 + b")/U(" + b"y" * 127 + b")/OE(" + b"z" * 32 + b")/UE(" + b"z" * 32 + b")/Perms(0123456789abcdef)"
                  b"/CF<</StdCF<</CFM/AESV3/Length 32>>>>/StmF/StdCF/StrF/StdCF")


# What it says of itself.

def info(value):
    f = File()
    f.trailer = b"/Info 6 0 R"
    return f.put(6, dictionary(Producer=value)).bytes()


@bomb("OK")
def producer_of_five_megabytes():
    return info(b"(" + b"p" * (5 << 20) + b")")


@bomb("OK")
def producer_of_control_characters():
    return info(b"(\\000\\001\\033[31m\\015\\012BEGIN:VEVENT\\177\\377)")


@bomb("OK")
def producer_of_broken_utf16():
    return info(b"<FEFFD800D800DC00004100>")


@bomb("OK")
def producer_of_half_surrogates():
    return info(b"<FEFF" + b"D83D" * 1000 + b">")


@bomb("OK")
def producer_is_a_ring():
    f = File()
    f.trailer = b"/Info 6 0 R"
    return f.put(6, b"<</Producer 6 0 R/Title 7 0 R>>").put(7, b"7 0 R").bytes()


@bomb("OK")
def metadata_of_entities():
    laugh = b"<!DOCTYPE a [<!ENTITY a \"lol\">" + b"".join(b"<!ENTITY %c \"%s\">" % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9)) + b"]><x>&j;</x>"
    return File().put(1, b"<</Type/Catalog/Pages 2 0 R/Metadata 6 0 R>>").put(6, stream(laugh, b"/Type/Metadata/Subtype/XML")).bytes()


@bomb("OK")
def actions_and_scripts():
    f = File(page=b"/AA<</O<</S/Launch/F(/bin/sh)>>>>").put(1, b"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert(1))>>/AcroForm<</XFA(x)/Fields[]>>>>")
    return f.bytes()


@bomb("OK")
def external_streams():
    return File(b"/X Do\n" + TEXT, b"/XObject<</X 6 0 R>>").put(6, stream(b"", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/F(/etc/passwd)/FFilter/FlateDecode")).bytes()


@bomb("OK")
def text_that_would_be_json_or_a_calendar():
    return File(b"BT /F1 12 Tf 72 700 Td (\"},{\"code\":\"OK\" \\015\\012END:VCALENDAR \\000 <script> $(reboot) %s%n) Tj ET").bytes()


@bomb("EMPTY_FILE")
def file_empty():
    return b""


@bomb("CORRUPT_PDF")
def file_of_a_head_alone():
    return b"%PDF-1.7\n"


@bomb("NOT_PDF")
def file_of_noise():
    return bytes(i * 7919 % 251 for i in range(100000))


@bomb("CORRUPT_PDF," + SPENT)
def file_of_nothing_but_objects_begun():
    return b"%PDF-1.7\n" + b"1 0 obj<<" * 1000000


@bomb("CORRUPT_PDF,OK,NO_TEXT," + SPENT)
def file_of_ends():
    return File().bytes() + b"startxref\n0\n%%EOF\n" * 400000


def main():
    folder, names = sys.argv[1], set(sys.argv[2:])
    for name, mode, allowed, make in BOMBS:
        if names and name not in names:
            continue
        path = os.path.join(folder, name + ".pdf")
        with open(path, "wb") as f:
            f.write(make())
        print("%s\t%s\t%s" % (path, mode, allowed))


if __name__ == "__main__":
    main()
