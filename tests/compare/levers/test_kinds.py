"""Which levers apply to which settings."""

import importlib.util

import pytest
from helpers import overrides

from unetlite.compare.levers.kinds import LEVERS, Baseline, find_levers


@pytest.fixture
def make_base(tmp_path):
    def make(*typed, operators=("transpose",), fixed=(), **options):
        words = [word for word in overrides(tmp_path, tmp_path) if "model." not in word]
        words = [word for word in words if "data.crop_size" not in word]
        keys = [word.partition("=")[0] for word in typed]
        return Baseline(
            [*words, *typed],
            {"trainer.max_steps": 60, "trainer.max_epochs": 3},
            [*keys, *fixed],
            list(operators),
            longest_side=500,
            **options,
        )

    return make


def by_name(base):
    levers, reasons = find_levers(base)
    assert len(levers) + len(reasons) == len(LEVERS)
    return {lever.name: lever for lever in levers}, reasons


def test_each_lever_changes_the_setting_that_it_names(make_base):
    base = make_base()
    levers, _ = by_name(base)
    plain = base.settings()
    changed = {name: base.settings(lever.words, lever.values) for name, lever in levers.items()}
    assert changed["steps"].trainer.max_steps == 2 * plain.trainer.max_steps
    assert changed["steps"].trainer.max_epochs == 2 * plain.trainer.max_epochs
    assert changed["turns"].data.augment.quarter_turns
    assert changed["turns"].data.augment.vertical_flip
    assert changed["crops"].data.crop_size == min(2 * plain.data.crop_size, 512)
    assert changed["rate"].trainer.learning_rate == plain.trainer.learning_rate / 2
    assert changed["dice"].trainer.dice_weight == 2 * plain.trainer.dice_weight
    assert changed["wider"].model.widths[0] == 1.5 * plain.model.widths[0]
    for name, settings in changed.items():
        assert settings != plain, name
        assert (settings.model != plain.model) == levers[name].changes_network


@pytest.mark.parametrize(
    ("typed", "name", "reason"),
    [
        ("data.augment.quarter_turns=false", "turns", "they are on, or were turned off by hand"),
        ("data.crop_size=64", "crops", "data.crop_size was set"),
        ("trainer.learning_rate=1e-3", "rate", "trainer.learning_rate was set"),
        ("trainer.dice_weight=0", "dice", "trainer.dice_weight was set"),
        ("model.widths=[4,6]", "wider", "model.widths was set"),
        ("model.norm=group", "pretrained", "model.norm was set"),
        ("downsample=mean", "pretrained", "downsample was set"),
    ],
)
def test_what_a_person_set_is_left(make_base, typed, name, reason):
    levers, reasons = by_name(make_base(typed))
    assert name not in levers
    assert reason in reasons.values()


def test_a_pretrained_encoder_is_left_out_with_the_reason(make_base, monkeypatch):
    title = "a pretrained encoder"
    _, reasons = by_name(make_base(operators=["transpose", "unpool"], fixed=["operators"]))
    assert "unpool needs positions" in reasons[title]
    _, reasons = by_name(make_base(network_reason="a device decides"))
    assert reasons[title] == reasons["a wider network"] == "a device decides"
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    _, reasons = by_name(make_base())
    assert "pip install" in reasons[title]


def test_no_lever_repeats_what_the_settings_have(make_base):
    flips = [f"data.augment.{name}=true" for name in ("horizontal_flip", "vertical_flip")]
    base = make_base(*flips, "data.augment.quarter_turns=true", "trainer.dice_weight=0")
    base.fixed.clear()
    levers, reasons = by_name(base)
    assert "turns" not in levers
    assert levers["dice"].values == {"trainer.dice_weight": 1.0}
    base.values["data.crop_size"] = 512
    _, reasons = find_levers(Baseline(base.words, base.values, [], ["transpose"], 500))
    assert reasons["larger crops"] == "crops hold whole images"


def test_what_is_typed_is_what_trains(make_base):
    base = make_base()
    base.values.clear()
    levers, _ = by_name(base)
    for lever in levers.values():
        typed = base.settings(lever.typed.split())
        assert typed.as_dict() == base.settings(lever.words, lever.values).as_dict()
