// Why: produces jobs as BullMQ's documentation says is fastest: addBulk of 100, nothing kept when done.
// Usage: node client.mjs bulk|single|pipelined|pace|calm|hang JOBS BYTES RATE; prints {"jobs","start_us","seconds","cpu_s","late_us"}
import { bullmq, connection, nowUs, payload } from './common.mjs';
const [mode, jobsText, bytesText, rateText] = process.argv.slice(2);
const jobs = Number(jobsText), bytes = Number(bytesText), rate = Number(rateText), WINDOW = 256;
const options = { removeOnComplete: true, removeOnFail: true };
const queue = new bullmq.Queue('bench', { connection });
await queue.waitUntilReady();

const add = (t) => queue.add('probe', payload(bytes, t), options);
async function bulk() {
    const data = payload(bytes);
    for (let sent = 0; sent < jobs; sent += 100)
        await queue.addBulk(Array.from({ length: Math.min(100, jobs - sent) }, () => ({ name: 'probe', data, opts: options })));
}
async function single() {
    for (let i = 0; i < jobs; i++) await add();
}
async function pipelined() {
    for (let sent = 0; sent < jobs; sent += WINDOW) await Promise.all(Array.from({ length: Math.min(WINDOW, jobs - sent) }, () => add()));
}
// An open loop: whatever is due is sent and not waited for. A job tells when it was due; calm: when it was sent.
async function pace(calm) {
    const start = nowUs() + 1000, calls = [];
    let late = 0;
    for (let sent = 0; sent < jobs;) {
        const now = nowUs();
        for (let due; sent < jobs && (due = Math.floor(start + sent * 1e6 / rate)) <= now; sent++) {
            late = Math.max(late, now - due);
            calls.push(add(calm ? nowUs() : due));
        }
        const wait = (start + sent * 1e6 / rate - nowUs()) / 1000;
        await new Promise((resolve) => (wait > 1 ? setTimeout(resolve, wait - 1) : setImmediate(resolve))); // a timer's unit is 1 ms
    }
    await Promise.all(calls);
    return late;
}

const hang = () => queue.add('probe', { v: 1, t: nowUs(), hang: 1 }, options); // a job that hangs once

const cpu = process.cpuUsage(), start = nowUs();
const late = await { bulk, single, pipelined, pace, calm: () => pace(true), hang }[mode]();
const used = process.cpuUsage(cpu), seconds = (nowUs() - start) / 1e6;
console.log(JSON.stringify({ jobs, start_us: start, seconds, cpu_s: (used.user + used.system) / 1e6, late_us: Number.isFinite(late) ? late : 0 }));
await queue.close();
