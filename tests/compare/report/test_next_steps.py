"""What to do next: in order, only what applies, as commands that are taken."""

import shlex
from dataclasses import replace

import pytest
from made_report import make_report

from unetlite.compare.doctor.suspects import Suspect, Suspects
from unetlite.compare.levers.kinds import Lever
from unetlite.compare.levers.outcome import LeverOutcome, MeasuredLever
from unetlite.compare.levers.record import LeverRecord
from unetlite.compare.levers.table import Levers
from unetlite.compare.levers.trials import Trials
from unetlite.compare.planning.command import choose_command
from unetlite.compare.planning.experiment import Experiment
from unetlite.compare.planning.request import Request
from unetlite.compare.race.record import Interim, RacePlan, RaceRecord
from unetlite.compare.report.next_steps import next_steps, round_budget
from unetlite.files import write_json
from unetlite.judge.trend import Trend
from unetlite.settings.composition import compose_run

STEPS = Lever("steps", "twice the steps", {"trainer.max_steps": 4}, decided_by_time=True)
CROPS = Lever("crops", "crops of 64 pixels", {"data.crop_size": 64})
WIDER = Lever("wider", "a wider network", {"model.widths": [6, 9, 12]})


def make_levers(gains, half_width=0.01, adopted=()):
    rows = []
    for lever, gain in gains.items():
        low, high = gain - half_width, gain + half_width
        by_name = {each.name: each for each in (STEPS, CROPS, WIDER)}
        chosen = by_name[lever]
        rows.append(MeasuredLever(
            lever, chosen.title, chosen.typed, gain, low, high, 0.0, 1.0, 1.0
        ))  # fmt: skip
    rows.sort(key=lambda row: -row.gain)
    outcome = LeverOutcome(rows, 0.5, "disc", 0.3, 12, 12, 3.0, adopted=list(adopted))
    base = {"operators": ["transpose"], "values": {"trainer.max_steps": 2}}
    trials = Trials({}, base, [STEPS, CROPS, WIDER], {}, "runs", 1, 1, {}, 60.0)
    return Levers(LeverRecord(trials, outcome), outcome, None)


@pytest.fixture
def report(runs, put_counts):
    """Of a race whose two operators may both be the best."""
    put_counts(
        runs, lambda operator, seed: 1000 + 5 * seed + (operator == "transpose") * (seed - 1)
    )
    regret = {"bilinear": 0.01, "transpose": 0.01}
    interim = Interim(3, list(regret), regret, 0.05)
    race = RaceRecord(RacePlan(list(regret), seeds=3), [interim], "last interim analysis", 600.0)
    values = {
        "data.root": str(runs / "images of mine"),
        "data.batch_size": 4,
        "data.crop_size": 64,
        "data.crops_per_image": 2,
        "trainer.max_epochs": 3,
        "trainer.max_steps": 2,
    }
    (runs / "images of mine").mkdir()
    experiment = Experiment(
        request=Request(values["data.root"], ["model.norm=group"], "bilinear,transpose", 0.0, None),
        summary=[],
        overrides=["data=folder", "model.norm=group"],
        values=values,
        step_seconds=dict.fromkeys(regret, 1.0),
        seeds=3,
        budget=700.0,
        parallel=1,
        threads=1,
    )
    write_json(runs / "choose.json", experiment)
    made = make_report(runs)
    made = replace(
        made,
        comparison=replace(made.comparison, race=race),
        with_all=replace(made.analysis, groups=50),
    )
    made.__dict__["trend"] = None
    return made


def overrides(command):
    """The settings of a command that races, which must compose."""
    words = shlex.split(command)
    assert words[1:3] == ["unetlite", "choose"]
    assert words[3].endswith("images of mine")
    settings = [word for word in words[4:] if "=" in word]
    compose_run(["data=folder", *settings], {"data.root": words[3]})
    return settings


def test_all_that_applies_comes_in_order_and_its_commands_compose(report):
    first = report.comparison.runs[0].images[0]
    suspects = Suspects([Suspect(first, "test", "All fail on it.", {})])
    levers = make_levers({"steps": 0.2, "wider": 0.05, "crops": 0.02}, adopted=["crops"])
    made = replace(report, suspects=suspects, levers=levers)
    look, longer, change, seeds, use = next_steps(made)
    assert look.text.startswith(f"Look at {first}: All fail on it. Correct what is wrong")
    assert look.commands[0].startswith("UNETLITE_HOME=corrected unetlite choose ")
    assert look.commands[1].startswith("unetlite compare ")
    assert look.commands[1].endswith(f" --without {first}")
    assert "a wider network: it gains +0.0500 ± 0.0100 in mean IoU (val)" in change.text
    assert overrides(change.commands[0]) == ["model.norm=group", "model.widths=[6,9,12]"]
    assert longer.text.startswith("Train longer: ")
    assert "trainer.max_steps=4" in overrides(longer.commands[0])
    assert "data.crop_size=64" in overrides(longer.commands[0])  # was adopted
    assert seeds.text.startswith("More seeds: with about 5 in place of 3 a race takes 17 min")
    assert "--budget 20m --no-levers --operators bilinear,transpose --margin 0" in seeds.commands[0]
    assert use.text.startswith(f"Use {made.chosen} (")
    assert use.commands[0].endswith("seed0 IMAGES --output DIR")
    assert use.commands[1].endswith("seed0")
    options = "--size 16x24 --output logits"
    assert (
        next_steps(replace(made, export_options=options))[-1]
        .commands[1]
        .endswith(f"seed0 {options}")
    )


