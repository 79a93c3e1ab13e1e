/*
 * queueing - how many servers a queue needs for a wait, and how long one waits with so many: textbook formulas.
 *
 * Runs in: supervisor. Pure: no I/O, no clock, no state.
 *
 * Offered load: a = λ·S servers are busy on average when λ jobs arrive a second and each takes S seconds of a server
 * (Little, J. D. C., "A Proof for the Queuing Formula L = λW", Operations Research 9, 1961). That alone is the least
 * number a queue can live with.
 *
 * Steady state: with c servers one who arrives waits with probability C(c, a) (Erlang, A. K., 1917; Kleinrock, Queueing
 * Systems I, 1975, §3.5, M/M/m), on average C(c, a)·S/(c − a). Assumed: arrivals at random and at a steady rate,
 * service times exponential, one queue, all servers alike. Service times that vary less make the wait shorter (half of
 * it when they are all alike), so the number errs upwards; those that vary more make it longer, which the backlog below
 * then shows.
 *
 * Backlog: now `ready` jobs wait and `active` are run. Within t seconds c servers start c·t/S jobs as they become free,
 * and c − active at once. What waits and what arrives within the target W has been started by then when c·(1 + W/S) ≥
 * active + ready + λ·W which for short jobs (S ≪ W) is λS + ready·S/W, and for long ones (S ≫ W) one server for each
 * job: waiting for one that runs takes too long. Assumed: service times as before, jobs in any order.
 */
#pragma once

#include "base.h"

enum { QUEUEING_SERVERS_MAX = 10000 }; /* no answer is above it */

/* What is known of a queue. Seconds; jobs. */
struct queueing_load {
    double arrivals_per_s; /* ≥ 0 */
    double service_s;      /* time of a server a job takes; > 0 */
    double ready, active;  /* now; ≥ 0 */
};

/* Erlang C: probability that one who arrives must wait. 1 when load ≥ servers. */
double queueing_erlang_c(uint32_t servers, double load);
/* Mean wait in steady state, in seconds; INFINITY when load ≥ servers. */
double queueing_steady_wait_s(const struct queueing_load *q, uint32_t servers);
/* How long a job waits that arrives now, in seconds, from the backlog or the steady state, whichever is more. With less
 * than the load needs, what it grows by within target_s is counted as waiting before it. INFINITY without servers. */
double queueing_wait_s(const struct queueing_load *q, uint32_t servers, double target_s);
/* Fewest servers with which the steady wait, and that of everything which waits now, is at most target_s (> 0). */
uint32_t queueing_servers(const struct queueing_load *q, double target_s);
