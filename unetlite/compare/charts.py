"""Charts of the report, as SVG that takes the colours of the page it is in; each is narrow enough for a phone."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from unetlite.compare.costs import Costs
from unetlite.compare.runs import METRICS
from unetlite.compare.verdict import Analysis
from unetlite.network.upsampling import UPSAMPLERS

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#7f7f7f", "#6a3d9a", "#b2182b")
MARKERS = "osD^vPX*<>"
INK = "#123456"  # stands for the page's text colour
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "unetlite", "font.size": 11, "font.family": "sans-serif",
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "text.parse_math": False,
    "figure.constrained_layout.use": True, "axes.titlesize": 11, "axes.formatter.useoffset": False,
}  # fmt: skip
SIZE = (4.6, 4.2)  # inches
Looks = Mapping[str, Mapping[str, Any]]


def looks(names: Sequence[str]) -> Looks:
    """By variant, its `color` and its `marker`, the same in every chart; an operator's are the same in every report."""
    slots = [*UPSAMPLERS, *(name for name in names if name not in UPSAMPLERS)]
    numbers = {name: slots.index(name) if UPSAMPLERS.keys() & set(names) else k for k, name in enumerate(names)}
    return {name: {"color": COLOURS[k % 10], "marker": MARKERS[(k + k // 10) % 10]} for name, k in numbers.items()}


def svg(figure: Figure) -> str:
    """The figure's SVG element, with the legend of its axes above, its ink that of the page."""
    (axes,) = figure.axes
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper center", ncols=2)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :].replace(INK, "currentColor")


@rc_context(STYLE)
def trade_offs(analysis: Analysis, costs: Costs, look: Looks) -> list[str]:
    """Quality against latency, where measured, and against parameters, with the intervals of Analysis.around."""
    charts = {"parameters, millions": {name: cost.parameters / 1e6 for name, cost in costs.variants.items()}}
    if costs.fastest:
        charts = {"latency, milliseconds, in the fastest runtime": costs.fastest, **charts}
    drawn = []
    for label, values in charts.items():
        figure = Figure(figsize=SIZE)
        axes = figure.subplots()
        for name, summary in analysis.variants.items():
            low, high = analysis.around(name) or (summary.mean, summary.mean)
            reach = [[max(0.0, summary.mean - low)], [max(0.0, high - summary.mean)]]
            style = {"capsize": 3, "linestyle": "none", "label": name, **look[name]}
            axes.errorbar(values[name], summary.mean, reach if analysis.best else None, **style)
        axes.set(xlabel=label, ylabel=METRICS[analysis.metric].title, xmargin=0.15, ymargin=0.15)
        drawn.append(svg(figure))
    return drawn
