"""What fits in place of a plan that does not: one complete command, found in a fixed order."""

import re
import shlex
from dataclasses import replace

import pytest
from races_to_plan import NAMES, SPACE, TIMES

from unetlite.compare.planning.rare_class import CROPS_TO_LEARN, RareClass
from unetlite.compare.planning.request import Request
from unetlite.compare.planning.search import FIRST_INTERIM, plan_race, smallest_race
from unetlite.compare.planning.smaller import (
    rare_class_warning,
    refuse_budget,
    smaller_settings,
)
from unetlite.settings.composition import compose_run

WIDTHS = [16, 32, 64, 128, 256]
LEAF = RareClass("leaf", 0.016, {32: 0.1, 64: 0.16, 128: 0.3, 256: 0.8})


def request(budget="10m", **changes):
    return Request("coast", ["trainer.dice_weight=2"], None, 0.01, budget, **changes)


def times_of(changes, operators=NAMES):
    """Steps that take half as long in a network of half the widths."""
    factor = 1.0
    for change in changes:
        if change.startswith("model.widths=["):
            factor = int(re.search(r"\[(\d+)", change)[1]) / WIDTHS[0]
    steps = {name: TIMES.steps[name].scaled(factor) for name in operators}
    return replace(TIMES, steps=steps)


def refusal(space, asked):
    error = str(refuse_budget(asked, space, WIDTHS, times_of))
    message, command = error.rsplit(": ", 1)
    words = shlex.split(command)
    assert words[:3] == ["unetlite", "choose", "coast"]
    settings = [word for word in words[3:] if "=" in word]
    compose_run(["data=coast", *settings])
    return message, words, dict(setting.split("=") for setting in settings)


@pytest.mark.parametrize("rare", [None, LEAF])
@pytest.mark.parametrize("budget", ["100s", "150s", "200s", "280s", "5m"])
def test_a_refused_budget_ends_with_one_command_that_fits_it_and_learns_the_rarest_class(
    budget, rare
):
    space = replace(SPACE, rare=rare)
    seconds = 60 * float(budget[:-1]) if budget.endswith("m") else float(budget[:-1])
    if plan_race(replace(space, rare=None), seconds) is not None:
        return
    message, words, settings = refusal(space, request(budget))
    assert message.startswith(f"--budget {budget}: {FIRST_INTERIM} seeds of transpose, nearest ")
    assert "(bilinear, pixelshuffle, dysample, unpool left out)" in message
    assert "--operators" not in words
    assert words[words.index("--margin") + 1] == "0.01"
    assert settings["trainer.dice_weight"] == "2"
    assert "data.resize" not in settings
    assert words.count("--budget") == 1
    given = words[words.index("--budget") + 1]
    if given == budget:
        seconds = float(given[:-1]) * (60 if given.endswith("m") else 1)
        crop = int(settings.get("data.crop_size", SPACE.usual.crop_size))
        asked = replace(space, usual=replace(space.usual, crop_size=crop), fixed=set(settings))
        changed = times_of([f"model.widths={settings['model.widths']}"])
        race = plan_race(replace(asked, times=changed), seconds)
    else:
        race = plan_race(space, 60 * int(given[:-1]))
    assert race is not None
    if rare is not None:
        assert race.schedule.steps >= rare.least_steps(
            race.schedule.batch_size, race.schedule.crop_size
        )


def test_networks_become_narrower_before_crops_become_smaller_and_what_was_chosen_stays():
    changes = [" ".join(each.changes) for each in smaller_settings(SPACE, WIDTHS)]
    assert changes == [
        "model.widths=[8,16,32,64,128]",
        "model.widths=[4,8,16,32,64]",
        "model.widths=[4,8,16,32,64] data.crop_size=128",
        "model.widths=[4,8,16,32,64] data.crop_size=64",
        "model.widths=[4,8,16,32,64] data.crop_size=32",
    ]
    fixed = replace(SPACE, fixed={"model.widths"})
    assert next(iter(smaller_settings(fixed, WIDTHS))).changes == ("data.crop_size=128",)
    of_encoder = [each.changes for each in smaller_settings(SPACE, None)]
    assert of_encoder[0] == ("data.crop_size=128",)
    assert list(smaller_settings(replace(SPACE, fixed={"data.crop_size"}), None)) == []


def test_operators_that_were_asked_for_are_all_in_the_command():
    space = replace(SPACE, fixed={"operators"})
    asked = replace(request("1m"), operators=",".join(NAMES))
    message, words, _ = refusal(space, asked)
    assert "left out" not in message
    assert words[words.index("--operators") + 1] == ",".join(NAMES)


def test_a_plan_that_is_too_short_for_the_rarest_class_says_so_and_what_is_long_enough():
    space = replace(SPACE, rare=LEAF)
    short = smallest_race(SPACE)
    shown = short.schedule.steps * LEAF.crops_in_step(
        short.schedule.batch_size, short.schedule.crop_size
    )
    assert shown < CROPS_TO_LEARN
    *text, command = rare_class_warning(request(), space, short)
    assert f"{short.schedule.steps} steps may be too few to learn leaf (1.60%" in text[0]
    assert f"about {shown:.0f} crops show it" in " ".join(line.strip() for line in text)
    budget = re.search(r"--budget (\d+)m", command)[1]
    race = plan_race(space, 60 * int(budget))
    assert rare_class_warning(request(), space, race) == []
    assert rare_class_warning(request(), SPACE, short) == []


def test_a_class_that_takes_more_steps_than_usual_gets_them_in_the_command():
    rarest = RareClass("leaf", 0.0001, {32: 0.005, 64: 0.005, 128: 0.005, 256: 0.01})
    space = replace(SPACE, rare=rarest)
    race = plan_race(space, 3600)
    assert race is not None
    command = rare_class_warning(request(), space, race)[-1].strip()
    settings = dict(word.split("=") for word in shlex.split(command) if "=" in word)
    steps = int(settings["trainer.max_steps"])
    assert steps > SPACE.usual.steps
    assert steps >= rarest.least_steps(
        int(settings["data.batch_size"]), int(settings["data.crop_size"])
    )
    epochs = int(settings["trainer.max_epochs"])
    crops = int(settings["data.crops_per_image"]) * SPACE.usual.images
    assert epochs * (crops // int(settings["data.batch_size"])) >= steps
