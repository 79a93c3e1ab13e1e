/*
 * pg_batch - keeps parameters as offsets into one buffer, so that adding a statement is two appends and no small
 * allocation.
 */
#include "pg_batch.h"

enum { STATEMENTS_START = 8, PARAMS_START = 32 };

struct pg_batch *pg_batch_new(void)
{
    struct pg_batch *b = calloc(1, sizeof *b);
    if (b)
        buf_init(&b->text, PG_BATCH_TEXT_MAX_BYTES);
    return b;
}

void pg_batch_free(struct pg_batch *b)
{
    if (!b)
        return;
    free(b->statements);
    free(b->params);
    buf_fini(&b->text);
    free(b);
}

/* Room for `more` further elements of `size` bytes; doubles. */
static int reserve(void **array, size_t *cap, size_t len, size_t more, size_t size, size_t max, size_t start)
{
    if (more > max - len)
        return -ENOSPC;
    if (len + more <= *cap)
        return 0;
    size_t want = MAX_OF(*cap * 2, start);
    while (want < len + more)
        want *= 2;
    void *bigger = realloc(*array, want * size);
    if (!bigger)
        return -ENOMEM;
    *array = bigger;
    *cap = want;
    return 0;
}

static int reserve_both(struct pg_batch *b, size_t n_params)
{
    void *statements = b->statements, *params = b->params;
    int rc = reserve(&statements, &b->cap, b->n, 1, sizeof *b->statements, PG_BATCH_MAX, STATEMENTS_START);
    b->statements = statements;
    if (rc == 0)
        rc = reserve(&params, &b->cap_params, b->n_params, n_params, sizeof *b->params, PG_BATCH_PARAMS_MAX,
                     PARAMS_START);
    b->params = params;
    return rc;
}

static int add_value(struct pg_batch *b, const struct pg_param *p)
{
    bool text = p->len == PG_PARAM_TEXT;
    b->params[b->n_params++] = (struct pg_batch_param){.offset = p->data ? b->text.len : SIZE_MAX, .len = p->len};
    if (!p->data)
        return 0;
    return buf_add(&b->text, p->data, text ? strlen(p->data) + 1 : (size_t)p->len);
}

int pg_batch_add_params(struct pg_batch *b, const char *sql, int n_params, const struct pg_param params[])
{
    assert(n_params >= 0 && n_params <= PG_STATEMENT_PARAMS_MAX);
    size_t text_before = b->text.len, params_before = b->n_params;
    int rc = reserve_both(b, (size_t)n_params);
    for (int i = 0; i < n_params && rc == 0; i++)
        rc = add_value(b, &params[i]);
    if (rc < 0) {
        b->text.len = text_before;
        b->text.failed = false;
        b->n_params = params_before;
        return rc;
    }
    b->statements[b->n++] = (struct pg_statement){.sql = sql, .n_params = n_params, .first_param = params_before};
    return 0;
}

int pg_batch_add(struct pg_batch *b, const char *sql, int n_params, const char *const params[])
{
    struct pg_param all[PG_STATEMENT_PARAMS_MAX];
    assert(n_params >= 0 && n_params <= PG_STATEMENT_PARAMS_MAX);
    for (int i = 0; i < n_params; i++)
        all[i] = (struct pg_param){.data = params[i], .len = PG_PARAM_TEXT};
    return pg_batch_add_params(b, sql, n_params, all);
}

size_t pg_batch_len(const struct pg_batch *b)
{
    return b->n;
}

void pg_batch_values(const struct pg_batch *b, size_t i, struct pg_values *ret)
{
    const struct pg_statement *s = &b->statements[i];
    for (int p = 0; p < s->n_params; p++) {
        const struct pg_batch_param *from = &b->params[s->first_param + (size_t)p];
        bool text = from->len == PG_PARAM_TEXT;
        ret->at[p] = from->offset == SIZE_MAX ? NULL : b->text.data + from->offset;
        ret->lens[p] = text ? 0 : from->len;
        ret->formats[p] = text ? 0 : 1;
    }
}
