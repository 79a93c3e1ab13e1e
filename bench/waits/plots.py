"""plots - the results as pictures (SVG). Needs matplotlib."""
import math
import os

import matplotlib
matplotlib.use("svg")
import matplotlib.pyplot as plt    # noqa: E402

import judge    # noqa: E402
import targets  # noqa: E402

GENDERS = ("men", "women", "non-binary")
COLOURS = ("#0072B2", "#D55E00", "#009E73")     # Okabe and Ito: told apart by everybody
MARKS = ("o", "s", "^")
GREY, BAND = "#555555", "#e8e8e8"
PROMISES_MIN, STRETCH_MIN = 20, 5  # fewer people say nothing
TICKS_S = (1, 3, 10, 30, 60, 120, 300, 1200)

plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 10,
                     "axes.titlelocation": "left", "legend.frameon": False, "svg.hashsalt": "stint", "figure.dpi": 100})


def save(figure, out, name):
    path = os.path.join(out, name + ".svg")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path


def lay_out(figure, title):
    """The title above everything, room for a legend below."""
    inches = figure.get_figheight()
    figure.set_layout_engine("constrained", rect=(0, .3 / inches, 1, 1 - .35 / inches))
    figure.suptitle(title, x=.01, ha="left", fontsize=11)


def panels(n, width, height, title):
    """A figure of n panels in rows of four, those without use taken away."""
    columns = min(4, n)
    lines = math.ceil(n / columns)
    figure, axes = plt.subplots(lines, columns, figsize=(width * columns, height * lines + .7), squeeze=False)
    lay_out(figure, title)
    flat = [a for row in axes for a in row]
    for a in flat[n:]:
        a.remove()
    return figure, flat[:n]


def legend_of_genders(figure, present, extra=()):
    handles = [plt.Line2D([], [], color=COLOURS[g], marker=MARKS[g], linestyle="", label=GENDERS[g]) for g in present]
    figure.legend(handles=handles + list(extra), loc="lower left", ncols=len(present) + len(extra))


def with_pictures(runs):
    return [r for r in runs if r.get("pictures")]


def told_against_actual(out, runs):
    runs = with_pictures(runs)
    figure, axes = panels(len(runs), 2.9, 2.8, "Median wait told on joining, and the wait it would really have been (one dot a person)")
    for a, r in zip(axes, runs):
        a.plot((1, 1200), (1, 1200), color=GREY, linewidth=.8)
        for g, p50, _, wait in r["pictures"]["sample"]:
            a.plot(max(1, p50), max(1, wait), MARKS[g], color=COLOURS[g], markersize=2.6, alpha=.55, markeredgewidth=0)
        for set_scale, set_ticks, axis in ((a.set_xscale, a.set_xticks, a.xaxis), (a.set_yscale, a.set_yticks, a.yaxis)):
            set_scale("log")
            set_ticks(TICKS_S, [str(t) for t in TICKS_S], fontsize=7)
            axis.set_minor_locator(matplotlib.ticker.NullLocator())
        a.set(title=r["scenario"], xlim=(.9, 1400), ylim=(.9, 1400), xlabel="told, s", ylabel="actual, s")
    legend_of_genders(figure, sorted({row[0] for r in runs for row in r["pictures"]["sample"]}),
                      [plt.Line2D([], [], color=GREY, linewidth=.8, label="told = actual")])
    return save(figure, out, "told-against-actual")


def promises(out, runs):
    runs = with_pictures(runs)
    figure, axes = panels(len(runs), 2.4, 2.4, "P(matched within 30, 60, 120, 300 s): foretold, and the share it came true for (area: how often)")
    for a, r in zip(axes, runs):
        rows = [row for row in r["pictures"]["promises"] if row[0] >= PROMISES_MIN]
        total = sum(n for n, _, _ in rows)
        a.plot((0, 1), (0, 1), color=GREY, linewidth=.8)
        a.plot([p for _, p, _ in rows], [y for _, _, y in rows], color=COLOURS[0], linewidth=1)
        a.scatter([p for _, p, _ in rows], [y for _, _, y in rows], s=[400 * n / total for n, _, _ in rows], color=COLOURS[0],
                  alpha=.6, linewidths=0)
        a.set(title="%s   error %.3f" % (r["scenario"], r["scores"]["stint"]["eceT"]), xlim=(-.05, 1.05), ylim=(-.05, 1.05),
              xlabel="foretold", ylabel="came true", aspect="equal")
    return save(figure, out, "promises")


