/*
 * metrics_address - where this host's metrics thread is asked, and why there.
 *
 * Runs in: ctl, console. Reads one small file; asks nobody.
 */
#pragma once

#include "conf.h"
#include <sys/socket.h>

struct metrics_address {
    char host[CONF_STR_MAX]; /* numeric; the loopback where it listens on every address */
    int port;
    char why[CONF_STR_MAX + 64]; /* "as it says itself in …", "metrics.listen and metrics.port of …" */
};

/* What the running supervisor wrote down (run_dir/metrics.port) goes before what was configured: its environment may
 * have said otherwise, and port 0 is known to it alone. False: metrics are off, or the port is not known. */
bool metrics_address_find(const struct conf *conf, struct metrics_address *ret);
/* "http://127.0.0.1:9464", "http://[::1]:9464" into out; returns out. */
char *metrics_address_url(const struct metrics_address *a, char out[static CONF_STR_MAX]);
/* For connect(). *ret_size: of the address's family. 0, or -EADDRNOTAVAIL when host is no numeric address. */
int metrics_address_resolve(const struct metrics_address *a, struct sockaddr_storage *ret, socklen_t *ret_size);
