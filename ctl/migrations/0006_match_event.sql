-- An event is told by whoever may: its own worker until tell_ms, then any worker of its queue, which claims it by moving
-- tell_ms on. Rows of before have no queue and belong to whoever finds them.
ALTER TABLE stint.match_event
    ADD COLUMN queue   text   NOT NULL DEFAULT '' COLLATE "C",
    ADD COLUMN tell_ms bigint NOT NULL DEFAULT 0;
DROP INDEX stint.match_event_pool; -- nobody asks by pool any more
CREATE INDEX match_event_tell ON stint.match_event (queue, tell_ms);
