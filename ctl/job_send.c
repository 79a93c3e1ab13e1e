/*
 * job_send - see job_send.h. Leaves id, band and limits to their defaults: who needs more uses `stint enqueue`.
 */
#include "job_send.h"

#include "enqueue_options.h"
#include "queue_call.h"

#include <stdio.h>

static int take_answer(const json_t *answer, char ret_id[static JOB_ID_MAX], struct err *e)
{
    if (strcmp(json_text(answer, "state"), "refused") == 0)
        return err_set(e, ERR_REFUSED, "refused: %s", json_text(answer, "why"));
    (void)snprintf(ret_id, JOB_ID_MAX, "%s", json_text(answer, "id"));
    return 0;
}

int job_send(struct session *s, const char *kind, const json_t *payload, char ret_queue[static QUEUE_MAX],
             char ret_id[static JOB_ID_MAX], struct err *e)
{
    struct queue_call c;
    char part[QUEUE_MAX];
    json_t *answer = NULL;
    int rc = enqueue_options_queue(s, kind, args_text(&s->args, "queue", NULL), ret_queue, e);
    if (rc < 0)
        return rc;
    json_t *options = json_pack("{s:s, s:s}", "kind", kind, "actor", s->stores.actor);
    AUTO_FREE char *options_text = json_dumps(options, JSON_COMPACT);
    AUTO_FREE char *payload_text = json_dumps(payload, JSON_COMPACT);
    json_decref(options);
    if (options_text == NULL || payload_text == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the job");
    rc = queue_shard_for(&s->stores, ret_queue, NULL, part, e);
    if (rc < 0)
        return rc;
    memcpy(ret_queue, part, sizeof part);
    queue_call_init(&c, "stint_enqueue", ret_queue);
    queue_call_add(&c, options_text);
    queue_call_add(&c, payload_text);
    rc = queue_call_json(&s->stores, &c, &answer, e);
    if (rc == 0)
        rc = take_answer(answer, ret_id, e);
    json_decref(answer);
    return rc;
}
