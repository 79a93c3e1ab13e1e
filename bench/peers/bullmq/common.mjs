// Why: client and worker of the BullMQ peer speak of the same queue, job and clock. BENCH_MODULES is where npm put it.
import { createRequire } from 'node:module';
const require = createRequire(process.env.BENCH_MODULES + '/');
export const bullmq = require('bullmq');
export const connection = { path: process.env.BENCH_REDIS, maxRetriesPerRequest: null };
export const nowUs = () => Number(process.hrtime.bigint() / 1000n); // the machine's monotonic clock
// A job's data: JSON of so many bytes; t: when it was due.
export function payload(bytes, t) {
    const data = t ? { v: 1, do: 'ok', t, pad: '' } : { v: 1, do: 'ok', pad: '' };
    data.pad = 'x'.repeat(Math.max(0, bytes - JSON.stringify(data).length));
    return data;
}
