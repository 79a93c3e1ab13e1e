// Why: one worker process at BullMQ's fastest setting for no-op jobs: 50 at a time. Says "ready", works until it is ended.
import { openSync, writeSync } from 'node:fs';
import { bullmq, connection, nowUs } from './common.mjs';
let stamps;
function stamp(t) {
    stamps ??= openSync(process.env.BENCH_STAMPS, 'a');
    writeSync(stamps, new BigUint64Array([BigInt(t), BigInt(nowUs()), BigInt(process.pid)]));
}
async function hangOnce() {
    try {
        openSync(process.env.BENCH_STAMPS + '.hung', 'wx');
    } catch {
        return;
    }
    await new Promise((resolve) => setTimeout(resolve, 600000));
}
const worker = new bullmq.Worker('bench', async (job) => {
    if (job.data.t) stamp(job.data.t);
    if (job.data.hang) await hangOnce();
    return { ok: true };
}, { connection, concurrency: 50 });
await worker.waitUntilReady();
console.log('ready');
