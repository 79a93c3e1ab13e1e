/*
 * gender - names and numbers of genders.
 *
 * It refuses to guess: a name outside the table is an error for the caller to report, never "unknown".
 */
#include "gender.h"

static const char *const gender_names[GENDER_COUNT] = {
#define X(id, name) name,
    GENDER_TABLE(X)
#undef X
};

const char *gender_name(unsigned gender)
{
    return gender < GENDER_COUNT ? gender_names[gender] : gender_names[GENDER_UNKNOWN];
}

int gender_by_name(const char *name)
{
    if (strcmp(name, "non-binary") == 0)
        return GENDER_NONBINARY;
    for (int i = 0; i < GENDER_COUNT; i++)
        if (strcmp(name, gender_names[i]) == 0)
            return i;
    return -1;
}
