/*
 * health_ask - asks the supervisor's metrics thread how it is, as a container's health check or a load balancer would.
 *
 * Runs in: ctl. Blocks for at most the given time. HTTP/1.0 to our own server on this machine; refuses answers above 64 KiB.
 */
#pragma once

#include "conf.h"
#include "err.h"
#include <jansson.h>

/* GET path ("/healthz", "/readyz", "/v1/…"; escaped) of the address in conf ([metrics] listen; the port told in run_dir/metrics.port, else [metrics] port).
 * *ret_status is the HTTP status, *ret_body its JSON (the caller's). 0; ERR_UNREACHABLE with e when nobody answers within timeout_ms, or
 * with what is no answer of a metrics thread. */
int health_ask(const struct conf *conf, const char *path, int timeout_ms, int *ret_status, json_t **ret_body, struct err *e);
