/*
 * cairo_tap - what the PDF library draws, taken down before it is painted.
 *
 * Runs in: parser cell. The library draws through cairo's public functions; cairo_tap.c defines those that put colour on a surface, and
 * the dynamic linker takes the program's own before cairo's (as it does malloc in main.c). On a context with a picture they note boxes
 * and paint nothing; on every other one they are cairo's, except for text, which is never painted: no font is ever opened.
 */
#pragma once

#include "picture.h"
#include <cairo.h>

/* A context of width by height pixels whose drawing ends in picture (borrowed until the context is destroyed). Caller destroys it. */
cairo_t *cairo_tap_create(struct picture *picture, double width, double height);
