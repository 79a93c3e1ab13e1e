/*
 * unwind - from a dead process's registers and stack to the functions it was in.
 *
 * Runs in: stint-backtrace. Single thread; blocks for as long as symbol tables take. Opens the files the page names, when they
 * are regular files and only for reading.
 */
#pragma once

#include "crash_page.h"
#include "err.h"

enum { UNWIND_FRAMES_MAX = 40, UNWIND_FRAME_MAX = 200 };

/* What was read of a page. */
struct unwind_input {
    struct crash_head head;
    uint8_t stack[CRASH_STACK_MAX];
    char maps[CRASH_MAPS_MAX];
};

/* "name+0x1f (file.c:12) program" innermost first, "?? library.so+0x1f2a" where no name is known. Returns how many, at most
 * UNWIND_FRAMES_MAX; 0 with e when not even the first could be found. */
size_t unwind_frames(const struct unwind_input *in, char ret_frames[UNWIND_FRAMES_MAX][UNWIND_FRAME_MAX], struct err *e);
