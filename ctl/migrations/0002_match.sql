-- Matching: the record of who waits, who is paired, and who met whom. Workers' indexes are caches of these tables.
-- All times are milliseconds since 1970 of this server's clock. A round of a pool holds the pool's row locked, so its version orders
-- every change; each changed ticket carries the version of the round that changed it.

CREATE FUNCTION stint.now_ms() RETURNS bigint LANGUAGE sql VOLATILE
    AS $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

CREATE TABLE stint.match_pool (
    pool          text PRIMARY KEY COLLATE "C",
    version       bigint NOT NULL DEFAULT 0, -- of the last round that changed anything
    floor         bigint NOT NULL DEFAULT 0, -- highest version of a purged ticket: older caches must be rebuilt
    last_round_ms bigint NOT NULL DEFAULT 0,
    watch_from_ms bigint NOT NULL DEFAULT 0  -- silence before this is ours, not the people's
);

CREATE TABLE stint.match_ticket (
    pool        text   NOT NULL COLLATE "C" REFERENCES stint.match_pool,
    id          text   NOT NULL COLLATE "C",
    state       text   NOT NULL CHECK (state IN ('waiting', 'matched', 'gone')),
    version     bigint NOT NULL,
    created_ms  bigint NOT NULL, -- when the wait began; kept when somebody is returned
    key_ms      bigint NOT NULL, -- priority: smaller is served first
    touched_ms  bigint NOT NULL,
    presence_ms bigint NOT NULL, -- gone when silent for so long; 0: not watched
    expires_ms  bigint NOT NULL,
    fairness    integer NOT NULL DEFAULT 0,
    changed_ms  bigint NOT NULL,
    reason      text,            -- of gone
    body        jsonb  NOT NULL, -- the ticket as accepted; emptied when gone
    pair_id     text   COLLATE "C",
    pair_side   "char" CHECK (pair_side IN ('a', 'b')),
    PRIMARY KEY (pool, id),
    UNIQUE (pool, id, pair_id),
    UNIQUE (pair_id, pair_side), -- at most two tickets carry a pair
    CHECK ((state = 'matched') = (pair_id IS NOT NULL)),
    CHECK ((pair_id IS NULL) = (pair_side IS NULL))
);
CREATE INDEX match_ticket_changes ON stint.match_ticket (pool, version, id);
CREATE INDEX match_ticket_gone ON stint.match_ticket (pool, changed_ms) WHERE state = 'gone';

CREATE TABLE stint.match_pair (
    id            text   PRIMARY KEY COLLATE "C",
    pool          text   NOT NULL COLLATE "C" REFERENCES stint.match_pool,
    a             text   NOT NULL COLLATE "C",
    b             text   NOT NULL COLLATE "C",
    state         text   NOT NULL CHECK (state IN ('pending', 'confirmed', 'released')),
    live_a        text   COLLATE "C", -- = a while pending
    live_b        text   COLLATE "C", -- = b while pending
    matched_ms    bigint NOT NULL,
    confirm_by_ms bigint NOT NULL,
    ended_ms      bigint,
    why           text,
    mutual        boolean NOT NULL DEFAULT false,
    km            double precision NOT NULL,
    stage         integer NOT NULL,
    wait_a_ms     bigint NOT NULL,
    wait_b_ms     bigint NOT NULL,
    CHECK (a < b),
    CHECK ((state = 'pending') = (live_a IS NOT NULL)),
    CHECK ((live_a IS NULL) = (live_b IS NULL)),
    CHECK (live_a = a AND live_b = b),
    -- A pending pair's two tickets both carry it, and (below) a ticket that carries a pair has that pair: no half pair can commit.
    FOREIGN KEY (pool, live_a, id) REFERENCES stint.match_ticket (pool, id, pair_id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (pool, live_b, id) REFERENCES stint.match_ticket (pool, id, pair_id) DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE stint.match_ticket ADD FOREIGN KEY (pair_id) REFERENCES stint.match_pair (id) DEFERRABLE INITIALLY DEFERRED;
CREATE UNIQUE INDEX match_pair_live_a ON stint.match_pair (pool, live_a) WHERE live_a IS NOT NULL;
CREATE UNIQUE INDEX match_pair_live_b ON stint.match_pair (pool, live_b) WHERE live_b IS NOT NULL;
CREATE INDEX match_pair_due ON stint.match_pair (pool, confirm_by_ms) WHERE state = 'pending';
CREATE INDEX match_pair_ended ON stint.match_pair (pool, ended_ms) WHERE state <> 'pending';

-- Who met whom, one row for both directions.
CREATE TABLE stint.match_history (
    pool     text   NOT NULL COLLATE "C" REFERENCES stint.match_pool,
    a        text   NOT NULL COLLATE "C",
    b        text   NOT NULL COLLATE "C",
    until_ms bigint NOT NULL, -- not again before; 9e15: never
    last_ms  bigint NOT NULL,
    PRIMARY KEY (pool, a, b),
    CHECK (a < b)
);
CREATE INDEX match_history_b ON stint.match_history (pool, b);
CREATE INDEX match_history_until ON stint.match_history (pool, until_ms);

-- Who must rest after a no-show.
CREATE TABLE stint.match_rest (
    pool     text   NOT NULL COLLATE "C" REFERENCES stint.match_pool,
    id       text   NOT NULL COLLATE "C",
    until_ms bigint NOT NULL,
    PRIMARY KEY (pool, id)
);

-- What the application is still to be told: written with the round, removed once it is in the pool's stream.
CREATE TABLE stint.match_event (
    seq     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pool    text   NOT NULL COLLATE "C" REFERENCES stint.match_pool,
    at_ms   bigint NOT NULL,
    body    jsonb  NOT NULL
);
CREATE INDEX match_event_pool ON stint.match_event (pool, seq);
