-- What pdf-parse jobs found: one row a document, and the events of all documents for apps to read.

-- One row a job. The whole answer is its job_outcome.result.
CREATE TABLE stint.pdf_result (
    queue        text        NOT NULL COLLATE "C",
    job_id       text        NOT NULL COLLATE "C",
    owner        text        NOT NULL,
    input_sha256 text        NOT NULL COLLATE "C" CHECK (input_sha256 ~ '^[0-9a-f]{64}$'),
    type         text        NOT NULL,
    pages        integer     NOT NULL,
    rows_seen    integer     NOT NULL,
    rows_parsed  integer     NOT NULL,
    events       integer     NOT NULL,
    warnings     jsonb       NOT NULL,
    cached       boolean     NOT NULL,
    stored_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (queue, job_id)
);
CREATE INDEX pdf_result_owner ON stint.pdf_result (owner, stored_at);

-- Events by owner (the payload's, else the job itself): the same timetable imported again updates its events, uid by uid.
CREATE TABLE stint.pdf_event (
    owner      text        NOT NULL,
    uid        text        NOT NULL COLLATE "C",
    queue      text        NOT NULL COLLATE "C",
    job_id     text        NOT NULL COLLATE "C",
    kind       text        NOT NULL,
    module     text        NOT NULL,
    day        text,
    date       date,
    starts     time,
    ends       time,
    event      jsonb       NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner, uid)
);
CREATE INDEX pdf_event_job ON stint.pdf_event (queue, job_id);
CREATE INDEX pdf_event_date ON stint.pdf_event (owner, date);
