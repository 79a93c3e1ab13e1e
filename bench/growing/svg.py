"""Lines over time or size as an SVG, without any package: one picture a panel, stacked."""


def panel(title, points, y0, width, height, unit):
    left, right = 90, 20
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    x_max, y_max = max(xs) or 1, (max(ys) or 1) * 1.1
    place = [(left + x / x_max * (width - left - right), y0 + height - 30 - y / y_max * (height - 60)) for x, y in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in place)
    bottom = y0 + height - 30
    return (f'<text x="{left}" y="{y0 + 20}" font-weight="bold">{title}</text>'
            f'<line x1="{left}" y1="{bottom}" x2="{width - right}" y2="{bottom}" stroke="#999"/>'
            f'<text x="{left - 6}" y="{y0 + 40}" text-anchor="end">{y_max:,.0f} {unit}</text>'
            f'<text x="{left - 6}" y="{bottom}" text-anchor="end">0</text>'
            f'<text x="{width - right}" y="{bottom + 16}" text-anchor="end">{x_max:,.0f}</text>'
            f'<polyline points="{line}" fill="none" stroke="#1f6feb" stroke-width="1.5"/>')


def draw(path, x_title, panels, width=760, height=170):
    """panels: (title, unit, [(x, y) …])."""
    body = "".join(panel(title, points, i * height, width, height, unit) for i, (title, unit, points) in enumerate(panels) if points)
    total = len(panels) * height + 24
    with open(path, "w") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" font-family="sans-serif" font-size="12">'
                f'<rect width="{width}" height="{total}" fill="#fff"/>{body}<text x="90" y="{total - 8}">{x_title}</text></svg>\n')
