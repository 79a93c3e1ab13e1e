/*
 * top_view - the whole system on one screen: services, what waits and what gets done, queues, dead letters, pools,
 * running jobs.
 *
 * Runs in: ctl. Pure: what is shown is an argument.
 */
#pragma once

#include "history.h"
#include "status_view.h"

/* What comes first: of the queues and of the running jobs. */
enum top_order {
    TOP_BY_NAME,   /* queue; pool and slot */
    TOP_BY_TIME,   /* oldest that waits; longest at it */
    TOP_BY_AMOUNT, /* most that wait; most memory */
    TOP_ORDER_COUNT,
};

struct top_state {
    const struct status_view *status;   /* each queue with "rates" of top_rates_json */
    const struct history *ready, *done; /* over all queues */
    int64_t now_ms;                     /* wall clock */
    enum top_order order;
};

/* "name", "time", "amount": as --sort takes it. Static storage. */
const char *top_order_name(enum top_order order);
/* Prints the lines, the most important first: whoever has a small terminal cuts them. */
void top_view_print(const struct top_state *state, struct out *o);
/* Cuts text to the first rows - 1 lines and fills up with empty ones; footer comes last. Caller frees; NULL without
 * memory. */
char *top_view_fit(const char *text, size_t rows, const char *footer);
