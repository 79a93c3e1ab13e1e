/*
 * content_reader_table - the operators that are plain: X(operator, operands, method of ContentReader); operands: n number, / name, s string, * as the method
 * looks at itself.
 */
#pragma once

#define CONTENT_READER_TABLE(X)                                                                                                            \
    X("q", "", save)                                                                                                                       \
    X("Q", "", restore)                                                                                                                    \
    X("cm", "nnnnnn", transform)                                                                                                           \
    X("w", "n", line_width)                                                                                                                \
    X("J", "*", ignored)                                                                                                                   \
    X("j", "*", ignored)                                                                                                                   \
    X("M", "*", ignored)                                                                                                                   \
    X("d", "*", dash)                                                                                                                      \
    X("ri", "*", ignored)                                                                                                                  \
    X("i", "*", ignored)                                                                                                                   \
    X("gs", "/", extended)                                                                                                                 \
    X("m", "nn", move)                                                                                                                     \
    X("l", "nn", line)                                                                                                                     \
    X("c", "nnnnnn", curve)                                                                                                                \
    X("v", "nnnn", curve_first)                                                                                                            \
    X("y", "nnnn", curve_last)                                                                                                             \
    X("h", "", close)                                                                                                                      \
    X("re", "nnnn", rectangle)                                                                                                             \
    X("S", "", stroke)                                                                                                                     \
    X("s", "", close_stroke)                                                                                                               \
    X("f", "", fill)                                                                                                                       \
    X("F", "", fill)                                                                                                                       \
    X("f*", "", fill_even_odd)                                                                                                             \
    X("B", "", fill_stroke)                                                                                                                \
    X("B*", "", fill_stroke_even_odd)                                                                                                      \
    X("b", "", close_fill_stroke)                                                                                                          \
    X("b*", "", close_fill_stroke_even_odd)                                                                                                \
    X("n", "", end_path)                                                                                                                   \
    X("W", "", clip)                                                                                                                       \
    X("W*", "", clip)                                                                                                                      \
    X("BT", "", begin_text)                                                                                                                \
    X("ET", "", end_text)                                                                                                                  \
    X("Tc", "n", char_spacing)                                                                                                             \
    X("Tw", "n", word_spacing)                                                                                                             \
    X("Tz", "n", scaling)                                                                                                                  \
    X("TL", "n", leading)                                                                                                                  \
    X("Tf", "/n", text_font)                                                                                                               \
    X("Tr", "n", render)                                                                                                                   \
    X("Ts", "n", rise)                                                                                                                     \
    X("Td", "nn", text_move)                                                                                                               \
    X("TD", "nn", text_move_leading)                                                                                                       \
    X("Tm", "nnnnnn", text_matrix)                                                                                                         \
    X("T*", "", next_line)                                                                                                                 \
    X("Tj", "s", show)                                                                                                                     \
    X("TJ", "*", show_spaced)                                                                                                              \
    X("'", "s", show_next_line)                                                                                                            \
    X("\"", "nns", show_next_line_spaced)                                                                                                  \
    X("g", "n", fill_grey)                                                                                                                 \
    X("G", "n", stroke_grey)                                                                                                               \
    X("rg", "nnn", fill_rgb)                                                                                                               \
    X("RG", "nnn", stroke_rgb)                                                                                                             \
    X("k", "nnnn", fill_cmyk)                                                                                                              \
    X("K", "nnnn", stroke_cmyk)                                                                                                            \
    X("cs", "/", fill_space)                                                                                                               \
    X("CS", "/", stroke_space)                                                                                                             \
    X("sc", "*", fill_colour)                                                                                                              \
    X("scn", "*", fill_colour)                                                                                                             \
    X("SC", "*", stroke_colour)                                                                                                            \
    X("SCN", "*", stroke_colour)                                                                                                           \
    X("Do", "/", object)                                                                                                                   \
    X("sh", "/", shading)                                                                                                                  \
    X("BMC", "*", marked)                                                                                                                  \
    X("BDC", "*", marked)                                                                                                                  \
    X("EMC", "*", ignored)                                                                                                                 \
    X("MP", "*", ignored)
