/*
 * layout_tool - what stint-parser does with layout files when it is not a zygote: read, check, list, show, draw.
 *
 * Runs in: stint-parser --layout-…, started by `stint pdf layout` and the preflight. Reads an operator's files, never a document of a job's.
 */
#pragma once

#include "base.h"

/* argv[1] is --layout-read, --layout-check, --layout-list, --layout-show or --layout-draw. One JSON object a line on standard output, but
 * for --layout-show and --layout-draw, which print the file and a PDF. Returns the exit code: 0, 1 when a layout is wrong, 2 for wrong
 * arguments. Blocks on the disk and the CPU. */
int layout_tool_run(int argc, char *argv[]);
