// Why: one table and one picture from the lines of bench/recovery. Refuses to draw a mean: a tail is what an operator feels.
// Usage: node recovery.mjs RUN.ndjson PLOT.svg
import { readFileSync, writeFileSync } from 'node:fs';
const [, , run, plot] = process.argv;
const groups = new Map();
for (const line of readFileSync(run, 'utf8').trim().split('\n').map((text) => JSON.parse(text)))
    groups.set(line.measure, [...(groups.get(line.measure) ?? []), line.value]);
for (const values of groups.values()) values.sort((a, b) => a - b);
const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
const number = (v) => v >= 100 ? Math.round(v).toLocaleString('en-US') : v.toFixed(v >= 10 ? 1 : 2);

const rows = [['measure', 'times', 'p50', 'p95', 'p99', 'max']];
for (const [measure, v] of groups)
    rows.push([measure, String(v.length), ...[0.5, 0.95, 0.99].map((share) => number(at(v, share))), number(v[v.length - 1])]);
const widths = rows[0].map((_, i) => Math.max(...rows.map((r) => r[i].length)));
for (const r of rows) console.log(r.map((c, i) => i === 0 ? c.padEnd(widths[i]) : c.padStart(widths[i])).join('  '));

// The share of kills after which the job ran again within so many ms (logarithmic).
const W = 900, H = 420, L = 60, R = 250, T = 30, B = 50, colours = ['#1b6ca8', '#c0392b', '#27824a', '#8e44ad', '#b9770e', '#555555'];
const curves = [...groups].filter(([measure]) => !measure.startsWith('replacement boot'));
const all = curves.flatMap(([, v]) => v);
const low = Math.floor(Math.log10(Math.max(0.1, Math.min(...all)))), high = Math.ceil(Math.log10(Math.max(...all)));
const x = (ms) => L + (W - L - R) * (Math.log10(Math.max(ms, 10 ** low)) - low) / (high - low);
const y = (share) => H - B - (H - T - B) * share;
const svg = [`<svg xmlns="http://www.w3.org/2000/svg" width="${W}" height="${H}" font-family="sans-serif" font-size="12">`,
    '<rect width="100%" height="100%" fill="white"/>',
    `<text x="${L}" y="18" font-size="14">Share of kills after which the job's handler had been started again</text>`];
for (let e = low; e <= high; e++) {
    const label = 10 ** e >= 1000 ? `${10 ** e / 1000} s` : `${10 ** e} ms`;
    svg.push(`<line x1="${x(10 ** e)}" y1="${T}" x2="${x(10 ** e)}" y2="${H - B}" stroke="#ddd"/>`,
        `<text x="${x(10 ** e)}" y="${H - B + 18}" text-anchor="middle">${label}</text>`);
}
for (const share of [0, 0.25, 0.5, 0.75, 0.99, 1])
    svg.push(`<line x1="${L}" y1="${y(share)}" x2="${W - R}" y2="${y(share)}" stroke="#ddd"/>`,
        `<text x="${L - 8}" y="${y(share) + (share === 1 ? -2 : 4)}" text-anchor="end">${share * 100} %</text>`);
if (high > Math.log10(50) && low < Math.log10(50))
    svg.push(`<line x1="${x(50)}" y1="${T}" x2="${x(50)}" y2="${H - B}" stroke="#c0392b" stroke-dasharray="4 4"/>`,
        `<text x="${x(50) + 4}" y="${T + 12}" fill="#c0392b">50 ms</text>`);
curves.forEach(([measure, v], i) => {
    const colour = colours[i % colours.length];
    let path = `M ${x(v[0]).toFixed(1)} ${y(0).toFixed(1)}`;
    v.forEach((ms, k) => { path += ` H ${x(ms).toFixed(1)} V ${y((k + 1) / v.length).toFixed(1)}`; });
    svg.push(`<path d="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        `<text x="${W - R + 12}" y="${T + 20 + 34 * i}" fill="${colour}">${measure.replace(/ ms$/, '')}</text>`,
        `<text x="${W - R + 12}" y="${T + 35 + 34 * i}" fill="#555">p50 ${number(at(v, 0.5))}  p99 ${number(at(v, 0.99))} ms</text>`);
});
svg.push(`<text x="${(L + W - R) / 2}" y="${H - 12}" text-anchor="middle">from kill -9 to the handler's start, logarithmic</text>`, '</svg>');
writeFileSync(plot, svg.join('\n') + '\n');
