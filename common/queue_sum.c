/*
 * queue_sum - see queue_sum.h.
 */
#include "queue_sum.h"

static json_int_t magnitude(json_int_t n)
{
    return n < 0 ? -n : n;
}

static json_int_t joined(const char *name, json_int_t a, json_int_t b)
{
    static const char *const largest[] = {"now", "oldest_ms", "instances", "shards", "shards_served"};
    for (size_t i = 0; i < ARRAY_LEN(largest); i++)
        if (strcmp(name, largest[i]) == 0)
            return MAX_OF(a, b);
    if (strcmp(name, "next_due") == 0)
        return a < 0 ? b : b < 0 ? a : MIN_OF(a, b);
    return strcmp(name, "drift") == 0 ? magnitude(a) + magnitude(b) : a + b;
}

static void add_texts(json_t *list, const json_t *more)
{
    for (size_t i = 0; i < json_array_size(more); i++) {
        json_t *text = json_array_get(more, i);
        size_t k = 0;
        while (k < json_array_size(list) && json_equal(json_array_get(list, k), text) == 0)
            k++;
        if (k == json_array_size(list))
            (void)json_array_append(list, text);
    }
}

void queue_sum_add(json_t *sum, const json_t *part)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)part, name, value)
    {
        json_t *before = json_object_get(sum, name);
        if (before == NULL ||
            (json_array_size(before) == 0 && json_is_array(before))) /* an empty Lua table arrives as [] */
            (void)json_object_set_new(sum, name, json_deep_copy(value));
        else if (json_is_integer(before) && json_is_integer(value))
            (void)json_object_set_new(
                sum, name, json_integer(joined(name, json_integer_value(before), json_integer_value(value))));
        else if (json_is_boolean(before) && json_is_true(value))
            (void)json_object_set_new(sum, name, json_true());
        else if (json_is_array(before))
            add_texts(before, value);
        else if (json_is_object(before) && json_is_object(value))
            queue_sum_add(before, value);
    }
}

int64_t queue_sum_shards(const json_t *stats)
{
    int64_t served = json_integer_value(json_object_get(stats, "shards_served"));
    return MAX_OF(served, INT64_C(1));
}
