/*
 * conf_parse - text to numbers with units. Refuses anything but the whole text being a number in range: a digit too
 * many is an error, never a smaller number.
 */
#include "conf_fields.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

struct conf_unit {
    const char *name;
    int64_t factor;
};

static const struct conf_unit units_duration[] = {{"ms", 1},      {"s", 1000},        {"m", 60000},
                                                  {"h", 3600000}, {"d", CONF_DAY_MS}, {"w", 7 * CONF_DAY_MS}};
static const struct conf_unit units_size[] = {
    {"", 1},          {"B", 1},       {"K", 1024},      {"KiB", 1024},           {"M", 1 << 20},
    {"MiB", 1 << 20}, {"G", 1 << 30}, {"GiB", 1 << 30}, {"T", INT64_C(1) << 40}, {"TiB", INT64_C(1) << 40}};

/* The digits at the start of text; *ret_rest is what follows. -ERANGE beyond int64, -EINVAL without a digit. */
static int conf_digits(const char *text, int64_t *ret_value, const char **ret_rest)
{
    int64_t value = 0;
    const char *s = text;
    for (; isdigit((unsigned char)*s); s++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *s - '0', &value))
            return -ERANGE;
    if (s == text)
        return -EINVAL;
    *ret_value = value;
    *ret_rest = s;
    return 0;
}

static int conf_with_unit(const char *text, const struct conf_unit *units, size_t n, int64_t *ret_value)
{
    int64_t value;
    const char *rest;
    int rc = conf_digits(text, &value, &rest);
    if (rc < 0)
        return rc;
    if (value == 0 && *rest == '\0') { /* nothing is nothing in any unit */
        *ret_value = 0;
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        if (strcmp(rest, units[i].name) == 0) {
            if (__builtin_mul_overflow(value, units[i].factor, &value))
                return -ERANGE;
            *ret_value = value;
            return 0;
        }
    return -EINVAL;
}

int conf_parse_duration(const char *text, int64_t *ret_ms, struct err *e)
{
    int rc = conf_with_unit(text, units_duration, ARRAY_LEN(units_duration), ret_ms);
    if (rc == -ERANGE)
        return err_set(e, ERR_BAD_CONFIG, "\"%s\" is too large for a duration", text);
    if (rc < 0)
        return err_set(e, ERR_BAD_CONFIG,
                       "\"%s\" is not a duration: a whole number and a unit (ms, s, m, h, d, w), like 250ms or 5s",
                       text);
    return 0;
}

int conf_parse_size(const char *text, int64_t *ret_bytes, struct err *e)
{
    int rc = conf_with_unit(text, units_size, ARRAY_LEN(units_size), ret_bytes);
    if (rc == -ERANGE)
        return err_set(e, ERR_BAD_CONFIG, "\"%s\" is too large for a size", text);
    if (rc < 0)
        return err_set(
            e, ERR_BAD_CONFIG,
            "\"%s\" is not a size: a whole number of bytes, or with a unit (K, M, G, T; each 1024 of the one before), "
            "like 64K or 256M",
            text);
    return 0;
}

int conf_parse_int(const char *text, int64_t *ret_value, struct err *e)
{
    bool negative = text[0] == '-';
    int64_t value;
    const char *rest;
    int rc = conf_digits(text + negative, &value, &rest);
    if (rc == -ERANGE)
        return err_set(e, ERR_BAD_CONFIG, "\"%s\" is too large for a whole number", text);
    if (rc < 0 || *rest != '\0')
        return err_set(e, ERR_BAD_CONFIG, "\"%s\" is not a whole number", text);
    *ret_value = negative ? -value : value;
    return 0;
}

int conf_parse_bool(const char *text, bool *ret_value, struct err *e)
{
    static const char *const yes[] = {"yes", "true", "on", "1"}, *const no[] = {"no", "false", "off", "0"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *ret_value = strcasecmp(text, yes[i]) == 0;
            return 0;
        }
    return err_set(e, ERR_BAD_CONFIG, "\"%s\" is neither yes nor no (also allowed: true, false, on, off, 1, 0)", text);
}

/* The largest unit that divides the value, so that what was written comes out again. */
char *conf_format_number(enum conf_type type, int64_t value, char out[static 32])
{
    const struct conf_unit *units = type == CONF_TYPE_DURATION ? units_duration : units_size;
    size_t n = type == CONF_TYPE_DURATION ? ARRAY_LEN(units_duration)
               : type == CONF_TYPE_SIZE   ? ARRAY_LEN(units_size)
                                          : 0;
    if (type == CONF_TYPE_BOOL) {
        (void)snprintf(out, 32, "%s", value != 0 ? "yes" : "no");
        return out;
    }
    const char *name = type == CONF_TYPE_DURATION ? "ms" : "";
    int64_t factor = 1;
    for (size_t i = 0; i < n && value > 0; i++)
        if (units[i].factor > factor && value % units[i].factor == 0) {
            factor = units[i].factor;
            name = units[i].name;
        }
    (void)snprintf(out, 32, "%lld%s", (long long)(value / factor), value != 0 ? name : "");
    return out;
}
