"""Colours and markers of variants."""

from unetlite.compare.charts import chart_slots
from unetlite.compare.score_chart import slot_style
from unetlite.network.upsampling import UPSAMPLERS


def test_colours_and_markers_never_repeat_within_a_report():
    names = [*UPSAMPLERS, "carafe (a=1)", "carafe (a=2)", "model.norm=batch"]
    styles = [slot_style(slot) for slot in chart_slots(names).values()]
    assert len(set(styles)) == len(names)
    for start in range(len(names) - 8):
        few = names[start : start + 8]
        colours, markers = zip(*map(slot_style, chart_slots(few).values()), strict=True)
        assert len(set(colours)) == len(set(markers)) == 8


def test_an_operator_keeps_its_colour_beside_others():
    alone = chart_slots(["bilinear", "nearest"])
    assert chart_slots(["nearest", "transpose", "bilinear"])["bilinear"] == alone["bilinear"]
