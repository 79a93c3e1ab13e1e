/*
 * transfer - one document on its way: from a URL, over however many redirects, into the memfd it was given.
 *
 * Runs in: stint-fetch. Thread: its only one (libcurl looks names up in threads of its own). Blocks nowhere.
 * Owns: its easy handle and its descriptor. Checked while it streams: length, the PDF's first bytes, every address connected to.
 */
#pragma once

#include "fetcher_proto.h"
#include "url_rules.h"

#include <curl/curl.h>

enum { TRANSFER_HEAD_BYTES = 1024, TRANSFER_REFUSAL_BYTES = 2048, TRANSFER_HEADERS_MAX = 64 * 1024, TRANSFER_ADDRESS_MAX = 200 };

struct transfer {
    uint64_t id; /* 0: free */
    const struct fetcher_policy *policy;
    CURL *easy;
    int fd;
    bool configured, started_body;
    uint64_t max_bytes, bytes, deadline_ms; /* deadline: monotonic */
    int64_t size;
    uint32_t redirects;
    size_t header_bytes;
    char head[TRANSFER_HEAD_BYTES];         /* the document's first bytes */
    char refusal[TRANSFER_REFUSAL_BYTES];   /* the body of an answer that is no document */
    size_t refusal_len;
    struct url_target target;               /* of this hop */
    struct err verdict;                     /* code 0: none yet; else why it was given up */
    char problem[CURL_ERROR_SIZE];          /* libcurl's words */
};

/* Begins in multi. Takes fd. 0, or a negative code with e when there is nothing to transfer: t is free then, fd closed. */
int transfer_start(struct transfer *t, CURLM *multi, const struct fetcher_policy *policy, const struct fetcher_request *request, int fd,
                   struct err *e);
/* libcurl has ended a hop with rc. True: the transfer is over and *report filled (all but magic and type); false: the next hop has begun. */
bool transfer_ended(struct transfer *t, CURLM *multi, CURLcode rc, struct fetcher_report *report);
/* Forgets it: closes what it has. */
void transfer_close(struct transfer *t, CURLM *multi);
