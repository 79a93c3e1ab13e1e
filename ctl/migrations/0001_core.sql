-- What every kind of job shares: the row that makes an effect happen once, the archive of dead letters, parsed documents.

CREATE SCHEMA IF NOT EXISTS stint;

-- One row a job: 'claimed' by a delivery (its epoch fences older ones), then 'done' together with the job's effect.
CREATE TABLE stint.job_outcome (
    queue       text        NOT NULL COLLATE "C",
    job_id      text        NOT NULL COLLATE "C",
    epoch       bigint      NOT NULL CHECK (epoch > 0),
    state       text        NOT NULL CHECK (state IN ('claimed', 'done')),
    kind        text        NOT NULL,
    result      jsonb,
    claimed_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (queue, job_id),
    CHECK ((state = 'done') = (finished_at IS NOT NULL))
);
CREATE INDEX job_outcome_finished ON stint.job_outcome (finished_at) WHERE state = 'done'; -- for pruning by age

-- Dead letters an operator purged: nothing is dropped before it is here.
CREATE TABLE stint.dead_archive (
    queue       text        NOT NULL COLLATE "C",
    job_id      text        NOT NULL COLLATE "C",
    died_at     timestamptz NOT NULL,
    kind        text        NOT NULL,
    cause       text        NOT NULL,
    code        text        NOT NULL,
    fingerprint text        NOT NULL,
    actor       text        NOT NULL,
    reason      text        NOT NULL DEFAULT '',
    letter      jsonb       NOT NULL, -- envelope, payload, every attempt's error
    archived_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (queue, job_id, died_at) -- archiving the same death again changes nothing
);
CREATE INDEX dead_archive_fingerprint ON stint.dead_archive (fingerprint, died_at);
CREATE INDEX dead_archive_time ON stint.dead_archive (archived_at);

-- A document parsed once under given options need not be parsed again.
CREATE TABLE stint.pdf_document (
    input_sha256 text        NOT NULL COLLATE "C" CHECK (input_sha256 ~ '^[0-9a-f]{64}$'),
    options_hash text        NOT NULL COLLATE "C",
    layout       text        NOT NULL,
    pages        integer     NOT NULL CHECK (pages > 0),
    result       jsonb       NOT NULL,
    parsed_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (input_sha256, options_hash)
);
