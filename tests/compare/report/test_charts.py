"""Colours and markers of variants."""

import pytest

from unetlite.compare.report.charts import chart_slots
from unetlite.compare.report.score_chart import MARKER, side_by_side, slot_style
from unetlite.network.upsampling import UPSAMPLERS


def test_colours_and_markers_never_repeat_within_a_report():
    names = [*UPSAMPLERS, "carafe (a=1)", "carafe (a=2)", "model.norm=batch"]
    styles = [slot_style(slot) for slot in chart_slots(names).values()]
    assert len(set(styles)) == len(names)
    for start in range(len(names) - 8):
        few = names[start : start + 8]
        colours, markers = zip(*map(slot_style, chart_slots(few).values()), strict=True)
        assert len(set(colours)) == len(set(markers)) == 8


def test_markers_at_one_place_stand_side_by_side_and_others_stay():
    places = side_by_side({"a": 2.16, "b": 1.0, "c": 2.16, "d": 3.0, "e": 2.16})
    assert (places["b"], places["a"], places["d"]) == (1.0, 2.16, 3.0)
    gap = 2.0 * MARKER
    assert sorted(places.values())[2:4] == pytest.approx([2.16 + gap, 2.16 + 2 * gap])
    same = side_by_side({"a": 5.0, "b": 5.0})
    assert same["b"] > same["a"]


def test_an_operator_keeps_its_colour_beside_others():
    alone = chart_slots(["bilinear", "nearest"])
    assert chart_slots(["nearest", "transpose", "bilinear"])["bilinear"] == alone["bilinear"]
