"""One picture of a run: a panel a measure, a bar a system on a logarithmic scale, whiskers from the lowest round to the highest. `python3
picture.py RUN.ndjson > FILE.svg` draws a kept run."""
import json
import math
import sys
from xml.sax.saxutils import escape

from summary import Run, number

PANELS = (
    # title, measure, more is better
    ("Enqueue in bulk, jobs/s", "enqueue bulk", True),
    ("Enqueue one by one, jobs/s", "enqueue one by one", True),
    ("Process no-op jobs, 1 worker, jobs/s", "process, 1 worker", True),
    ("Process no-op jobs, 2 workers, jobs/s", "process, 2 workers", True),
    ("Server CPU of processing a job, µs", "process: server CPU", False),
    ("Workers' CPU of processing a job, µs", "process: workers' CPU", False),
    ("Start latency, idle, p50, ms", "start latency, idle: p50", False),
    ("Start latency, idle, p99, ms", "start latency, idle: p99", False),
    ("Start latency, half load, p50, ms", "start latency, half load: p50", False),
    ("Start latency, half load, p99, ms", "start latency, half load: p99", False),
    ("Private memory of an idle worker, MiB", "idle worker, private", False),
    ("Redis memory of a waiting job of 128 bytes, B", "Redis bytes of a waiting job, payload 128 B", False),
    ("kill -9 of a worker: its job runs again after, ms", "killed worker's job runs again after", False),
)
WIDTH, COLUMN, LABEL, VALUE, ROW, HEAD, TOP = 1120, 540, 112, 64, 19, 44, 74
STYLE = """
svg { --paper: #ffffff; --ink: #1d2430; --soft: #5b6675; --grid: #d9dee5; --own: #0b6e8f; --own2: #5aa9c0; --ceiling: #8b95a3; --peer: #c98a3d; }
@media (prefers-color-scheme: dark) {
  svg { --paper: #14181f; --ink: #e8ecf1; --soft: #a3adba; --grid: #323a46; --own: #4cc1e6; --own2: #2f7f9a; --ceiling: #8490a0; --peer: #d79a50; }
}
.paper { fill: var(--paper); } .ink { fill: var(--ink); } .soft { fill: var(--soft); } .grid { stroke: var(--grid); }
.whisker { stroke: var(--ink); stroke-width: 1.5; }
.own { fill: var(--own); } .own2 { fill: var(--own2); } .ceiling { fill: var(--ceiling); } .peer { fill: var(--peer); }
.title { font-weight: bold; font-size: 13px; } .small { font-size: 11px; }
"""
CLASSES = {"ceiling": "ceiling", "stint": "own", "stint-plain": "own2", "stint-untracked": "own2"}


def text(x, y, words, classes, anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{classes}" text-anchor="{anchor}">{escape(words)}</text>'


def line(x1, y1, x2, y2, classes):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{classes}"/>'


def short(value):
    return f"{value / 1e6:g}M" if value >= 1e6 else f"{value / 1e3:g}k" if value >= 1000 else f"{value:g}"


class Scale:
    """Powers of ten around the values; the axis begins below the smallest, so that every bar is seen."""

    def __init__(self, values, left, right):
        self.low = math.floor(math.log10(min(values) * 0.7))
        self.high = max(self.low + 1, math.ceil(math.log10(max(values))))
        self.left, self.right = left, right

    def x(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.left + (self.right - self.left) * min(1, max(0, share))

    def ticks(self):
        return [10 ** power for power in range(self.low, self.high + 1)]


def rows_of(run, measure):
    """(system, median, lowest, highest), or (system, None, …) where it never happened."""
    rows = []
    for system in run.systems:
        if (system, measure) in run.never:
            rows.append((system, None, None, None))
        elif run.median(system, measure) is not None and run.spread(system, measure)[0] > 0:
            rows.append((system, run.median(system, measure), *run.spread(system, measure)))
    return rows


def panel_height(rows):
    return HEAD + ROW * len(rows) + 26


def bar(run, scale, row, y):
    system, median, low, high = row
    parts = [text(scale.left - 8, y + 12, run.titles[system], "small ink", "end")]
    if median is None:
        return parts + [text(scale.left + 6, y + 12, "not seen again: " + "lost, or later than was waited", "small soft")]
    parts.append(f'<rect x="{scale.left:.1f}" y="{y + 2}" width="{scale.x(median) - scale.left:.1f}" height="{ROW - 6}" '
                 f'class="{CLASSES.get(system, "peer")}"/>')
    middle = y + 2 + (ROW - 6) / 2
    if high > low:
        parts += [line(scale.x(low), middle, scale.x(high), middle, "whisker"),
                  *(line(scale.x(end), middle - 3.5, scale.x(end), middle + 3.5, "whisker") for end in (low, high))]
    return parts + [text(scale.right + 8, y + 12, number(median), "small ink")]


def panel(run, spec, x, y):
    title, measure, more = spec
    rows = rows_of(run, measure)
    values = [value for row in rows for value in row[1:] if value]
    if not values:
        return []
    scale = Scale(values, x + LABEL, x + COLUMN - VALUE)
    bottom = y + HEAD + ROW * len(rows)
    parts = [text(x + 4, y + 14, title, "title ink"), text(x + 4, y + 30, "more is better" if more else "less is better", "small soft")]
    for tick in scale.ticks():
        parts += [line(scale.x(tick), y + HEAD - 4, scale.x(tick), bottom, "grid"), text(scale.x(tick), bottom + 14, short(tick), "small soft", "middle")]
    for at, row in enumerate(rows):
        parts += bar(run, scale, row, y + HEAD + ROW * at)
    return parts


def draw(run):
    """The picture as SVG. Panels without figures are left out."""
    panels = [spec for spec in PANELS if any(row[1] for row in rows_of(run, spec[1]))]
    body, y = [], TOP
    for at in range(0, len(panels), 2):
        pair = panels[at:at + 2]
        for column, spec in enumerate(pair):
            body += panel(run, spec, 16 + column * (COLUMN + 8), y)
        y += max(panel_height(rows_of(run, spec[1])) for spec in pair)
    machine = run.machine
    facts = (f"{machine['cores']} × {machine['cpu']}, load before {machine['load_before']}, Linux {machine['kernel']}, "
             f"Redis {machine['redis']} with AOF everysec; {run.rounds} rounds, medians, whiskers lowest to highest")
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}" font-family="sans-serif">',
        f"<style>{STYLE}</style>", f'<rect class="paper" width="{WIDTH}" height="{y}"/>',
        '<text x="16" y="28" class="ink" font-size="18" font-weight="bold">stint beside Redis itself and its peers, logarithmic scales</text>',
        text(16, 50, facts, "small soft"), *body, "</svg>", ""])


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf8") as kept:
        sys.stdout.write(draw(Run([json.loads(words) for words in kept])))
