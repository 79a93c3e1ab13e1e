-- Dead letters that left Redis: everything known of each, to be searched with the same commands and brought back byte by byte.

CREATE TABLE stint.dead_letter (
    queue       text        NOT NULL COLLATE "C",
    job_id      text        NOT NULL COLLATE "C",
    died_ms     bigint      NOT NULL, -- ms of Redis' clock; a job replayed and dead again has another
    kind        text        NOT NULL COLLATE "C",
    band        text        NOT NULL COLLATE "C",
    cause       text        NOT NULL COLLATE "C",
    code        text        NOT NULL COLLATE "C", -- of the last error, as message, build and host are
    fingerprint text        NOT NULL COLLATE "C",
    message     text        NOT NULL,
    build       text        NOT NULL COLLATE "C",
    host        text        NOT NULL COLLATE "C", -- the instance it failed on last
    epoch       bigint      NOT NULL,
    attempts    integer     NOT NULL,
    crashes     integer     NOT NULL,
    handbacks   integer     NOT NULL,
    replays     integer     NOT NULL,
    created_ms  bigint      NOT NULL,
    errors      integer     NOT NULL, -- how many there were; the records kept are in fields, err:1 and on
    payload     bytea       NOT NULL, -- to the last byte
    fields      jsonb       NOT NULL, -- every other field of the job hash as it was, a text each
    fields_b64  jsonb,                -- those that are no text, in base64
    archived_at timestamptz NOT NULL DEFAULT now(),
    reason      text        NOT NULL,
    actor       text        NOT NULL,
    PRIMARY KEY (queue, job_id, died_ms)
);
CREATE INDEX dead_letter_died ON stint.dead_letter (died_ms);
CREATE INDEX dead_letter_fingerprint ON stint.dead_letter (fingerprint, died_ms);
CREATE INDEX dead_letter_kind ON stint.dead_letter (queue, kind, died_ms);
CREATE INDEX dead_letter_code ON stint.dead_letter (code, died_ms);
CREATE INDEX dead_letter_cause ON stint.dead_letter (cause, died_ms);
CREATE INDEX dead_letter_job ON stint.dead_letter (job_id);
