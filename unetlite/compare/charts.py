"""Charts of the report: quality against each cost."""

from collections.abc import Iterable

from unetlite.compare.costs import Costs
from unetlite.compare.score_chart import draw_scores
from unetlite.judge.analysis import Analysis
from unetlite.network.upsampling.base import UPSAMPLERS


def trade_offs(analysis: Analysis, costs: Costs) -> list[str]:
    """SVG: quality against latency, if measured, and against parameters, with intervals."""
    charts = {}
    if costs.fastest:
        place = "in the fastest runtime"
        if costs.device is not None:
            place = "on the device"
        charts[f"latency, milliseconds, {place}"] = costs.fastest
    charts["parameters, millions"] = {
        name: cost.parameters / 1e6 for name, cost in costs.variants.items()
    }
    slots = chart_slots(costs.variants)
    drawn = []
    for label, values in charts.items():
        chart = draw_scores(
            analysis,
            label,
            values,
            slots,
        )
        drawn.append(chart)
    return drawn


def chart_slots(names: Iterable[str]) -> list[str]:
    """The order of colours and markers. An operator has the same ones in all reports."""
    slots = dict.fromkeys(names)
    if not UPSAMPLERS.keys().isdisjoint(slots):
        slots = dict.fromkeys([*UPSAMPLERS, *slots])
    return list(slots)