def coverage(out, runs):
    """Coverage of p50 and p90 by scenario and gender, a mark a seed."""
    names = list(dict.fromkeys(r["scenario"] for r in runs))
    figure, axes = plt.subplots(1, 2, figsize=(10, .5 * len(names) + 1.8), sharey=True)
    lay_out(figure, "Share of people whose wait was at most what they were told")
    for a, metric, bounds, level in ((axes[0], "cov50", (.43, .56), .5), (axes[1], "cov90", (.865, .945), .9)):
        a.axvspan(*bounds, color=BAND, zorder=0)
        a.axvline(level, color=GREY, linewidth=.8)
        for r in runs:
            y = names.index(r["scenario"])
            for g, s in r["genders"].items():
                g = int(g)
                if s.get("v_n", 0) >= 30:
                    a.plot(s[metric], y + (g - 1) * .2, MARKS[g], color=COLOURS[g], markersize=4, alpha=.8, markeredgewidth=0)
            a.plot(r["scores"]["stint"][metric], y, "|", color="black", markersize=14)
        a.set(title="told the median" if metric == "cov50" else "told nine in ten", xlabel="share",
              yticks=range(len(names)), yticklabels=names)
    axes[0].invert_yaxis()
    legend_of_genders(figure, range(3), [plt.Line2D([], [], color="black", marker="|", markersize=10, linestyle="", label="everybody"),
                                         plt.Rectangle((0, 0), 1, 1, color=BAND, label="target")])
    return save(figure, out, "coverage")


def broken_at_gaps(rows):
    """Minutes, actual and told waits; no line leads over stretches in which too few came."""
    minutes, actual, told = [], [], []
    step = min(b[1] - a[1] for a, b in zip(rows, rows[1:]))
    for row in rows:
        if minutes and row[1] - minutes[-1] > 1.5 * step:
            minutes.append(row[1] - step)
            actual.append(math.nan)
            told.append(math.nan)
        minutes.append(row[1])
        actual.append(row[3])
        told.append(row[4])
    return minutes, actual, told


def waits_over_time(out, runs):
    runs = with_pictures(runs)
    figure, axes = panels(len(runs), 3.2, 2.5, "Median wait of who began to wait, by side")
    seen = set()
    for a, r in zip(axes, runs):
        for g in range(3):
            rows = [row for row in r["pictures"]["time"] if row[0] == g and row[2] >= STRETCH_MIN]
            if len(rows) < 3:
                continue
            seen.add(g)
            minutes, actual, told = broken_at_gaps(rows)
            a.plot(minutes, actual, color=COLOURS[g], linewidth=1.3)
            a.plot(minutes, told, color=COLOURS[g], linewidth=1, linestyle=(0, (3, 2)))
        a.set(title=r["scenario"], xlabel="minute", ylabel="s")
        a.set_ylim(0, min(1.05 * judge.WAIT_MAX_S, a.get_ylim()[1]))
    legend_of_genders(figure, sorted(seen), [plt.Line2D([], [], color=GREY, linewidth=1.3, label="actual"),
                                             plt.Line2D([], [], color=GREY, linestyle=(0, (3, 2)), label="told")])
    return save(figure, out, "waits-over-time")


def ratios(out, runs):
    names = list(dict.fromkeys(r["scenario"] for r in runs))
    figure, a = plt.subplots(figsize=(7.5, .42 * len(names) + 1.6))
    lay_out(figure, "Pinball loss of what people were told / that of the best of five baselines")
    for y, name in enumerate(names):
        values = [r["ratio"] for r in runs if r["scenario"] == name]
        a.plot(values, [y] * len(values), "o", color=COLOURS[0], markersize=5, alpha=.7, markeredgewidth=0)
        a.plot([targets.SCENARIO_RATIO[name]] * 2, (y - .35, y + .35), color="black", linewidth=1.5)
        a.plot([targets.SCENARIO_STRETCH[name]] * 2, (y - .35, y + .35), color=GREY, linewidth=1, linestyle=":")
    a.axvline(1, color=GREY, linewidth=.8)
    a.set(xlim=(.3, max(1.05, max(r["ratio"] for r in runs) + .05)), xlabel="smaller is better; 1: no better than the baseline",
          yticks=range(len(names)), yticklabels=names)
    a.invert_yaxis()
    figure.legend(handles=[plt.Line2D([], [], color=COLOURS[0], marker="o", linestyle="", label="a seed"),
                           plt.Line2D([], [], color="black", linewidth=1.5, label="at most"),
                           plt.Line2D([], [], color=GREY, linestyle=":", label="aimed at")], loc="lower left", ncols=3)
    return save(figure, out, "ratios")


def draw(out, results):
    """All of them; the paths."""
    runs = results["estimates"]
    return [picture(out, runs) for picture in (told_against_actual, promises, coverage, waits_over_time, ratios)]
