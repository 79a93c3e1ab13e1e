/*
 * fetcher_proto - what a worker and its stint-fetch say to each other.
 *
 * Runs in: worker and stint-fetch. A SOCK_SEQPACKET pair, stint-fetch's end is FETCHER_FD; one struct a packet, in both directions.
 *
 *   worker → fetch   POLICY   first and once: what may be reached
 *                    GET      + SCM_RIGHTS: an empty memfd, to be filled
 *                    CANCEL   forget that transfer; no report follows
 *   fetch → worker   READY    once, or BOOT_FAILED; then a REPORT for every GET that was not cancelled
 *
 * A report comes from a process that reads foreign bytes: the worker believes none of it before fetcher_report_read looked at it, seals
 * the memfd and takes length and digest itself. EOF on either side: the other is dead.
 */
#pragma once

#include "base.h"

enum { FETCHER_FD = 3, FETCHER_TRANSFERS_MAX = 8, FETCHER_URL_MAX = 8192, FETCHER_LIST_MAX = 512, FETCHER_TEXT_MAX = 480 };
enum { FETCHER_MAGIC = 0x53464431 };

enum fetcher_type { FETCHER_POLICY = 1, FETCHER_GET, FETCHER_CANCEL, FETCHER_READY, FETCHER_REPORT, FETCHER_BOOT_FAILED };
enum fetcher_mode { FETCHER_OFF, FETCHER_LIST, FETCHER_PUBLIC }; /* [pdf] url */

/* [pdf] url_…; texts are NUL-terminated. */
struct fetcher_policy {
    uint32_t magic, type;
    uint32_t mode; /* enum fetcher_mode */
    uint32_t plain_http;
    uint32_t redirects;
    uint32_t connect_ms, stall_ms;
    char allow[FETCHER_LIST_MAX];   /* host patterns */
    char ports[FETCHER_LIST_MAX];
    char ranges[FETCHER_LIST_MAX];  /* not public, yet allowed (net_range.h) */
    char ca_file[FETCHER_LIST_MAX]; /* "": the system's */
};

struct fetcher_request {
    uint32_t magic, type;
    uint64_t id;
    uint64_t max_bytes;
    int64_t size;        /* announced; -1: not */
    uint32_t timeout_ms; /* all hops together */
    uint32_t configured; /* 1: an address of the configuration's own (S3): the policy is not asked, no redirect is followed */
    char url[FETCHER_URL_MAX];
};

struct fetcher_report {
    uint32_t magic, type;
    uint64_t id;
    int32_t code;          /* 0 or an ERR_ of err_table.h */
    uint32_t http_status;  /* 0: none */
    uint32_t retry_after_s; /* 0: none given */
    uint32_t redirects;    /* followed */
    uint64_t bytes;
    char text[FETCHER_TEXT_MAX]; /* why, when code is not 0 (BOOT_FAILED: SOURCE_UNAVAILABLE); never a part of the URL but its host */
};
