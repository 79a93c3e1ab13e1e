/*
 * match_op - reading of a payload's envelope.
 *
 * It refuses the whole job only for what makes it unusable: no JSON, no known op, no pool. The ticket inside is another
 * matter.
 */
#include "match_op.h"

static const char *const op_names[MATCH_OP_COUNT] = {"submit", "leave", "touch", "cycle", "confirm", "release"};

const char *match_op_name(enum match_op_type type)
{
    return op_names[type];
}

static int read_votes(struct match_op *op, json_t *votes, struct err *e)
{
    static const char *const names[] = {"", "yes", "no", "absent"};
    const char *id;
    json_t *v;
    if (!votes)
        return 0;
    if (!json_is_object(votes) || json_object_size(votes) > 2)
        return err_set(e, ERR_BAD_PAYLOAD, "match %s: votes must be an object of at most two ticket ids",
                       op_names[op->type]);
    json_object_foreach(votes, id, v)
    {
        int vote = 0;
        for (int i = 1; i <= MATCH_VOTE_ABSENT; i++)
            if (json_is_string(v) && strcmp(json_string_value(v), names[i]) == 0)
                vote = i;
        if (!vote || !match_ticket_id_valid(id))
            return err_set(e, ERR_BAD_PAYLOAD, "match %s: a vote must be yes, no or absent, of a ticket id",
                           op_names[op->type]);
        strcpy(op->votes[op->n_votes].id, id);
        op->votes[op->n_votes++].vote = (enum match_vote)vote;
    }
    return 0;
}

static int read_name(const json_t *root, const char *field, char *out, size_t size, enum match_op_type type,
                     struct err *e)
{
    const char *s = json_string_value(json_object_get(root, field));
    if (!s || !match_ticket_id_valid(s) || strlen(s) >= size)
        return err_set(e, ERR_BAD_PAYLOAD, "match %s: \"%s\" must be 1 to %zu of A-Z a-z 0-9 . _ : @ -", op_names[type],
                       field, size - 1);
    memcpy(out, s, strlen(s) + 1);
    return 0;
}

static int read_rest(struct match_op *op, struct err *e)
{
    switch (op->type) {
    case MATCH_SUBMIT:
        op->ticket = json_object_get(op->root, "ticket");
        if (!op->ticket)
            op->ticket = op->root;
        return 0;
    case MATCH_LEAVE:
        op->disconnected = json_is_true(json_object_get(op->root, "disconnected"));
        return read_name(op->root, "id", op->id, sizeof op->id, op->type, e);
    case MATCH_TOUCH:
        return read_name(op->root, "id", op->id, sizeof op->id, op->type, e);
    case MATCH_CONFIRM:
    case MATCH_RELEASE: {
        int r = read_name(op->root, "pair", op->pair, sizeof op->pair, op->type, e);
        return r < 0 ? r : read_votes(op, json_object_get(op->root, "votes"), e);
    }
    case MATCH_CYCLE:
    case MATCH_OP_COUNT:
        return 0;
    }
    return 0;
}

static int read_op(struct match_op *op, struct err *e)
{
    const char *name = json_string_value(json_object_get(op->root, "op"));
    const char *pool = json_string_value(json_object_get(op->root, "pool"));
    const json_t *v = json_object_get(op->root, "v");
    if (!json_is_integer(v) || json_integer_value(v) != 1)
        return err_set(e, ERR_BAD_PAYLOAD, "match: \"v\" must be 1");
    op->type = MATCH_OP_COUNT;
    for (int i = 0; name && i < MATCH_OP_COUNT; i++)
        if (strcmp(name, op_names[i]) == 0)
            op->type = (enum match_op_type)i;
    if (op->type == MATCH_OP_COUNT)
        return err_set(e, ERR_BAD_PAYLOAD, "match: \"op\" must be submit, leave, touch, cycle, confirm or release");
    if (!pool || !match_ticket_pool_valid(pool))
        return err_set(e, ERR_BAD_PAYLOAD, "match %s: \"pool\" must be 1 to 64 of A-Z a-z 0-9 . _ -", name);
    strcpy(op->pool, pool);
    return read_rest(op, e);
}

int match_op_parse(const char *payload, size_t len, struct match_op *ret, struct err *e)
{
    json_error_t why;
    *ret = (struct match_op){0};
    ret->root = json_loadb(payload, len, JSON_REJECT_DUPLICATES, &why);
    if (!ret->root || !json_is_object(ret->root)) {
        match_op_fini(ret);
        return err_set(e, ERR_BAD_PAYLOAD, "match: the payload is not one JSON object (line %d, column %d)", why.line,
                       why.column);
    }
    int r = read_op(ret, e);
    if (r < 0)
        match_op_fini(ret);
    return r;
}

void match_op_fini(struct match_op *op)
{
    json_decref(op->root);
    op->root = NULL;
    op->ticket = NULL;
}
