-- An event's revision, for calendars: sequence and changed_at move when what a calendar shows of it changed, and only then. An event that a newer
-- document of its owner no longer holds is marked and never deleted.
ALTER TABLE stint.pdf_event
    ADD COLUMN sequence   integer     NOT NULL DEFAULT 0,
    ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN place      text,        -- digest of the times it takes place at; null: no calendar was asked for yet
    ADD COLUMN gone_at    timestamptz;

-- What the parser answered to the same bytes under the same options: its reply, or for a short while why there is none.
-- stint.pdf_document, which kept finished answers, is read by workers of before only.
CREATE TABLE stint.pdf_cache (
    input_sha256 text        NOT NULL COLLATE "C" CHECK (input_sha256 ~ '^[0-9a-f]{64}$'),
    options_hash text        NOT NULL COLLATE "C", -- what the parser was told, and which parser with which layouts it was
    reply        text,
    pages        integer,
    parse_us     bigint      NOT NULL,
    code         text        COLLATE "C", -- why it cannot be parsed
    message      text,
    limits       text        NOT NULL COLLATE "C", -- under which it cannot
    bytes        integer     NOT NULL,
    parsed_at    timestamptz NOT NULL DEFAULT now(),
    used_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (input_sha256, options_hash),
    CHECK ((code IS NULL) = (reply IS NOT NULL))
);
CREATE INDEX pdf_cache_used ON stint.pdf_cache (used_at);

-- Whose turn is it to parse a document? 0: the caller's, until its transaction ends, however it ends: a worker that dies takes its turn with
-- it. Else for how many ms somebody else has had it; one that began within the last second is waited for, at most wait_ms.
CREATE FUNCTION stint.pdf_turn(input_sha256 text, options_hash text, wait_ms integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    key  bigint := hashtextextended('stint pdf ' || input_sha256 || ' ' || options_hash, 0);
    held bigint;
BEGIN
    IF pg_try_advisory_xact_lock(key) THEN
        RETURN 0;
    END IF;
    SELECT greatest(1, (extract(epoch FROM clock_timestamp() - min(a.xact_start)) * 1000)::bigint) INTO held
        FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.datname = current_database()
          AND l.database = a.datid AND ((l.classid::bigint << 32) | l.objid::bigint) = key;
    held := coalesce(held, 1);
    IF held > 1000 THEN
        RETURN held;
    END IF;
    BEGIN
        PERFORM set_config('lock_timeout', wait_ms || 'ms', true);
        PERFORM pg_advisory_xact_lock(key);
        PERFORM set_config('lock_timeout', '0', true);
        RETURN 0;
    EXCEPTION WHEN lock_not_available THEN -- takes the setting back too
        RETURN held + wait_ms;
    END;
END $$;
