/*
 * health_ask - asks the supervisor's metrics thread how it is, as a container's health check or a load balancer would.
 *
 * Runs in: ctl, console. Blocks for at most the given time. HTTP/1.0 to our own server on this machine;
 * refuses answers above 1 MiB.
 */
#pragma once

#include "conf.h"
#include "err.h"
#include <jansson.h>

/* GET path ("/healthz", "/readyz", "/v1/…"; escaped) of the address that metrics_address.h finds.
 * *ret_status is the HTTP status, *ret_body its JSON (the caller's). 0; -ECONNREFUSED with e when nobody answers whole within timeout_ms;
 * ERR_PROTOCOL for what is no answer of a metrics thread. e names the address and why it was that one. */
int health_ask(const struct conf *conf, const char *path, int timeout_ms, int *ret_status, json_t **ret_body, struct err *e);
