-- A pool belongs to the queue whose round used it first: two queues of one database cannot ask for each other's rounds, nor play on each
-- other's people. '' belongs to nobody yet: pools of before, and pools an operator has released (docs/matching.md, "The record").
ALTER TABLE stint.match_pool ADD COLUMN queue text NOT NULL DEFAULT '' COLLATE "C";

-- Every round writes its pool's row: the next version finds room on the same page.
ALTER TABLE stint.match_pool SET (fillfactor = 50);

-- Who waits carries no pair, and needs no entry in this index.
ALTER TABLE stint.match_ticket DROP CONSTRAINT match_ticket_pair_id_pair_side_key;
CREATE UNIQUE INDEX match_ticket_pair ON stint.match_ticket (pair_id, pair_side) WHERE pair_id IS NOT NULL; -- at most two tickets carry a pair

-- These tables turn over many times an hour: their dead rows are not left until a fifth of the table is dead.
ALTER TABLE stint.match_ticket SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE stint.match_event SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

-- That the pool has a row is seen to by the round, which holds it locked; asking again for every row cost a third of a round.
ALTER TABLE stint.match_ticket DROP CONSTRAINT match_ticket_pool_fkey;
ALTER TABLE stint.match_pair DROP CONSTRAINT match_pair_pool_fkey;
ALTER TABLE stint.match_history DROP CONSTRAINT match_history_pool_fkey;
ALTER TABLE stint.match_rest DROP CONSTRAINT match_rest_pool_fkey;
ALTER TABLE stint.match_event DROP CONSTRAINT match_event_pool_fkey;
