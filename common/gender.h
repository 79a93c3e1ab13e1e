/*
 * gender - the genders a ticket may name, and sets of them as bit masks.
 *
 * Runs in: worker (matching), supervisor's metrics thread (wait model), ctl. Pure.
 * Rule: nothing enumerates pairs of genders; a person of any gender may seek any set of them.
 */
#pragma once

#include "base.h"

#define GENDER_TABLE(X)                                                                                                \
    X(MALE, "male") X(FEMALE, "female") X(NONBINARY, "nonbinary") X(OTHER, "other") X(UNKNOWN, "unknown")

enum gender {
#define X(id, name) GENDER_##id,
    GENDER_TABLE(X)
#undef X
        GENDER_COUNT
};

enum { GENDER_ALL = (1 << GENDER_COUNT) - 1 };

/* "male", …; "unknown" for a number that is none. Static storage. */
const char *gender_name(unsigned gender);
/* Its number, or -1 when the name is none of the table. "non-binary" is taken for "nonbinary". */
int gender_by_name(const char *name);
