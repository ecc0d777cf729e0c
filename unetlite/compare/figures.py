"""Charts of the report, as SVG that takes the colours of the page it is in."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unetlite.compare.analysis import Analysis
from unetlite.compare.cost import Costs
from unetlite.compare.curves import Curve
from unetlite.compare.runs import METRICS

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#7f7f7f", "#6a3d9a", "#b2182b")
MARKERS = "osD^vPX*<>"
INK = "#123456"  # stands for the page's text colour
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "unetlite", "font.size": 11, "font.family": "sans-serif",
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "text.parse_math": False,
    "figure.constrained_layout.use": True,
}  # fmt: skip


class Palette:
    """A colour and a marker for each variant, the same in every chart."""

    def __init__(self, names: Sequence[str]):
        self.look = {name: (COLOURS[k % 10], MARKERS[(k + k // 10) % 10]) for k, name in enumerate(names)}

    def colour(self, name: str) -> str:
        """Of a line."""
        return self.look[name][0]

    def point(self, name: str) -> dict[str, Any]:
        """Keywords of a point."""
        return {"color": self.look[name][0], "marker": self.look[name][1], "label": name}


def svg(figure: Figure) -> str:
    """The figure's SVG element, its ink that of the page."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :].replace(INK, "currentColor")


def trade_offs(analysis: Analysis, costs: Costs, palette: Palette) -> str:
    """Quality against parameters and, where measured, latency, with the standard deviation over seeds."""
    charts = {
        "parameters, millions": {name: cost.parameters / 1e6 for name, cost in costs.variants.items()},
        "multiplications, millions": {name: cost.multiplications / 1e6 for name, cost in costs.variants.items()},
    }
    if costs.fastest:
        charts = {"latency, milliseconds, in the fastest way": costs.fastest, **charts}
    with rc_context(STYLE):
        figure = Figure(figsize=(4.2 * len(charts), 3.6))
        for axes, (label, values) in zip(figure.subplots(1, len(charts), sharey=True), charts.items(), strict=True):
            for name, summary in analysis.variants.items():
                deviation = summary.deviation or 0.0
                axes.errorbar(
                    values[name], summary.mean, yerr=deviation, capsize=3, linestyle="none", **palette.point(name)
                )
            axes.set_xlabel(label)
            axes.margins(0.15)
        figure.axes[0].set_ylabel(METRICS[analysis.metric].title)
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=6)
        return svg(figure)


def differences(analysis: Analysis) -> str:
    """Every pair's difference with its interval; filled where a difference is shown."""
    with rc_context(STYLE):
        figure = Figure(figsize=(7, 1 + 0.32 * len(analysis.pairs)))
        axes = figure.subplots()
        for row, pair in enumerate(reversed(analysis.pairs)):
            axes.plot((pair.low, pair.high), (row, row), color=INK, linewidth=1.2)
            axes.plot(pair.difference, row, "o", color=INK, fillstyle="full" if pair.shown else "none")
        axes.axvline(0, color=INK, linewidth=0.8, linestyle=":")
        axes.set_yticks(
            range(len(analysis.pairs)), [f"{pair.first} − {pair.second}" for pair in reversed(analysis.pairs)]
        )
        axes.set_xlabel(f"difference in {METRICS[analysis.metric].title}")
        return svg(figure)


def learning_curves(curves: Mapping[str, Mapping[str, Curve]], palette: Palette) -> str:
    """Mean and interval over seeds, by step."""
    titles = {
        "val/miou": "mean IoU, validation",
        "val/boundary_iou_1px": "boundary IoU within 1 pixel, validation",
        "val/loss": "loss, validation",
    }
    shown = {tag: title for tag, title in titles.items() if tag in curves}
    if not shown:
        return ""
    with rc_context(STYLE):
        figure = Figure(figsize=(4.2 * len(shown), 3.6))
        for axes, (tag, title) in zip(np.atleast_1d(figure.subplots(1, len(shown))), shown.items(), strict=True):
            for name, curve in curves[tag].items():
                axes.plot(curve.steps, curve.mean, color=palette.colour(name), label=name)
                axes.fill_between(
                    curve.steps, curve.low, curve.high, color=palette.colour(name), alpha=0.15, linewidth=0
                )
            # The first epochs would squeeze what matters.
            later = np.concatenate([curve.mean[len(curve.mean) // 3 :] for curve in curves[tag].values()])
            later = later[np.isfinite(later)]
            if len(later):
                room = 0.3 * (np.ptp(later) or 0.01)
                axes.set_ylim(later.min() - room, later.max() + room)
            axes.set_title(title, fontsize=11)
            axes.set_xlabel("step")
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=6)
        return svg(figure)


def class_scores(scores: Mapping[str, Mapping[str, Sequence[float]]], palette: Palette) -> str:
    """IoU of every class: by class and variant, a value a seed; mean and standard deviation."""
    classes = list(scores)
    with rc_context(STYLE):
        figure = Figure(figsize=(max(4.5, 0.28 * len(classes) * len(scores[classes[0]]) + 2), 3.6))
        axes = figure.subplots()
        count = len(scores[classes[0]])
        for place, by_variant in enumerate(scores.values()):
            for k, (name, values) in enumerate(by_variant.items()):
                x = place + 0.8 * ((k + 0.5) / count - 0.5)
                deviation = np.std(values, ddof=1) if len(values) > 1 else 0.0
                axes.errorbar(x, np.mean(values), yerr=deviation, capsize=2, linestyle="none",
                              **{**palette.point(name), "label": name if place == 0 else None})  # fmt: skip
        axes.set_xticks(range(len(classes)), classes, rotation=30 if len(classes) > 6 else 0)
        axes.set_ylabel("test IoU")
        figure.legend(loc="outside upper center", ncols=3)
        return svg(figure)


def spectra(spectra: Mapping[str, Mapping[str, np.ndarray]], palette: Palette) -> str:
    """By variant, the share of the power (bins,) of its logits by that of the truth, over the frequency."""
    with rc_context(STYLE):
        figure = Figure(figsize=(7, 3.6))
        axes: Axes = figure.subplots()
        for name, columns in spectra.items():
            ratio = columns["logits"] / columns["truth"]
            axes.plot(columns["cycles_per_pixel"], ratio, color=palette.colour(name), label=name)
        axes.axhline(1, color=INK, linewidth=0.8, linestyle=":")
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("cycles per pixel")
        axes.set_ylabel("power of the logits / of the truth")
        figure.legend(loc="outside upper center", ncols=3)
        return svg(figure)
