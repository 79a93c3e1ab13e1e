/*
 * autoscale_peers - what supervisors tell each other of the pools that serve a queue, inside the registry's JSON (K:ii
 * of docs/protocol.md): written for our pools, read for all others'.
 *
 * Runs in: supervisor. Pure. Owner: the caller.
 *
 *   "pools":{"pdf":{"lane":false,"workers":2,"min":1,"max":4,"busy_s":12.5,"jobs":10,"running":1}}
 */
#pragma once

#include "autoscale.h"
#include "buf.h"
#include "load_estimate.h"

struct autoscale_peer {
    struct autoscale_member member;
    struct load_sum sum;
    bool lane; /* it serves the lane alone, else the bands alone */
};

/* Appends the pool's member of "pools": "name":{…}. */
void autoscale_peers_print(struct buf *out, const char *pool, const struct autoscale_peer *peer);
/* Reads an instance's registry JSON: its pools are written to ret, at most max; how many. Other versions' and foreign
 * text may hold anything: a pool that lacks a number or has one out of range is left out, and so are all of an instance
 * that is not running. */
size_t autoscale_peers_read(const char *instance, const char *json, size_t len, struct autoscale_peer *ret, size_t max);
