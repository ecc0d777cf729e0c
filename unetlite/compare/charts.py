"""Charts of the report, as SVG that takes the colours of the page it is in."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from unetlite.compare.costs import Costs
from unetlite.compare.curves import Curve
from unetlite.compare.runs import METRICS, Comparison
from unetlite.compare.verdict import Analysis

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#7f7f7f", "#6a3d9a", "#b2182b")
MARKERS = "osD^vPX*<>"
INK = "#123456"  # stands for the page's text colour
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "unetlite", "font.size": 11, "font.family": "sans-serif",
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "text.parse_math": False,
    "figure.constrained_layout.use": True, "axes.titlesize": 11,
}  # fmt: skip
HEIGHT = 3.6  # inches
Looks = Mapping[str, Mapping[str, Any]]


def looks(names: Sequence[str]) -> Looks:
    """By variant, its `color` and its `marker`, the same in every chart; past ten, colours come with other markers."""
    return {name: {"color": COLOURS[k % 10], "marker": MARKERS[(k + k // 10) % 10]} for k, name in enumerate(names)}


def svg(figure: Figure) -> str:
    """The figure's SVG element, with the legend of its first axes, its ink that of the page."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper center", ncols=int(figure.get_figwidth() / 1.5))
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :].replace(INK, "currentColor")


@rc_context(STYLE)
def trade_offs(analysis: Analysis, costs: Costs, look: Looks) -> str:
    """Quality against parameters and, where measured, latency, with the standard deviation over seeds."""
    charts = {
        "parameters, millions": {name: cost.parameters / 1e6 for name, cost in costs.variants.items()},
        "multiplications, millions": {name: cost.multiplications / 1e6 for name, cost in costs.variants.items()},
    }
    if costs.fastest:
        charts = {"latency, milliseconds, in the fastest way": costs.fastest, **charts}
    figure = Figure(figsize=(4.2 * len(charts), HEIGHT))
    for axes, (label, values) in zip(figure.subplots(1, len(charts), sharey=True), charts.items(), strict=True):
        for name, summary in analysis.variants.items():
            style = {"capsize": 3, "linestyle": "none", "label": name, **look[name]}
            axes.errorbar(values[name], summary.mean, summary.deviation, **style)
        axes.set(xlabel=label, xmargin=0.15, ymargin=0.15)
    figure.axes[0].set_ylabel(METRICS[analysis.metric].title)
    return svg(figure)


@rc_context(STYLE)
def differences(analysis: Analysis) -> str:
    """Every pair's difference with its interval; filled where a difference is shown."""
    pairs = analysis.pairs[::-1]
    figure = Figure(figsize=(7, 1 + 0.32 * len(pairs)))
    axes = figure.subplots()
    for row, pair in enumerate(pairs):
        axes.plot((pair.low, pair.high), (row, row), color=INK, linewidth=1.2)
        axes.plot(pair.difference, row, "o", color=INK, fillstyle="full" if pair.shown else "none")
    axes.axvline(0, color=INK, linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(pairs)), [f"{pair.first} − {pair.second}" for pair in pairs])
    axes.set_xlabel(f"difference in {METRICS[analysis.metric].title}")
    return svg(figure)


@rc_context(STYLE)
def learning_curves(curves: Mapping[str, Mapping[str, Curve]], look: Looks) -> str:
    """Mean and interval over seeds, by step; empty without curves."""
    titles = {
        "val/miou": "mean IoU, validation",
        "val/boundary_iou_1px": "boundary IoU within 1 pixel, validation",
        "val/loss": "loss, validation",
    }
    shown = [tag for tag in titles if any(tag in by_tag for by_tag in curves.values())]
    if not shown:
        return ""
    figure = Figure(figsize=(4.2 * len(shown), HEIGHT))
    for axes, tag in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        found = {name: by_tag[tag] for name, by_tag in curves.items() if tag in by_tag}
        for name, (steps, mean, reach) in found.items():
            colour = look[name]["color"]
            axes.plot(steps, mean, color=colour, label=name)
            if reach is not None:
                axes.fill_between(steps, mean - reach, mean + reach, color=colour, alpha=0.15, linewidth=0)
        # The first epochs would squeeze what matters.
        later = np.concatenate([curve.mean[len(curve.mean) // 3 :] for curve in found.values()])
        if len(later := later[np.isfinite(later)]):
            room = 0.3 * (np.ptp(later) or 0.01)
            axes.set_ylim(later.min() - room, later.max() + room)
        axes.set(title=titles[tag], xlabel="step")
    return svg(figure)


@rc_context(STYLE)
def class_scores(comparison: Comparison, look: Looks) -> str:
    """Test IoU of every class: mean and standard deviation over seeds."""
    classes, count = comparison.first.classes, len(look)
    figure = Figure(figsize=(max(4.5, 0.28 * len(classes) * count + 2), HEIGHT))
    axes = figure.subplots()
    for k, (name, runs) in enumerate(comparison.variants.items()):
        values = np.array([[run.metrics[f"test/iou/{label}"] for label in classes] for run in runs], float)  # (S, K)
        places = np.arange(len(classes)) + 0.8 * ((k + 0.5) / count - 0.5)
        deviation = values.std(0, ddof=1) if len(runs) > 1 else None
        axes.errorbar(places, values.mean(0), deviation, capsize=2, linestyle="none", label=name, **look[name])
    axes.set_xticks(range(len(classes)), classes, rotation=30 if len(classes) > 6 else 0)
    axes.set_ylabel("test IoU")
    return svg(figure)
