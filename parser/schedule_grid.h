/*
 * schedule_grid - a timetable of days along one side and hours along the other: each class in a cell is one event.
 *
 * Runs in: parser cell. Pure. A row of the schedule is one occupied cell.
 */
#pragma once

#include "schedule.h"

/* How many labels of days and hours stand on the page as the layout says; 0 when they make no grid. */
size_t schedule_grid_labels(const struct layout *layout, const struct page *page);
/* Reads every cell of every page. 0, or ERR_MISSING_COLUMNS when no page has the layout's days and hours. Free with schedule_free in
 * either case. */
int schedule_grid_read(struct schedule *s, const struct layout *layout, const struct page pages[], size_t n_pages, struct err *e);
