/*
 * keys - see keys.h. Every Redis name is spelled here and in functions/.lua, nowhere else.
 */
#include "keys.h"

#include <stdio.h>

static const char *const band_names[BAND_COUNT] = {
#define X(id, name, weight) name,
    BAND_TABLE(X)
#undef X
};

const char *band_name(enum band band)
{
    assert((unsigned)band < BAND_COUNT);
    return band_names[band];
}

int band_by_name(const char *name)
{
    for (int i = 0; i < BAND_COUNT; i++)
        if (strcmp(band_names[i], name) == 0)
            return i;
    return -1;
}

bool keys_queue_valid(const char *queue)
{
    size_t len = strspn(queue, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return len >= 1 && len < QUEUE_MAX && queue[len] == '\0';
}

char *keys_prefix(char out[static KEY_MAX], const char *queue)
{
    (void)snprintf(out, KEY_MAX, "stint:{%s}", queue);
    return out;
}

char *keys_stream(char out[static KEY_MAX], const char *queue, enum band band)
{
    (void)snprintf(out, KEY_MAX, "stint:{%s}:s:%s", queue, band_name(band));
    return out;
}

char *keys_of(char out[static KEY_MAX], const char *queue, const char *suffix)
{
    (void)snprintf(out, KEY_MAX, "stint:{%s}:%s", queue, suffix);
    return out;
}
