"""Charts of the report: quality against each cost."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from unetlite.compare.costs.costs import Costs
from unetlite.compare.report.score_chart import SLOTS, draw_scores, slot_style
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
    millions = {}
    for name, cost in costs.variants.items():
        millions[name] = cost.parameters / 1e6
    charts["parameters, millions"] = millions
    slots = chart_slots(costs.variants)
    tested = replace(analysis, metric_title=f"{analysis.metric_title} (test)")
    return [draw_scores(tested, label, values, slots) for label, values in charts.items()]


def chart_slots(names: Iterable[str]) -> dict[str, int]:
    """The slots of colours and markers, all different.

    An operator has the same ones in all reports, unless another one here has its colour or marker
    while others are free.
    """
    operators = list(UPSAMPLERS)
    slots: dict[str, int] = {}
    for name in names:
        preferred = operators.index(name) if name in operators else 0
        candidates = free_slots(slots.values())
        slots[name] = preferred if preferred in candidates else candidates[0]
    return slots


def free_slots(taken: Collection[int]) -> list[int]:
    """Slots whose colour and marker are both new; if there are none, the colour; else any."""
    styles = [slot_style(slot) for slot in taken]
    colours = {colour for colour, _ in styles}
    markers = {marker for _, marker in styles}
    free = []
    new_colour = []
    both_new = []
    for slot in range(SLOTS + len(taken)):
        colour, marker = slot_style(slot)
        if slot in taken:
            continue
        free.append(slot)
        if colour not in colours:
            new_colour.append(slot)
            if marker not in markers:
                both_new.append(slot)
    return both_new or new_colour or free
