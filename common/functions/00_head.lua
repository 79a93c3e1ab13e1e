#!lua name=stint
-- The life cycle of a job, one Redis Function an arrow (docs/protocol.md is the contract, docs/job-lifecycle.md the
-- picture). A Function runs alone in the server, so no crash leaves half a move; all time is the server's. The parts
-- of this folder, one after the other by name, are one library; a part from 50 on keeps to itself what it does not
-- name at its top (Lua allows 200 names outside blocks).
--
-- Refuses to: trust an argument, a producer's entry or a hash it did not just write; move more than a stated number of
-- jobs in one call; read or write anything outside the hash tag of KEYS[1].
--
-- A job in here is the very array a worker receives (one allocation a job on the hot path), plus named fields the reply
-- does not carry: `in_hash` the payload is in the job hash, `expires` ms, after own() `errs` and `cancel`, `failure` an error
-- record to write, `home` the band a job in a lane came from, `strikes` how often it was let off a death, `holder`
-- the dead process's name.

local VERSION = 7
local PROTOCOL = 1                   -- raised by what a program that knows the old one cannot work with; VERSION by every change

local BANDS = {'express', 'high', 'normal', 'low'}
local IS_BAND = {express = true, high = true, normal = true, low = true}
local LANE = 'large'                  -- a ready stream beside the bands, for jobs that need a worker with more memory
local STREAMS = {'express', 'high', 'normal', 'low', LANE}
local IS_STREAM = {express = true, high = true, normal = true, low = true, [LANE] = true}
local GROUP = 'workers'
local BAND, ENTRY, ID, KIND, EPOCH, ATTEMPTS, CRASHES, HANDBACKS, REPLAYS, SUSPECT, HAS_HASH, CREATED, DUE, OPTIONS,
    PAYLOAD = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15

local MOVE_MAX = 100                 -- jobs moved by one call
local FETCH_MAX = 1000               -- jobs claimed or finished by one call
local INLINE_MAX = 4096              -- a larger payload lives in the job hash: stream nodes stay small
local PAYLOAD_MAX = 16 * 1024 * 1024
local OPTIONS_MAX = 16 * 1024
local RECORD_MAX = 16 * 1024         -- an error record, a result's or an instance's JSON is bounded apart
local RESULT_MAX = 1024 * 1024
local ERRORS_MAX = 100               -- error records kept: the first half stays, the second half holds the latest
local PARKED = 9e15                  -- score of a job whose kind is paused: after every real due time
local EVENTS_MAX, AUDIT_MAX = 1000, 10000
local RETAIN_MS = 3600000
local UNIQUE_MS = 3600000
local LONGEST_MS = 315360000000      -- ten years
local FOREIGN_IDLE_MS = 600000       -- after this long, what a stranger's consumer holds is handed back
local FREE_MAX = 25                   -- returns that cost nothing before they do: no cause is free for ever
local SUSPECT_MAX = 3                -- suspicions before a suspect that is held again is blamed
local FINAL = {done = true, cancelled = true, expired = true}

