/*
 * complaint - exists because what is tried again and again fails again and again: a log must say so without drowning in
 * it. It refuses to swallow a different trouble, however soon it follows.
 */
#include "complaint.h"

#include <stdio.h>

bool complaint_news(struct complaint *c, const char *text, uint64_t now_ms)
{
    char cut[sizeof c->text];
    (void)snprintf(cut, sizeof cut, "%s", text);
    if (c->text[0] != '\0' && strcmp(c->text, cut) == 0 && now_ms - c->told_ms < COMPLAINT_AGAIN_MS)
        return false;
    memcpy(c->text, cut, sizeof c->text);
    c->told_ms = now_ms;
    return true;
}

bool complaint_over(struct complaint *c)
{
    bool was = c->text[0] != '\0';
    c->text[0] = '\0';
    return was;
}
