/*
 * store_pool - a few connections to the stores, handed to one request at a time.
 *
 * Runs in: console. Thread: any; one lock inside. A connection is opened when a request first needs it.
 */
#pragma once

#include "conf.h"
#include "stores.h"

enum { STORE_POOL_SIZE = 4 }; /* as many as there are threads that answer: nobody waits for one */

struct store_pool; /* heap */

struct store_pool *store_pool_new(const struct conf *conf); /* borrows conf; NULL without memory */
void store_pool_free(struct store_pool *p);                 /* NULL-safe; all must be back */
/* One for `name`, who is said to be acting as "name@console". Waits while all are taken. store_pool_put gives it back.
 */
struct stores *store_pool_take(struct store_pool *p, const char *name);
void store_pool_put(struct store_pool *p, struct stores *s);