def test_what_may_be_noise_is_called_that_and_what_is_small_beside_it_is_left_out(report):
    change = next_steps(replace(report, levers=make_levers({"steps": 0.0, "wider": 0.008})))[0]
    assert "it looks best, +0.0080 ± 0.0100" in change.text
    assert "but that may be noise" in change.text
    titles = [
        step.text for step in next_steps(replace(report, levers=make_levers({"wider": 0.004})))
    ]
    assert [title.partition(":")[0].partition(" (")[0] for title in titles] == [
        "More seeds",
        f"Use {report.chosen}",
    ]


def test_a_race_without_levers_is_told_to_measure_them(report):
    step = next_steps(report)[0]
    assert step.text.startswith("Measure what longer training")
    assert step.commands[0].startswith("unetlite levers ")
    assert step.commands[0].endswith(" model.norm=group")  # as the race was asked


def test_images_of_other_splits_are_not_judged_without_and_many_are_counted(report):
    names = [f"v{k}" for k in range(5)]
    suspects = Suspects(misplaced=[Suspect(name, "val", "It fits v9.", {}) for name in names])
    look = next_steps(replace(report, suspects=suspects))[0]
    assert look.text.startswith("Look at v0 (val), v1 (val), v2 (val) and 2 more: It fits v9.")
    assert len(look.commands) == 1
    assert "--without" not in look.commands[0]


def test_masks_of_a_published_set_are_not_to_be_corrected(report):
    runs = report.comparison.runs
    for run in runs:
        run.config["data"]["name"] = "coast"
    suspects = Suspects([Suspect(runs[0].images[0], "test", "All fail on it.", {})])
    look = next_steps(replace(report, suspects=suspects))[0]
    assert "orrect" not in look.text
    assert look.text.endswith("is published: judge without it, and report both results.")
    (command,) = look.commands
    assert command.startswith("unetlite compare ")
    of_val = Suspects(misplaced=[Suspect("v0", "val", "It fits v9.", {})])
    look = next_steps(replace(report, suspects=of_val))[0]
    assert look.text.endswith("so leave it as published, and say so.")
    assert look.commands == []


def test_a_command_keeps_what_was_asked_and_a_later_setting_takes_the_place_of_an_earlier_one():
    request = Request("coast", ["model.norm=group", "data.crop_size=64"], None, None, "30m", False)
    assert choose_command(request, ["data.crop_size=32"]) == (
        "unetlite choose coast --budget 30m --no-levers model.norm=group data.crop_size=32"
    )
    asked = replace(request, levers=True)
    assert choose_command(asked, budget="2h", home="x").startswith(
        "UNETLITE_HOME=x unetlite choose coast --budget 2h model.norm"
    )
    assert "--no-levers" in choose_command(asked, levers=False)


def test_few_groups_of_images_get_no_more_seeds(report):
    few = replace(report, with_all=replace(report.analysis, groups=4), levers=make_levers({}))
    (use,) = next_steps(few)
    assert use.text.startswith("Use ")


def test_no_verdict_gives_no_network_and_no_seeds_but_far_trainings_are_told_to_go_on(report):
    none = replace(report, with_all=replace(report.analysis, best=None))
    none.__dict__["trend"] = Trend(0.2, 0.1, 0.3, 0.5, 6)
    longer, _ = next_steps(none)
    assert longer.text.startswith("Train longer")


def test_runs_that_no_race_planned_are_only_used(report):
    unplanned = replace(report, comparison=replace(report.comparison, race=None))
    (use,) = next_steps(unplanned)
    assert use.text.startswith("Use ")


def test_the_seed_to_use_is_the_best_on_validation_images_whatever_its_test_score(report):
    runs = report.comparison.variants[report.chosen]
    val = {0: 0.5, 1: 0.8, 2: 0.7}
    test = {0: 0.9, 1: 0.1, 2: 0.8}
    for run in runs:
        run.metrics["val/miou"] = val[run.seed]
        run.metrics["test/miou"] = test[run.seed]
    use = next_steps(report)[-1]
    assert "predict with seed 1, the best of its 3 on validation images (mean IoU 0.8000, val)" in (
        use.text
    )
    assert "whose weights are seed1/" in use.text
    assert use.commands[0].endswith("seed1 IMAGES --output DIR")
    assert use.commands[1].endswith("seed1")


def test_a_budget_has_slack_and_is_whole_tens_of_minutes():
    assert [round_budget(seconds) for seconds in (60, 540, 560, 4900)] == [
        "10m",
        "10m",
        "20m",
        "90m",
    ]
