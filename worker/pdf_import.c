/*
 * pdf_import - see pdf_import.h. Deletes nothing: what a newer document no longer holds is marked as gone, and unmarked when it comes back.
 */
#include "pdf_import.h"

#include "alloc.h"
#include <stdio.h>

#define IMPORT_LOCK_SQL "SELECT pg_advisory_xact_lock(hashtextextended('stint pdf owner ' || $1, 0))"
/* Where it stands in the document is no part of an event. What was gone and is back has changed. */
#define IMPORT_CHANGED                                                                                                 \
    "(had.event - 'src' <> excluded.event - 'src' OR coalesce(had.place <> excluded.place, false) OR had.gone_at IS NOT NULL)"
#define IMPORT_EVENTS_SQL                                                                                              \
    "INSERT INTO stint.pdf_event AS had (owner, uid, queue, job_id, kind, module, day, date, starts, ends, event, place)" \
    " SELECT $1, e->>'uid', $2, $3, coalesce(e->>'kind', ''), e->>'module', e->>'day', (e->>'date')::date, (e->>'start')::time," \
    " (e->>'end')::time, e, x->>'place' FROM jsonb_array_elements($4::jsonb) AS x, LATERAL (SELECT x->'event' AS e) AS y"      \
    " ON CONFLICT (owner, uid) DO UPDATE SET queue = excluded.queue, job_id = excluded.job_id, kind = excluded.kind,"  \
    " module = excluded.module, day = excluded.day, date = excluded.date, starts = excluded.starts, ends = excluded.ends," \
    " event = excluded.event, place = coalesce(excluded.place, had.place), sequence = had.sequence + " IMPORT_CHANGED "::integer," \
    " changed_at = CASE WHEN " IMPORT_CHANGED " THEN now() ELSE had.changed_at END, gone_at = NULL, updated_at = now()" \
    " RETURNING uid, sequence, floor(extract(epoch FROM changed_at))::bigint,"                                         \
    " CASE WHEN had.xmax = 0 THEN 'a' WHEN changed_at = now() THEN 'u' ELSE 's' END"
/* The same kinds and semesters; of events with a date, those between the document's first and last. */
#define IMPORT_GONE_SQL                                                                                                \
    "WITH new AS (SELECT array_agg(DISTINCT kind) AS kinds, array_agg(DISTINCT coalesce(event->>'semester', '')) AS semesters," \
    " min(date) AS first, max(date) AS last FROM stint.pdf_event WHERE owner = $1 AND queue = $2 AND job_id = $3)"     \
    " UPDATE stint.pdf_event g SET gone_at = now(), updated_at = now() FROM new"                                       \
    " WHERE g.owner = $1 AND g.gone_at IS NULL AND (g.queue, g.job_id) <> ($2, $3) AND g.kind = ANY(new.kinds)"        \
    " AND CASE WHEN g.date IS NULL THEN coalesce(g.event->>'semester', '') = ANY(new.semesters)"                       \
    " ELSE g.date BETWEEN new.first AND new.last END"                                                                  \
    " AND ($4::jsonb IS NULL OR coalesce(g.event->>'group', '') = ''"                                                  \
    " OR EXISTS (SELECT FROM jsonb_array_elements_text($4::jsonb) AS x WHERE lower(x) = lower(g.event->>'group')))"

/* The next events and their places as JSON text. */
static char *import_piece(struct pdf_import *i)
{
    json_t *piece = json_array();
    size_t end = MIN_OF(i->at + PDF_IMPORT_EVENTS_EACH, json_array_size(i->events));
    for (; i->at < end; i->at++) {
        json_t *one = json_object();
        (void)json_object_set(one, "event", json_array_get(i->events, i->at));
        if (i->places != NULL)
            (void)json_object_set(one, "place", json_array_get(i->places, i->at));
        (void)json_array_append_new(piece, one);
    }
    char *text = alloc_must(json_dumps(piece, JSON_COMPACT));
    json_decref(piece);
    return text;
}

static int import_gone(struct pdf_import *i, struct pg_batch *b)
{
    json_t *groups = json_object_get(i->request->json, "include_groups");
    AUTO_FREE char *text = i->request->n_groups > 0 ? json_dumps(groups, JSON_COMPACT) : NULL;
    return pg_batch_add(b, IMPORT_GONE_SQL, 4, (const char *const[]){i->owner, i->queue, i->job_id, text});
}

bool pdf_import_add(struct pdf_import *i, struct pg_batch *b, int *ret_rc)
{
    int rc = 0;
    if (i->revisions == NULL) {
        i->revisions = json_object();
        rc = pg_batch_add(b, IMPORT_LOCK_SQL, 1, &i->owner);
    }
    for (size_t k = 0; k < PDF_IMPORT_STATEMENTS && i->at < json_array_size(i->events) && rc == 0; k++) {
        AUTO_FREE char *piece = import_piece(i);
        rc = pg_batch_add(b, IMPORT_EVENTS_SQL, 4, (const char *const[]){i->owner, i->queue, i->job_id, piece});
    }
    bool complete = i->at == json_array_size(i->events);
    if (rc == 0 && complete && i->whole && i->request->owner[0] != '\0' && i->at > 0)
        rc = import_gone(i, b);
    *ret_rc = rc;
    return complete;
}

void pdf_import_read(struct pdf_import *i, PGresult *const results[], size_t n)
{
    for (size_t k = 0; k < n; k++) {
        const PGresult *r = results[k];
        if (PQresultStatus(r) == PGRES_COMMAND_OK && strncmp(PQcmdStatus((PGresult *)(uintptr_t)r), "UPDATE", 6) == 0)
            i->gone = strtoull(PQcmdTuples((PGresult *)(uintptr_t)r), NULL, 10);
        for (int row = 0; PQnfields(r) == 4 && row < PQntuples(r); row++) {
            char how = PQgetvalue(r, row, 3)[0];
            i->added += how == 'a';
            i->updated += how == 'u';
            i->unchanged += how == 's';
            (void)json_object_set_new(i->revisions, PQgetvalue(r, row, 0),
                                      json_pack("[I,I]", (json_int_t)strtoll(PQgetvalue(r, row, 1), NULL, 10),
                                                (json_int_t)strtoll(PQgetvalue(r, row, 2), NULL, 10)));
        }
    }
}

void pdf_import_fini(struct pdf_import *i)
{
    json_decref(i->revisions);
    i->revisions = NULL;
}
