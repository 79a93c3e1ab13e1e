/*
 * match_person_options - the options that describe a person: to `stint match submit` who joins, to `stint match wait` who thinks about it.
 *
 * Runs in: ctl. Rows of a table of arguments; bounds are those of the matcher.
 */
#pragma once

#include "args.h"
#include "match_rules.h"

#define MATCH_PERSON_GENDERS "male|female|nonbinary|other|unknown"

/* The Earth's half circumference, km: no two places are farther apart. */
#define MATCH_PERSON_KM_MAX 20038

// clang-format off
#define MATCH_PERSON_OPTIONS                                                                        \
    {"gender", ARG_ENUM, "GENDER", "of this person", MATCH_PERSON_GENDERS "|M|F", 0, 0},            \
    {"seeking", ARG_LIST, "F,M", "genders sought", MATCH_PERSON_GENDERS "|any|M|F", 0, 0},          \
    {"age", ARG_INT, "N", "of this person, at least 18", NULL, MATCH_AGE_MIN, MATCH_AGE_MAX},       \
    {"age-min", ARG_INT, "N", "youngest sought", NULL, MATCH_AGE_MIN, MATCH_AGE_MAX},               \
    {"age-max", ARG_INT, "N", "oldest sought", NULL, MATCH_AGE_MIN, MATCH_AGE_MAX},                 \
    {"lat", ARG_NUMBER, "DEG", "latitude", NULL, -90, 90},                                          \
    {"lon", ARG_NUMBER, "DEG", "longitude", NULL, -180, 180},                                       \
    {"max-km", ARG_NUMBER, "KM", "farthest", NULL, 0, MATCH_PERSON_KM_MAX},                         \
    {"regions", ARG_LIST, "A,B", "instead of a place; none: anywhere", NULL, 0, 0}
// clang-format on
