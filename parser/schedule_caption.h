/*
 * schedule_caption - what stands beside the table and holds for all of it: "First Semester 2026".
 *
 * Runs in: parser cell. Pure.
 */
#pragma once

#include "schedule.h"

/* Fills s->facts (and the year of s->values) from the layout's fixed values and from the first line of the pages that fits a caption of
 * each field. What was there is replaced only by what is found. */
void schedule_captions(struct schedule *s, const struct page pages[], size_t n_pages);
/* A page's lines of print from top to bottom; parts of a line that stand far apart are texts of their own, after the whole. Owned by the
 * caller: g_ptr_array_unref frees the texts too. */
struct _GPtrArray *schedule_caption_lines(const struct page *page);
