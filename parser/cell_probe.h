/*
 * cell_probe - what a hostile document would do once it had the process: the attacker of the tests.
 *
 * Runs in: parser cell of test builds (STINT_TEST_HOOKS), behind its walls. In any other build these functions do nothing.
 */
#pragma once

#include "parser_proto.h"
#include <jansson.h>

/* Does what request->probe says; returns when that did not end the process. document: as it is mapped. */
void cell_probe(const struct parser_request *request, const void *document);
/* Whether the probe is to find out what stands without the filter of system calls. */
bool cell_probe_skips_filter(uint32_t probe);
/* Lies in an otherwise true reply. */
void cell_probe_reply(uint32_t probe, json_t *reply);
