/*
 * kind - why: the list of kinds this build can run, from kind_table.h alone. Refuses nothing; opening kinds is kind_set's.
 */
#include "kind.h"

#include "kind_table.h"

#define X(name, ops) extern const struct kind_ops ops;
KIND_TABLE(X)
#undef X

static const struct {
    const char *name;
    const struct kind_ops *ops;
} rows[] = {
#define X(kind_name, kind_ops) {kind_name, &(kind_ops)},
    KIND_TABLE(X)
#undef X
};

const struct kind_ops *kind_ops_of(const char *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].name, kind) == 0)
            return rows[i].ops;
    return NULL;
}

const char *kind_known_names(void)
{
#define X(name, ops) ", " name
    static const char names[] = KIND_TABLE(X);
#undef X
    return names + 2;
}
