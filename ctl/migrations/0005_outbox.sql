-- Jobs enqueued in the caller's own transaction: a row that commits becomes a job, once; a row that does not never was.
-- stint-relay moves rows to Redis in the order of seq and marks them; a marked row stays for [relay] outbox_keep, so that the
-- same id again is recognised in the caller's transaction.
CREATE TABLE stint.stint_outbox (
    seq        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue      text        NOT NULL COLLATE "C" CHECK (queue ~ '^[A-Za-z0-9._-]{1,64}$'),
    id         text        NOT NULL COLLATE "C" DEFAULT gen_random_uuid()::text CHECK (id ~ '^[A-Za-z0-9._:-]{1,128}$'),
    kind       text        NOT NULL CHECK (kind ~ '^[a-z0-9-]{1,32}$'),
    payload    text        NOT NULL CHECK (octet_length(payload) BETWEEN 1 AND 16777216),
    options    jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(options) = 'object' AND NOT options ?| array['id', 'kind']),
    created_at timestamptz NOT NULL DEFAULT now(),
    sent       text,        -- token of the relay that sent it
    sent_at    timestamptz,
    state      text        CHECK (state IN ('ready', 'scheduled', 'duplicate', 'refused')), -- what stint_enqueue answered
    why        text,
    relayed_at timestamptz, -- Redis has it on disk
    UNIQUE (queue, id)
);
CREATE INDEX stint_outbox_waiting ON stint.stint_outbox (queue, seq) WHERE relayed_at IS NULL;
CREATE INDEX stint_outbox_relayed ON stint.stint_outbox (queue, relayed_at) WHERE relayed_at IS NOT NULL; -- for pruning by age

-- A relay that waits hears of new rows when they commit.
CREATE FUNCTION stint.outbox_ring() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY stint_outbox;
    RETURN NULL;
END $$;
CREATE TRIGGER stint_outbox_ring AFTER INSERT ON stint.stint_outbox
    FOR EACH STATEMENT EXECUTE FUNCTION stint.outbox_ring();

-- The same as an INSERT, for callers in any language: SELECT stint.enqueue('pdf', 'pdf-parse', '{"v":1,…}'). Returns the job's id.
-- An id that is there already adds nothing.
CREATE FUNCTION stint.enqueue(queue text, kind text, payload text, options jsonb DEFAULT '{}', id text DEFAULT NULL)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    job text := coalesce(enqueue.id, gen_random_uuid()::text);
BEGIN
    INSERT INTO stint.stint_outbox (queue, id, kind, payload, options)
    VALUES (enqueue.queue, job, enqueue.kind, enqueue.payload, enqueue.options)
    ON CONFLICT ON CONSTRAINT stint_outbox_queue_id_key DO NOTHING;
    RETURN job;
END $$;
