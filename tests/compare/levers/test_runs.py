"""Trainings that measure levers: what is trained, and what is adopted."""

import shutil
from dataclasses import replace

import pytest
from fake_trainings import GAINS, FakeScheduler

from unetlite.compare.levers.kinds import BASELINE, Baseline, Lever
from unetlite.compare.levers.outcome import MeasuredLever, best_levers, promising_lever
from unetlite.compare.levers.record import LeverRecord, read_levers
from unetlite.compare.levers.runs import combine_levers, repeat, run_trials
from unetlite.compare.levers.table import (
    Levers,
    OperatorRange,
    basis_sentence,
    draw_levers,
    format_factor,
    lever_sentences,
    table_rows,
)
from unetlite.compare.levers.trials import Trials
from unetlite.errors import RunFailed, UsageError
from unetlite.files import write_json

LEVERS = [
    Lever("steps", "twice the steps", {"trainer.max_steps": 20}, decided_by_time=True),
    Lever("rate", "half the learning rate", {"trainer.learning_rate": 0.002}),
    Lever("dice", "a Dice loss of weight 2", {"trainer.dice_weight": 2.0}),
    Lever("crops", "crops of 64 pixels", {"data.crop_size": 64}),
]


def make_trials(tmp_path):
    base = {
        "words": ["data=folder", f"data.root={tmp_path}"],
        "values": {"trainer.max_steps": 10},
        "fixed": [],
        "operators": ["transpose"],
        "longest_side": 100,
        "network_reason": None,
    }
    assert Baseline(**base)
    return Trials(
        asked={"data": "discs"},
        base=base,
        levers=LEVERS,
        reasons={"a wider network": "the time is too short"},
        directory=str(tmp_path / "runs"),
        parallel=1,
        threads=1,
        macs={BASELINE: 1.0},
        seconds=60.0,
    )


