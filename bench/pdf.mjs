// Why: one table, the aims with what was reached, and one picture from the lines of bench/pdf. Medians of the rounds, with the lowest and highest.
// Usage: node pdf.mjs RUN.ndjson PLOT.svg
import { readFileSync, writeFileSync } from 'node:fs';
const [, , run, plot] = process.argv;
const lines = readFileSync(run, 'utf8').trim().split('\n').map((text) => JSON.parse(text));
const number = (v) => v >= 1000 ? Math.round(v).toLocaleString('en-US') : v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2);
const median = (a) => { const s = [...a].sort((x, y) => x - y), m = s.length >> 1; return s.length % 2 ? s[m] : (s[m - 1] + s[m]) / 2; };
const print = (rows, left) => {
    const widths = rows[0].map((_, i) => Math.max(...rows.map((r) => [...r[i]].length)));
    for (const r of rows) console.log(r.map((c, i) => i < left ? c.padEnd(widths[i]) : c.padStart(widths[i])).join('  ').trimEnd());
};
const colours = { cell: '#1b6ca8', 'in-process': '#7fb3d9', pdftotext: '#c0392b', mutool: '#b9770e', pdfminer: '#27824a', pdfplumber: '#8e44ad' };
const svg = (w, h, title, parts) => writeFileSync(plot, [`<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" font-family="sans-serif" font-size="12">`,
    '<rect width="100%" height="100%" fill="white"/>', `<text x="60" y="20" font-size="14">${title}</text>`, ...parts, '</svg>', ''].join('\n'));

function memory(points) {
    const W = 900, H = 320, L = 60, R = 190, T = 40, B = 50, last = points.at(-1).after || 1;
    const series = [['zygote_rss_mib', 'parser, RSS', '#1b6ca8'], ['zygote_pss_mib', 'parser, PSS', '#7fb3d9'], ['own_rss_mib', 'its client, RSS', '#27824a'],
        ['cell_peak_mib', 'largest cell, RSS', '#c0392b']];
    const top = Math.ceil(Math.max(...points.flatMap((p) => series.map(([key]) => p[key]))) / 5) * 5;
    const x = (n) => L + (W - L - R) * n / last, y = (mib) => H - B - (H - T - B) * mib / top, parts = [];
    for (let mib = 0; mib <= top; mib += 5) parts.push(`<line x1="${L}" y1="${y(mib)}" x2="${W - R}" y2="${y(mib)}" stroke="#ddd"/>`, `<text x="${L - 8}" y="${y(mib) + 4}" text-anchor="end">${mib}</text>`);
    for (const p of points) parts.push(`<text x="${x(p.after)}" y="${H - B + 18}" text-anchor="middle">${p.after.toLocaleString('en-US')}</text>`);
    for (const [key, label, colour] of series)
        parts.push(`<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.map((p) => `${x(p.after).toFixed(1)},${y(p[key]).toFixed(1)}`).join(' ')}"/>`,
            `<text x="${W - R + 8}" y="${y(points.at(-1)[key]) + 4}" fill="${colour}">${label} ${number(points.at(-1)[key])}</text>`);
    svg(W, H, 'Memory of one parser over its documents, MiB', [...parts, `<text x="${(L + W - R) / 2}" y="${H - 12}" text-anchor="middle">documents parsed</text>`]);
    print([['documents', 'seconds', 'zygote RSS', 'zygote PSS', 'client RSS', 'cell peak'],
        ...points.map((p) => [p.after.toLocaleString('en-US'), ...['seconds', 'zygote_rss_mib', 'zygote_pss_mib', 'own_rss_mib', 'cell_peak_mib'].map((k) => number(p[k]))])], 1);
    const growth = points.at(-1).zygote_rss_mib - points[Math.min(1, points.length - 1)].zygote_rss_mib;
    console.log(`\nmemory flat over ${last.toLocaleString('en-US')} documents: the parser grew by ${growth.toFixed(2)} MiB after the first ${(points[1] ?? points[0]).after.toLocaleString('en-US')}: ${growth <= 0.5 ? 'reached' : 'missed'}`);
}

if (lines[0].after !== undefined) {
    memory(lines);
    process.exit(0);
}

const groups = new Map();
for (const l of lines) {
    const key = l.document + '\0' + l.subject;
    groups.set(key, [...(groups.get(key) ?? []), l]);
}
const values = (subject, document, field) => (groups.get(document + '\0' + subject) ?? []).map((l) => l[field]);
const of = (subject, document, field) => { const v = values(subject, document, field); return v.length ? median(v) : undefined; };
const spread = (v) => v.length > 1 ? `${number(median(v))} (${number(Math.min(...v))}-${number(Math.max(...v))})` : number(v[0]);

