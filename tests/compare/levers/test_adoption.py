"""Levers before a race of `choose`: what is adopted, and what it leaves to the race."""

from dataclasses import replace

import pytest
from races_to_plan import SPACE, TIMES

from unetlite.compare.levers import adoption
from unetlite.compare.levers.adoption import Draft, adopt_levers
from unetlite.compare.levers.kinds import Lever
from unetlite.compare.levers.outcome import LeverOutcome, MeasuredLever
from unetlite.compare.levers.record import LeverRecord, read_levers
from unetlite.compare.levers.trials import Trials
from unetlite.compare.planning.search import plan_race
from unetlite.errors import UsageError
from unetlite.files import write_json
from unetlite.scheduling.resources import Resources

LEVERS = [
    Lever("pretrained", "a pretrained encoder", {}, ["model=pretrained"], changes_network=True),
    Lever("rate", "half the learning rate", {"trainer.learning_rate": 0.002}),
    Lever("dice", "a Dice loss of weight 2", {"trainer.dice_weight": 2.0}),
]
SECONDS = 10_000.0
ASKED = {"data": "discs", "fixed_network": False}


@pytest.fixture
def draft():
    race = plan_race(SPACE, SECONDS)
    return Draft(
        ["data=folder"],
        {"data.root": "discs"},
        SPACE,
        race,
        SECONDS,
        None,
        Resources(),
    )


@pytest.fixture
def adopt(draft, tmp_path, monkeypatch):
    """Adopts levers that gain, without a training."""

    def run(gaining, steps=60, slower=1.0, asked=ASKED, draft=draft):
        race = plan_race(SPACE, 0.75 * SECONDS)
        values = {"trainer.max_steps": steps, **race.schedule.settings()}
        values["trainer.max_steps"] = steps
        base = {
            "words": [], "values": values, "fixed": [], "operators": ["transpose"],
            "longest_side": 100, "network_reason": None,
        }  # fmt: skip
        trials = Trials(ASKED, base, LEVERS, {}, str(tmp_path), 2, 2, {}, 600.0)
        times = replace(TIMES, steps={k: t.scaled(slower) for k, t in TIMES.steps.items()})

        def finish(file, record, resources, adopt):
            assert adopt
            rows = [MeasuredLever("rate", "half", "x", 0.1, 0.05, 0.15, 0.1, 1.0, 1.0)]
            record.outcome = LeverOutcome(rows, 0.5, "disc", 0.3, 12, 12, 3.0, adopted=gaining)
            record.seconds = 2000.0
            write_json(file, record)

        monkeypatch.setattr(adoption, "plan_before_race", lambda *_: trials)
        monkeypatch.setattr(adoption, "run_levers", finish)
        monkeypatch.setattr(adoption, "time_operators", lambda *_: times)
        return adopt_levers(draft, asked, tmp_path)

    return run


def test_what_gains_is_in_all_trainings_of_the_race_which_takes_the_time_that_is_left(
    draft, adopt, tmp_path
):
    adopted = adopt(["pretrained", "rate"])
    assert adopted.overrides == ["data=folder", "model=pretrained"]
    assert adopted.values["trainer.learning_rate"] == 0.002
    assert adopted.adopted == ["a pretrained encoder", "half the learning rate"]
    assert "unpool" not in adopted.race.operators
    assert adopted.seconds == SECONDS - 2000
    assert adopted.race.seconds <= adopted.seconds
    before = read_levers(tmp_path / "levers.json").trials.base["values"]
    assert adopted.race.schedule.batch_size == before["data.batch_size"]
    assert adopted.race.schedule.crop_size == before["data.crop_size"]
    assert draft.values == {"data.root": "discs"}


def test_without_a_gain_the_race_is_as_before_in_the_time_that_is_left(draft, adopt):
    adopted = adopt([])
    assert adopted.values == draft.values
    assert adopted.space == draft.space
    assert adopted.seconds == SECONDS - 2000


def test_what_would_make_trainings_shorter_than_those_that_measured_it_is_not_adopted(
    adopt, tmp_path
):
    adopted = adopt(["rate", "pretrained"], slower=1000.0)
    assert adopted.adopted == ["half the learning rate"]
    outcome = read_levers(tmp_path / "levers.json").outcome
    assert outcome.adopted == ["rate"]
    assert "would be too short" in outcome.remarks[0]
    (tmp_path / "levers.json").unlink()
    assert adopt(["rate"], steps=10**6).adopted == []


def test_a_second_start_goes_on_and_another_request_is_refused(adopt, tmp_path):
    first = adopt(["rate"])
    assert isinstance(read_levers(tmp_path / "levers.json"), LeverRecord)
    assert adopt(["rate"]) == first
    with pytest.raises(UsageError, match="data was discs and is others"):
        adopt(["rate"], asked={**ASKED, "data": "others"})


def test_levers_are_not_tried_if_the_race_needs_the_time(draft, adopt, capsys):
    short = replace(draft, seconds=60.0)
    assert adopt(["rate"], draft=short) is short
    assert "not tried" in capsys.readouterr().out
