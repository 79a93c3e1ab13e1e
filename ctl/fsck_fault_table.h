/*
 * fsck_fault_table - every fault that `stint fsck` can find: Runs in: ctl. docs/operations/fsck.md has the same list
 * in words; common/functions/95_fsck.lua finds them, 96_mend.lua mends them.
 *
 * X(name, settles, meaning, mend)
 *   settles  1: work in progress mends it by itself within a few heartbeats; it is a fault only when it outlives them
 *   mend     what --repair does; "" when only people can
 * In the order in which they are mended: a key before what it holds, jobs before the counters that count them.
 */
#pragma once

#define FSCK_FAULT_TABLE(X)                                                                                            \
    X(key_type, 0, "a key has the wrong type", "rename the key to K:broken:..., for people to look at")               \
    X(group_missing, 1, "a stream lost its consumer group", "make the group anew; what was active is ready again")     \
    X(hash_malformed, 0, "a job hash cannot be read", "set its fields right by where the job is, else a dead letter")  \
    X(hash_expiring, 0, "the hash of a living job will expire", "take the expiry away")                                \
    X(final_kept, 0, "the status of an ended job is kept for ever", "give it the expiry of its kind")                  \
    X(two_places, 0, "a job is in two places at once", "keep the place that its hash names")                           \
    X(scheduled_wrong_state, 0, "a scheduled job's hash says another state", "say scheduled, else a dead letter")      \
    X(dead_wrong_state, 0, "a dead letter's hash says another state", "say dead, with its indexes")                    \
    X(scheduled_unlisted, 0, "a scheduled job is not in K:d", "put it back, else a dead letter")                       \
    X(dead_unlisted, 0, "a dead letter is not in K:dead", "put it back")                                               \
    X(scheduled_no_hash, 0, "a scheduled job has no hash", "a dead letter that says so")                               \
    X(scheduled_no_payload, 0, "a scheduled job has no payload", "a dead letter that says so")                         \
    X(dead_no_hash, 0, "a dead letter has no hash", "a new hash that says so")                                         \
    X(dead_no_payload, 0, "a dead letter has no payload", "note it in the letter")                                     \
    X(entry_malformed, 1, "a ready entry can never run", "a dead letter that names the field")                         \
    X(payload_missing, 0, "an entry's payload is not in the hash", "a dead letter that says so")                       \
    X(hash_missing, 0, "an entry's job hash is gone", "write it anew")                                                 \
    X(hash_astray, 0, "an entry's job hash points elsewhere", "point it here, or let the entry go on by its own name") \
    X(pending_deleted, 0, "a pending entry was deleted", "take it from the pending list; ready again or a dead letter") \
    X(pending_stranger, 1, "an entry is held by no worker", "hand it back, at no cost")                                \
    X(pending_orphan, 1, "an entry is held by a host without a lease", "ready again at no cost, run alone")            \
    X(pending_superseded, 1, "an entry is held by a worker that was replaced", "ready again at no cost, run alone")    \
    X(queued_lost, 0, "a job's hash says queued; its entry is gone", "ready again when its payload is kept, else a dead letter") \
    X(fp_missing, 0, "a dead letter is not in K:fp", "put it in")                                                      \
    X(fp_stray, 0, "K:fp holds what is no dead letter", "take it out")                                                 \
    X(parked_unlisted, 0, "a parked job is not in K:p:<kind>", "put it in")                                            \
    X(parked_stray, 0, "K:p:<kind> holds what is not parked", "take it out")                                           \
    X(parked_forgotten, 1, "jobs are parked though their kind runs", "bring them back")                                \
    X(unique_malformed, 0, "a dedup key holds no job id", "remove it")                                                 \
    X(unique_forever, 0, "a dedup key has no expiry", "let it expire in an hour")                                      \
    X(unique_dangling, 0, "a dedup key is held by a job that will never be done", "remove it")                         \
    X(lease_without_info, 1, "an instance has a lease and no info", "note an empty one")                               \
    X(info_without_lease, 1, "K:ii knows an instance without a lease", "take it out")                                  \
    X(paused_kinds, 0, "the number of paused kinds is wrong", "count them")                                            \
    X(ledger_malformed, 0, "a counter is no number", "remove it; the drift that is left is repaired")                  \
    X(dead_counter, 0, "a number of dead letters by cause is wrong", "set it to the number counted")                   \
    X(outcome_missing, 0, "done in Redis, without its outcome in PostgreSQL", "")                                      \
    X(outcome_orphan, 0, "claimed in PostgreSQL, with no job in Redis", "delete the claim")                            \
    X(ledger_drift, 0, "the ledger does not add up", "correct it by the counter repaired")
