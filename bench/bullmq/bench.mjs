// Why: the peer, at its best setting for this work: jobs added in bulk, 50 at a time in one process, nothing kept when done.
// Usage: node bench.mjs SOCKET MODULES JOBS add-and-process|latency|idle
import { createRequire } from 'node:module';
const [socket, modules, count, mode] = process.argv.slice(2);
const require = createRequire(modules + '/');
const { Queue, Worker } = require('bullmq');
const jobs = Number(count);
const connection = { path: socket, maxRetriesPerRequest: null };
const data = { v: 1, do: 'ok', pad: 'x'.repeat(102) };
const options = { removeOnComplete: true, removeOnFail: true };
const emit = (measure, value, n = jobs) => console.log(JSON.stringify({ system: 'bullmq', measure, value: Number(value.toPrecision(6)), jobs: n }));
const now = () => Number(process.hrtime.bigint()) / 1e9;

async function addAndProcess() {
    const queue = new Queue('bench', { connection });
    await queue.waitUntilReady();
    const ones = Math.floor(jobs / 5);
    let start = now();
    for (let i = 0; i < ones; i++) await queue.add('probe', data, options);
    emit('enqueue one by one /s', ones / (now() - start), ones);
    start = now();
    for (let sent = 0; sent < jobs; sent += 100) await queue.addBulk(Array.from({ length: 100 }, () => ({ name: 'probe', data, opts: options })));
    emit('enqueue bulk /s', jobs / (now() - start));
    const total = jobs + ones;
    let done = 0, finished;
    const all = new Promise((resolve) => { finished = resolve; });
    const worker = new Worker('bench', async () => ({ ok: true }), { connection, concurrency: 50, autorun: false });
    worker.on('completed', () => { if (++done === total) finished(); });
    await worker.waitUntilReady();
    start = now();
    worker.run();
    await all;
    emit('process /s', total / (now() - start), total);
    await worker.close();
    await queue.close();
}

async function latency() {
    const queue = new Queue('bench', { connection });
    let started;
    const worker = new Worker('bench', async () => { started(now()); return { ok: true }; }, { connection, concurrency: 50 });
    await worker.waitUntilReady();
    await queue.waitUntilReady();
    const ms = [];
    for (let i = 0; i < jobs; i++) {
        const begun = new Promise((resolve) => { started = resolve; });
        const start = now();
        await queue.add('probe', data, options);
        ms.push(((await begun) - start) * 1000);
        await new Promise((resolve) => setTimeout(resolve, 3));
    }
    ms.sort((a, b) => a - b);
    emit('latency p50 ms', ms[Math.floor(jobs / 2)]);
    emit('latency p99 ms', ms[Math.floor((jobs * 99) / 100)]);
    await worker.close();
    await queue.close();
}

// An idle worker process: says that it is ready, and waits to be ended.
async function idle() {
    const worker = new Worker('bench', async () => ({ ok: true }), { connection, concurrency: 50 });
    await worker.waitUntilReady();
    console.log('ready');
    await new Promise(() => {});
}

await { 'add-and-process': addAndProcess, latency, idle }[mode]();
