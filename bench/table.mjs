// Why: one table from the lines of a run: the median of the rounds, their spread, and how it compares.
// Usage: node table.mjs RUN.ndjson
import { readFileSync } from 'node:fs';
const lines = readFileSync(process.argv[2], 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const median = (a) => { const s = [...a].sort((x, y) => x - y), m = s.length >> 1; return s.length % 2 ? s[m] : (s[m - 1] + s[m]) / 2; };
const groups = new Map();
for (const l of lines) {
    const key = l.system + '\0' + l.measure;
    groups.set(key, [...(groups.get(key) ?? []), l.value]);
}
const of = (system, measure) => { const v = groups.get(system + '\0' + measure); return v && median(v); };
// What a row is held against: the same work at the ceiling and at the peer.
const base = (measure) => measure.startsWith('enqueue one') ? 'enqueue one by one /s' : measure.startsWith('enqueue') ? 'enqueue bulk /s'
    : measure.startsWith('process') ? 'process /s' : measure;
const number = (v) => v >= 1000 ? Math.round(v).toLocaleString('en-US') : v >= 10 ? v.toFixed(1) : v.toFixed(2);
const ratio = (v, to) => to === undefined ? '' : (v / to).toFixed(2);
const rows = [['system', 'measure', 'median', 'lowest', 'highest', '× Redis', '× BullMQ']];
for (const [key, values] of groups) {
    const [system, measure] = key.split('\0');
    const m = median(values);
    rows.push([system, measure, number(m), number(Math.min(...values)), number(Math.max(...values)), system === 'redis' ? '' : ratio(m, of('redis', base(measure))),
        system === 'bullmq' ? '' : ratio(m, of('bullmq', base(measure)))]);
}
const widths = rows[0].map((_, i) => Math.max(...rows.map((r) => r[i].length)));
for (const r of rows) console.log(r.map((c, i) => i < 2 ? c.padEnd(widths[i]) : c.padStart(widths[i])).join('  '));