@pytest.fixture
def trials(tmp_path):
    return make_trials(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Trials with their outcome."""
    trials = make_trials(tmp_path_factory.mktemp("finished"))
    return trials, run_trials(trials, FakeScheduler())


def test_levers_are_ordered_by_their_gain_and_only_finished_trainings_are_not_repeated(
    trials, capsys
):
    first = FakeScheduler()
    outcome = run_trials(trials, first)
    assert len(first.trained) == trials.seeds * (1 + len(LEVERS))
    assert len(capsys.readouterr().out.splitlines()) == len(first.trained)
    assert [row.name for row in outcome.rows] == ["steps", "rate", "dice", "crops"]
    assert outcome.rows[0].gain == pytest.approx(90 / 1100, abs=0.002)
    assert outcome.rows[0].gains
    assert not outcome.rows[3].gains
    again = FakeScheduler()
    assert run_trials(trials, again) == outcome
    assert again.trained == []


def test_a_lever_that_fails_is_named_and_a_base_that_fails_ends_it(trials):
    outcome = run_trials(trials, FakeScheduler(failing=["dice"]))
    assert outcome.failed == {"a Dice loss of weight 2": "the loss is nan"}
    assert len(outcome.rows) == 3
    elsewhere = replace(trials, directory=trials.directory + "2")
    with pytest.raises(RunFailed, match="without one failed: the loss is nan"):
        run_trials(elsewhere, FakeScheduler(failing=[BASELINE]))


def test_what_gains_is_adopted_if_it_gains_together_and_never_the_length(finished):
    trials, outcome = finished
    best = best_levers(trials, outcome)
    assert [lever.name for lever in best] == ["rate", "dice"]
    chosen, remarks = combine_levers(trials, best, FakeScheduler())
    assert chosen == best
    assert "together gain" in remarks[0]
    for run in trials.runs("combined"):
        shutil.rmtree(run.path)
    fake = FakeScheduler(gains={**GAINS, "combined": 10})
    chosen, _ = combine_levers(trials, best, fake)
    assert [lever.name for lever in chosen] == ["rate"]


UNCERTAIN = {"steps": 90, "rate": 10, "dice": -1, "crops": -30}
"""Gains of which the race could adopt that of the rate, which noise hides from two seeds."""


def test_the_most_promising_lever_has_more_seeds_if_none_is_shown_to_gain(trials):
    fake = FakeScheduler(gains=UNCERTAIN, noise=20)
    first = run_trials(trials, fake)
    assert promising_lever(trials, first).name == "rate"
    assert not best_levers(trials, first)
    fake.trained.clear()
    longer, outcome = repeat(trials, first, fake)
    assert longer.more_seeds == {BASELINE: 3, "rate": 3}  # the time of two trainings is two more
    assert fake.trained == [f"{BASELINE}/seed1002", "rate/seed1002"]
    by_name = {row.name: row for row in outcome.rows}
    for before in first.rows:
        assert (by_name[before.name] == before) == (before.name != "rate")
    basis = basis_sentence(Levers(LeverRecord(longer, outcome), outcome, None))
    assert "3 without a change and with half the learning rate" in basis
    again = FakeScheduler(gains=UNCERTAIN, noise=20)
    assert repeat(trials, run_trials(trials, again), again) == (longer, outcome)
    assert again.trained == []


def test_no_lever_has_more_seeds_if_one_gains_or_none_looks_better(trials, tmp_path):
    for number, gains in enumerate((GAINS, {"steps": 90, "rate": -9, "dice": -3, "crops": -30})):
        elsewhere = replace(trials, directory=str(tmp_path / str(number)))
        fake = FakeScheduler(gains=gains)
        outcome = run_trials(elsewhere, fake)
        assert repeat(elsewhere, outcome, fake) == (elsewhere, outcome)


def test_more_seeds_that_fail_leave_what_was_measured(trials):
    first = run_trials(trials, FakeScheduler(gains=UNCERTAIN, noise=20))
    failing = FakeScheduler(gains=UNCERTAIN, noise=20, failing=["rate"])
    same, outcome = repeat(trials, first, failing)
    assert (same, outcome.rows) == (trials, first.rows)
    assert "more seeds failed (the loss is nan)" in outcome.remarks[0]


def test_of_levers_that_change_the_network_the_best_alone_is_adopted(finished):
    trials, outcome = finished
    networks = [replace(lever, changes_network=True) for lever in trials.levers]
    best = best_levers(replace(trials, levers=networks), outcome)
    assert [lever.name for lever in best] == ["rate"]


def test_the_record_comes_back_as_it_was_and_a_damaged_one_is_refused(finished, tmp_path):
    trials, outcome = finished
    file = tmp_path / "levers.json"
    assert read_levers(file) is None
    record = LeverRecord(trials, outcome, 12.0)
    write_json(file, record)
    assert read_levers(file) == record
    file.write_text(file.read_text().replace('"seconds": 12.0', '"seconds": "long"'))
    with pytest.raises(UsageError, match=r"levers.json is damaged .*no training is lost"):
        read_levers(file)


def test_sentences_say_what_gains_beside_what_the_operator_can_lose(finished):
    trials, outcome = finished
    levers = Levers(LeverRecord(trials, outcome), outcome, None)
    sentences = lever_sentences(levers, risk=0.01)
    assert sentences[0].startswith("Twice the steps: +0.08")
    assert "in mean IoU (val)" in sentences[0]
    assert "8.2 times what the choice of the operator can lose" in sentences[0]
    basis = basis_sentence(levers)
    assert "2 trainings each of 10 steps, on 12 validation images" in basis
    rows = [replace(row, low=row.gain - 1, high=row.gain + 1) for row in outcome.rows]
    nothing = replace(outcome, rows=rows)
    operators = OperatorRange("a", "b", 7, 0.0186, 0.0287)
    first, operator = lever_sentences(Levers(levers.record, nothing, operators))
    assert first.startswith("None of 4 changes is shown to gain; the largest gain is that of twice")
    assert operator == (
        "The operator: best less worst +0.0186 ± 0.0287 in mean IoU (val; a less b)."
    )
    untrained = replace(nothing, unlearnt=1)
    _, unlearnt = lever_sentences(Levers(levers.record, untrained, None))
    assert "1 of 2 trainings without a change have not learnt disc" in unlearnt
    assert isinstance(rows[0], MeasuredLever)


def test_a_time_that_noise_does_not_tell_from_one_is_one():
    assert [format_factor(factor) for factor in (1.12, 0.9, 1.5)] == ["1", "1", "1.5"]


def test_the_picture_shows_every_row(finished):
    trials, outcome = finished
    levers = Levers(LeverRecord(trials, outcome), outcome, None)
    picture = draw_levers(levers)
    assert picture.startswith("<svg")
    for row in table_rows(levers):
        assert row.title in picture
