"""Charts of the report, as SVG that takes the colours of the page it is in; each is narrow enough for a phone."""

import io
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


@rc_context(STYLE)
def trade_offs(analysis: Analysis, costs: Costs) -> list[str]:
    """SVG: quality against latency, where measured, and against parameters, with the intervals of Analysis.around."""
    charts = {"parameters, millions": {name: cost.parameters / 1e6 for name, cost in costs.variants.items()}}
    if costs.fastest:
        charts = {"latency, milliseconds, in the fastest runtime": costs.fastest, **charts}
    known = UPSAMPLERS if UPSAMPLERS.keys() & costs.variants.keys() else {}
    slots = [*known, *(name for name in costs.variants if name not in known)]  # operators look alike in all reports
    drawn = []
    for label, values in charts.items():
        figure = Figure(figsize=(4.6, 4.2))  # inches
        axes = figure.subplots()
        for name, summary in analysis.variants.items():
            low, high = analysis.around(name) or (summary.mean, summary.mean)
            reach = [[max(0.0, summary.mean - low)], [max(0.0, high - summary.mean)]] if analysis.best else None
            slot = slots.index(name)
            style: dict[str, Any] = {"color": COLOURS[slot % 10], "marker": MARKERS[(slot + slot // 10) % 10]}
            axes.errorbar(values[name], summary.mean, reach, capsize=3, linestyle="none", label=name, **style)
        axes.set(xlabel=label, ylabel=METRICS[analysis.metric].title, xmargin=0.15, ymargin=0.15)
        figure.legend(loc="outside upper center", ncols=2)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        drawn.append("<svg" + buffer.getvalue().partition("<svg")[2].replace(INK, "currentColor"))
    return drawn