const rows = [['document', 'by', 'documents/s', 'pages/s', 'p50 ms', 'p99 ms', 'CPU ms', 'peak MiB', '× cell', '× cell, CPU']];
for (const [key, ls] of groups) {
    const [document, subject] = key.split('\0');
    if (!(subject in colours)) continue;
    const m = (field) => median(ls.map((l) => l[field]));
    rows.push([document, subject, spread(ls.map((l) => l.docs_s)), number(m('pages_s')), spread(ls.map((l) => l.p50_ms)), number(m('p99_ms')), number(m('cpu_ms')), number(m('peak_mib')),
        (m('p50_ms') / of('cell', document, 'p50_ms')).toFixed(2), (m('cpu_ms') / of('cell', document, 'cpu_ms')).toFixed(2)]);
}
print(rows, 2);

// The aims, on the 30-row lecture timetable. A ratio is the median of the rounds' own ratios: both of a round ran within seconds of each other.
const D = 'lecture-30', aims = [['aim', 'wanted', 'measured', 'by CPU time', '']];
const ratios = (a, b, field) => { const x = values(a, D, field), y = values(b, D, field); return x.map((v, i) => v / y[i]).filter((v) => !Number.isNaN(v)); };
const aim = (what, wanted, measured, cpu, reached) => aims.push([what, wanted, measured, cpu, reached ? 'reached' : 'missed']);
const added = values('cell', D, 'p50_ms').map((v, i) => v - values('in-process', D, 'p50_ms')[i]), share = median(ratios('cell', 'in-process', 'p50_ms')) - 1;
const addedCpu = median(values('cell', D, 'cpu_ms').map((v, i) => v - values('in-process', D, 'cpu_ms')[i]));
aim('the cell adds, to the same code in-process', '≤ 10 % or ≤ 1 ms', `${(share * 100).toFixed(0)} %, ${spread(added)} ms`, `${number(addedCpu)} ms`, share <= 0.1 || median(added) <= 1);
for (const [peer, least] of [['pdftotext', 5], ['pdfminer', 30], ['pdfplumber', 30]]) {
    const r = ratios(peer, 'cell', 'p50_ms');
    if (r.length) aim(`faster than ${peer}${least === 5 ? ' per document' : ' in a Python worker'}`, `≥ ${least} ×`, `${spread(r)} ×`, `${number(median(ratios(peer, 'cell', 'cpu_ms')))} ×`, median(r) >= least);
}
const two = ratios('pinned-2', 'pinned-1', 'docs_s');
if (two.length) aim('two processors against one', '≥ 1.8 ×', `${spread(two)} ×`, '', median(two) >= 1.8);
console.log();
print(aims, 2);
const stack = [1, 2].map((n) => of(`stack-${n}`, D, 'docs_s'));
if (stack[0]) console.log(`\nthe whole way (Redis, worker, parser, PostgreSQL), ${D}: ${number(stack[0])} documents/s with 1 worker, ${number(stack[1])} with 2`);

// Bars: p50 of every document, logarithmic, the cell first.
const documents = [...new Set([...groups.keys()].map((k) => k.split('\0')[0]))], subjects = Object.keys(colours);
const all = documents.flatMap((d) => subjects.map((s) => of(s, d, 'p50_ms')).filter((v) => v !== undefined));
const low = Math.floor(Math.log10(Math.min(...all))), high = Math.ceil(Math.log10(Math.max(...all)));
const W = 900, L = 110, R = 90, T = 40, BAR = 15, x = (ms) => L + (W - L - R) * (Math.log10(ms) - low) / (high - low), parts = [];
let y = T;
for (const d of documents) {
    const here = subjects.filter((s) => of(s, d, 'p50_ms') !== undefined);
    if (here.length === 0) continue;
    parts.push(`<text x="${L - 8}" y="${y + BAR * here.length / 2 + 4}" text-anchor="end">${d}</text>`);
    for (const s of here) {
        const v = values(s, d, 'p50_ms'), m = median(v);
        parts.push(`<rect x="${L}" y="${y}" width="${(x(m) - L).toFixed(1)}" height="${BAR - 2}" fill="${colours[s]}"/>`,
            `<line x1="${x(Math.min(...v)).toFixed(1)}" y1="${y + 6.5}" x2="${x(Math.max(...v)).toFixed(1)}" y2="${y + 6.5}" stroke="black"/>`,
            `<text x="${(x(Math.max(...v)) + 5).toFixed(1)}" y="${y + 11}" font-size="11">${s} ${number(m)}</text>`);
        y += BAR;
    }
    y += 12;
}
const axis = [];
for (let e = low; e <= high; e++)
    axis.push(`<line x1="${x(10 ** e)}" y1="${T - 6}" x2="${x(10 ** e)}" y2="${y}" stroke="#ddd"/>`, `<text x="${x(10 ** e)}" y="${y + 16}" text-anchor="middle">${e >= 3 ? 10 ** (e - 3) + ' s' : 10 ** e + ' ms'}</text>`);
svg(W, y + 30, 'One document, milliseconds (median of the rounds; the line: lowest to highest; logarithmic)', [...axis, ...parts]);
