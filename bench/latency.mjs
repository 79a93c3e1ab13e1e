// Why: one table from the lines of a run (median of the rounds with the lowest and the highest), and where the waits lie.
// Usage: node latency.mjs RUN.ndjson
import { readFileSync } from 'node:fs';
const lines = readFileSync(process.argv[2], 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const groups = new Map(), histograms = new Map();
for (const l of lines) {
    groups.set(l.measure, [...(groups.get(l.measure) ?? []), l.value]);
    if (!l.histogram) continue;
    const sums = histograms.get(l.measure) ?? new Map();
    for (const [bound, n] of l.histogram) sums.set(bound, (sums.get(bound) ?? 0) + n);
    histograms.set(l.measure, sums);
}
const number = (v) => v >= 1000 ? Math.round(v).toLocaleString('en-US') : v.toPrecision(3);
const rows = [['measure', 'median', 'lowest', 'highest']];
for (const [measure, values] of groups) {
    const sorted = values.sort((x, y) => x - y);
    rows.push([measure, sorted[sorted.length >> 1], sorted[0], sorted.at(-1)].map((v) => typeof v === 'number' ? number(v) : v));
}
const widths = rows[0].map((_, i) => Math.max(...rows.map((r) => r[i].length)));
for (const r of rows) console.log(r.map((c, i) => i < 1 ? c.padEnd(widths[i]) : c.padStart(widths[i])).join('  '));
for (const [measure, sums] of histograms) {
    const bars = [...sums].sort((a, b) => a[0] - b[0]), most = Math.max(...bars.map((b) => b[1])), all = bars.reduce((sum, b) => sum + b[1], 0);
    console.log(`\n${measure.replace(', slowest ms', '')}: jobs that started within so many ms (all rounds)`);
    let below = 0;
    for (const [bound, n] of bars) {
        below += n;
        console.log(`${bound.toFixed(2).padStart(9)} ${String(n).padStart(8)} ${(100 * below / all).toFixed(2).padStart(7)} %  ${'#'.repeat(Math.ceil(50 * n / most))}`);
    }
}
