/*
 * instance_id - see instance_id.h. Refuses a name without a random part: a name used twice would hide a dead host
 * behind a living one.
 */
#include "instance_id.h"

#include <stdio.h>
#include <sys/random.h>

enum { INSTANCE_HOST_MAX = 80 };

void instance_id_of(char ret[static INSTANCE_MAX], const char *host, const unsigned char random[static 4])
{
    char name[INSTANCE_HOST_MAX + 1];
    size_t n = 0;
    for (; host[n] != '\0' && n < INSTANCE_HOST_MAX; n++) {
        char c = host[n];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
        name[n] = plain ? c : '-';
    }
    name[n] = '\0';
    (void)snprintf(ret, INSTANCE_MAX, "%s-%02x%02x%02x%02x", n > 0 ? name : "host", random[0], random[1], random[2],
                   random[3]);
}

int instance_id_new(char ret[static INSTANCE_MAX], const char *configured)
{
    char host[256] = "";
    unsigned char random[4];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return -errno;
    if (configured[0] == '\0' && gethostname(host, sizeof host - 1) < 0)
        host[0] = '\0';
    instance_id_of(ret, configured[0] != '\0' ? configured : host, random);
    return 0;
}
