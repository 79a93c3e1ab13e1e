"""Lines over time or size as an SVG, without any package: panels of one or more lines, stacked; light and dark."""

COLOURS = ("#1f6feb", "#d1242f", "#8250df", "#bf8700")
STYLE = ("<style>svg{background:#fff;color:#1f2328}text{fill:currentColor}.axis{stroke:currentColor;opacity:.35}"
         "@media(prefers-color-scheme:dark){svg{background:#0d1117;color:#e6edf3}}</style>")


def panel(title, lines, y0, width, height, unit):
    left, right = 90, 20
    values = [p for _, points in lines for p in points]
    x_max, y_max = max(p[0] for p in values) or 1, (max(p[1] for p in values) or 1) * 1.1
    top, bottom = y0 + 30, y0 + height - 30
    out = [f'<text x="{left}" y="{y0 + 20}" font-weight="bold">{title}</text>'
           f'<line class="axis" x1="{left}" y1="{bottom}" x2="{width - right}" y2="{bottom}"/>'
           f'<text x="{left - 6}" y="{top + 10}" text-anchor="end">{y_max:,.{0 if y_max >= 20 else 1}f} {unit}</text>'
           f'<text x="{left - 6}" y="{bottom}" text-anchor="end">0</text>'
           f'<text x="{width - right}" y="{bottom + 16}" text-anchor="end">{x_max:,.0f}</text>']
    for i, (name, points) in enumerate(lines):
        colour = COLOURS[i % len(COLOURS)]
        place = " ".join(f"{left + x / x_max * (width - left - right):.1f},{bottom - y / y_max * (bottom - top):.1f}" for x, y in points)
        out.append(f'<polyline points="{place}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        if name:
            out.append(f'<text x="{width - right - 110 * (len(lines) - 1 - i)}" y="{y0 + 20}" text-anchor="end" style="fill:{colour}">{name}</text>')
    return "".join(out)


def draw(path, x_title, panels, width=760, height=150):
    """panels: (title, unit, [(name, [(x, y) …]) …]); what has no points is left out."""
    shown = [(t, u, [line for line in lines if line[1]]) for t, u, lines in panels]
    shown = [p for p in shown if p[2]]
    body = "".join(panel(title, lines, i * height, width, height, unit) for i, (title, unit, lines) in enumerate(shown))
    total = len(shown) * height + 24
    with open(path, "w") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" font-family="sans-serif" font-size="12">{STYLE}'
                f'{body}<text x="90" y="{total - 8}">{x_title}</text></svg>\n')
