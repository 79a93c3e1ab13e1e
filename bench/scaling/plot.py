#!/usr/bin/env python3
"""Draws docs/scaling.svg: a simulated wave of jobs, and the workers that a target wait of 5 s gives it.

    STINT_SCALE_CSV=/tmp/wave.csv build/dev/tests/test_autoscale_worlds
    bench/scaling/plot.py /tmp/wave.csv > docs/scaling.svg
"""
import csv
import sys

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 860, 300, 46, 28, 40
MOST = 12  # of both scales: a worker takes one job a second
BLUE, ORANGE, GREY = "#1f77b4", "#ff7f0e", "#999"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as f:
        rows = [[float(x) for x in row] for row in csv.reader(f)]
    end = rows[-1][0]
    inner_w, inner_h = WIDTH - LEFT - 12, HEIGHT - TOP - BOTTOM

    def x(t):
        return LEFT + t / end * inner_w

    def y(v):
        return TOP + (1 - v / MOST) * inner_h

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>']
    for v in range(0, MOST + 1, 2):
        out.append(f'<path d="M{LEFT} {y(v):.1f}H{WIDTH - 12}" stroke="#e5e5e5"/><text x="{LEFT - 8}" y="{y(v) + 4:.1f}" text-anchor="end">{v}</text>')
    for minute in range(0, int(end / 60) + 1, 30):
        out.append(f'<text x="{x(minute * 60):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{minute} min</text>')
    waiting = " ".join(f"L{x(r[0]):.1f} {y(min(r[4], MOST)):.1f}" for r in rows)
    arrivals = " ".join(f"L{x(r[0]):.1f} {y(r[1]):.1f}" for r in rows)
    steps, last = "", None
    for r in rows:
        if r[2] != last:
            steps += f"H{x(r[0]):.1f}V{y(r[2]):.1f}"
            last = r[2]
    out.append(f'<path d="M{LEFT} {y(0):.1f} {waiting} L{x(end):.1f} {y(0):.1f}Z" fill="{GREY}" fill-opacity=".45"/>')
    out.append(f'<path d="M{arrivals[1:]}" fill="none" stroke="{BLUE}" stroke-width="2"/>')
    out.append(f'<path d="M{LEFT} {y(rows[0][2]):.1f}{steps}H{x(end):.1f}" fill="none" stroke="{ORANGE}" stroke-width="2"/>')
    for i, (colour, text) in enumerate(((BLUE, "jobs arriving a second, each takes a worker one second"), (ORANGE, "workers"), (GREY, "jobs waiting"))):
        at = LEFT + (0, 370, 470)[i]
        out.append(f'<rect x="{at}" y="8" width="12" height="10" fill="{colour}"/><text x="{at + 18}" y="17">{text}</text>')
    out.append("</svg>")
    print("\n".join(out))


if __name__ == "__main__":
    main()
