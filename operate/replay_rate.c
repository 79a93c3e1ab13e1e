/*
 * replay_rate - see replay_rate.h. Refuses what could be meant in two ways: signs, exponents, units it does not know.
 */
#include "replay_rate.h"

#include <stdlib.h>

static const double RATE_LEAST = 0.001, RATE_MOST = 1000000;

int replay_rate_parse(const char *what, const char *text, double *ret_rate, struct err *e)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"", 1}, {"/s", 1}, {"/m", 60}, {"/min", 60}, {"/h", 3600}};
    size_t digits = strspn(text, "0123456789.");
    char *end = NULL;
    double n = digits > 0 ? strtod(text, &end) : 0;
    if (strcmp(text, "none") == 0) {
        *ret_rate = 0;
        return 0;
    }
    for (size_t i = 0; digits > 0 && end == text + digits && i < ARRAY_LEN(units); i++) {
        double rate = n / units[i].seconds;
        if (strcmp(end, units[i].unit) == 0 && rate >= RATE_LEAST && rate <= RATE_MOST) {
            *ret_rate = rate;
            return 0;
        }
    }
    return err_set(
        e, ERR_BAD_ARGUMENT,
        "%s: \"%.40s\" is not allowed; allowed: jobs per time, 0.001/s to 1000000/s (50/s, 3000/m, 100/h), or none",
        what, text);
}
