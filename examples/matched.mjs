#!/usr/bin/env node
// Hears what happens in a pool with ioredis alone (npm install ioredis): who was matched, whose pair was released, who is gone.
//
// usage: STINT_REDIS_URL=unix:///path/redis.sock node matched.mjs POOL [EVENTS [FROM]]     ends after EVENTS events; 0, the default: never
//
// Each event comes at least once; its seq tells a repetition. An application keeps the id of the last entry it has dealt with, and
// begins there (FROM) when it starts again; the stream holds the last 10,000.
import Redis from "ioredis";

const [pool, events = "0", from = "0"] = process.argv.slice(2);
const redis = new Redis((process.env.STINT_REDIS_URL ?? "redis://127.0.0.1:6379").replace(/^unix:\/\//, ""));
const seen = new Set(); // the numbers of the last events; an application has them as a unique column
let left = Number(events);
let at = from;

function heard(event) {
    if (event.t === "matched") return `${event.a} and ${event.b} meet until ${event.confirm_by_ms}: pair ${event.pair}`;
    if (event.t === "expired") return `${event.id} is gone (${event.reason})`;
    const back = ["a", "b"].filter((side) => event[`${side}_waits`]).map((side) => event[side]);
    return `pair ${event.pair} ended (${event.why}); waiting again: ${back.join(" ") || "nobody"}`;
}

for (;;) {
    const answer = await redis.xread("COUNT", 100, "BLOCK", 5000, "STREAMS", `stint:{match}:match:${pool}`, at);
    for (const [id, [, seq, , data]] of answer?.[0]?.[1] ?? []) {
        at = id;
        if (seen.has(seq)) continue;
        seen.add(seq);
        if (seen.size > 10000) seen.delete(seen.values().next().value);
        console.log(heard(JSON.parse(data)));
        if (--left === 0) process.exit(0);
    }
}
