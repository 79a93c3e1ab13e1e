/*
 * match_sent - see match_sent.h. It refuses to believe in an event before Redis has answered that it is in the stream.
 */
#include "match_sent.h"

struct match_sent *match_sent_hold(struct match_sent *sent)
{
    sent->holders++;
    return sent;
}

void match_sent_drop(struct match_sent *sent)
{
    if (sent && --sent->holders == 0)
        free(sent);
}

void match_sent_add(struct match_sent *sent, int64_t seq)
{
    if (sent->n < MATCH_SENT_MAX)
        sent->seq[sent->n++] = seq;
}

void match_sent_forget(struct match_sent *sent, uint32_t n)
{
    sent->n -= n;
    memmove(sent->seq, sent->seq + n, sent->n * sizeof *sent->seq);
}

char *match_sent_array(const struct match_sent *sent, uint32_t most)
{
    struct buf b;
    buf_init(&b, (size_t)24 * MATCH_SENT_PAGE);
    (void)buf_adds(&b, "{");
    for (uint32_t i = 0; i < sent->n && i < most; i++)
        (void)buf_addf(&b, "%s%lld", i ? "," : "", (long long)sent->seq[i]);
    (void)buf_adds(&b, "}");
    return buf_take(&b);
}
