"""A chart of scores against costs, as SVG in the colours of a page, narrow enough for a phone."""

import io
from collections.abc import Mapping
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from unetlite.judge.analysis import Analysis

COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7",
    "#e69f00", "#56b4e9", "#8c6d31", "#7f7f7f",
)  # fmt: skip
MARKERS = "osD^vPX*<>pd"
MARKER = 0.025  # of the width of a chart, about that of a marker
SLOTS = 24  # pairs of a colour and a marker before one comes again
INK = "#123456"  # stands for the page's text colour
STYLE: dict[Any, Any] = {
    "axes.edgecolor": INK,
    "axes.formatter.useoffset": False,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "figure.constrained_layout.use": True,
    "font.family": "sans-serif",
    "font.size": 11,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "unetlite",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
}


@rc_context(STYLE)
def draw_scores(
    analysis: Analysis,
    label: str,
    values: Mapping[str, float],
    slots: Mapping[str, int],
) -> str:
    """SVG: the scores of all variants with their intervals, against values of this label.

    `slots` decide colours and markers. Without a label the values are places alone.
    """
    figure = Figure(figsize=(4.6, 3.6))  # inches
    axes = figure.subplots()
    axes.set(xlabel=label, ylabel=analysis.metric_title, xmargin=0.15, ymargin=0.15)
    if not label:
        axes.set_xticks([])
    places = side_by_side(values)
    for name, summary in analysis.variants.items():
        errors = None
        if analysis.best is not None:
            low, high = analysis.chart_interval(name)
            errors = [[max(0.0, summary.mean - low)], [max(0.0, high - summary.mean)]]
        colour, marker = slot_style(slots[name])
        axes.errorbar(
            places[name],
            summary.mean,
            errors,
            color=colour,
            marker=marker,
            linestyle="none",
            capsize=3,
            label=name,
        )
    figure.legend(loc="outside upper center", ncols=2)
    return to_svg(figure)


def side_by_side(values: Mapping[str, float]) -> dict[str, float]:
    """The values, moved apart where markers would hide each other.

    >>> side_by_side({"a": 0.0, "b": 1.0, "c": 1.0})
    {'a': 0.0, 'b': 1.0, 'c': 1.025}
    """
    high = max(values.values())
    width = high - min(values.values())
    gap = MARKER * (width or abs(high))
    places: dict[str, float] = {}
    last = -float("inf")
    for name in sorted(values, key=values.__getitem__):
        last = max(values[name], last + gap)
        places[name] = last
    return places


def slot_style(slot: int) -> tuple[str, str]:
    """Colour and marker. The first 8 slots differ in both; no pair comes again in the first 24."""
    return COLOURS[slot % len(COLOURS)], MARKERS[slot % len(MARKERS)]


def to_svg(figure: Figure) -> str:
    """An SVG element to put into a page, whose text colour it takes."""
    buffer = io.StringIO()
    figure.savefig(
        buffer,
        format="svg",
        transparent=True,
        metadata={"Date": None, "Creator": None},
    )
    _, _, content = buffer.getvalue().partition("<svg")
    return "<svg" + content.replace(INK, "currentColor")
