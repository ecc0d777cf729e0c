"""Charts of the report: quality against each cost."""

from collections.abc import Iterable

from unetlite.compare.costs import Costs
from unetlite.compare.score_chart import SLOTS, draw_scores, slot_style
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
        chart = draw_scores(analysis, label, values, slots)
        drawn.append(chart)
    return drawn


def chart_slots(names: Iterable[str]) -> dict[str, int]:
    """The slots of colours and markers, all different.

    An operator has the same ones in all reports, unless another one here has its colour or marker
    while others are free.
    """
    operators = list(UPSAMPLERS)
    slots: dict[str, int] = {}
    for name in names:
        preferred = operators.index(name) if name in operators else 0
        free = [slot for slot in range(SLOTS + len(slots)) if slot not in slots.values()]
        colours = {slot_style(slot)[0] for slot in slots.values()}
        markers = {slot_style(slot)[1] for slot in slots.values()}
        new_colours = [slot for slot in free if slot_style(slot)[0] not in colours]
        both_new = [slot for slot in new_colours if slot_style(slot)[1] not in markers]
        candidates = both_new or new_colours or free
        slots[name] = preferred if preferred in candidates else candidates[0]
    return slots
