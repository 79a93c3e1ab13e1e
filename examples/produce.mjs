#!/usr/bin/env node
// Two jobs with ioredis alone (npm install ioredis): one by a plain XADD, one by the Function, which answers and knows options.
// usage: STINT_REDIS_URL=unix:///path/redis.sock node produce.mjs     (default redis://127.0.0.1:6379)
import Redis from "ioredis";

const queue = "stint:{match}";
const ends = ["done", "dead", "cancelled", "expired"];
const redis = new Redis((process.env.STINT_REDIS_URL ?? "redis://127.0.0.1:6379").replace(/^unix:\/\//, ""));

const payload = (id, gender, sought) =>
    JSON.stringify({ v: 1, op: "submit", pool: "examples", id, gender, seeking: [sought], age: 30 });
const job = async (id) => JSON.parse(await redis.call("FCALL", "stint_job", 1, queue, id));

// An entry without an id of its own has the id <band>-<entry>.
const entry = await redis.xadd(`${queue}:s:normal`, "*", "kind", "match", "payload", payload("js-1", "male", "female"));
const options = JSON.stringify({ kind: "match", band: "high" });
const answer = JSON.parse(await redis.call("FCALL", "stint_enqueue", 1, queue, options, payload("js-2", "female", "male")));
if (answer.state === "refused") throw new Error(answer.why);

for (const id of [`normal-${entry}`, answer.id]) {
    while (!ends.includes((await job(id)).state)) await new Promise((resolve) => setTimeout(resolve, 100));
    console.log(JSON.stringify(await job(id)));
}
redis.disconnect();
