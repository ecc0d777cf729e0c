"""The driver of a race: what it records, how it goes on, and that workers do not matter."""

import json
import math
import shutil
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch
from helpers import overrides

from unetlite.compare.comparison import read_comparison
from unetlite.compare.race.race import Race, finished_scores
from unetlite.compare.race.record import RacePlan, read_race
from unetlite.compare.report.report import failure_sentences
from unetlite.compare.report.tables import failure_table
from unetlite.compare.runs import read_run
from unetlite.errors import RunFailed, UsageError
from unetlite.judge.sequential import INTERIMS
from unetlite.scheduling.base import Outcome, Scheduler, run_training
from unetlite.scheduling.devices import Device
from unetlite.scheduling.local import LocalScheduler
from unetlite.settings.composition import compose_run
from unetlite.training.segmenter import Segmenter

VARIANTS = ["bilinear", "transpose"]


def make_settings_in(runs):
    """Settings of the runs of the fixture, which are finished with three seeds."""

    def make_settings(variant, seed):
        run_dir = runs / variant / f"seed{seed}"
        words = overrides(runs, runs, f"upsample={variant}", f"seed={seed}", "resume=auto")
        return compose_run(words, {"run_dir": str(run_dir)})

    return make_settings


def analysed_race(runs, **changes):
    """A race after its first interim analysis."""
    race = Race(runs, RacePlan(VARIANTS, **changes), make_settings_in(runs))
    assert race.missing_jobs() == []
    race.analyse()
    return race


def test_a_race_goes_on_with_the_plan_that_it_was_started_with_and_no_other(runs):
    race = analysed_race(runs, margin=1.0)
    assert race.record.ended == "a variant is within the margin"
    again = Race(runs, RacePlan(VARIANTS, margin=1.0), make_settings_in(runs))
    assert again.record.interims == race.record.interims
    assert again.record.ended == race.record.ended
    with pytest.raises(UsageError, match=r"margin=1\.0, not 0\.5"):
        Race(runs, RacePlan(VARIANTS, margin=0.5), make_settings_in(runs))
    (runs / "race.json").write_text("{")
    with pytest.raises(UsageError, match="damaged"):
        Race(runs, RacePlan(VARIANTS), make_settings_in(runs))


def test_a_race_of_an_earlier_version_goes_on(runs):
    race = analysed_race(runs)
    record = json.loads((runs / "race.json").read_text())
    record["looks"] = record.pop("interims")
    record["plan"]["variants"] = {name: [f"upsample={name}"] for name in VARIANTS}
    (runs / "race.json").write_text(json.dumps(record))
    again = Race(runs, RacePlan(VARIANTS), make_settings_in(runs))
    assert again.record.interims == race.record.interims
    missing = [(name, settings.seed) for name, settings in again.missing_jobs()]
    assert missing == [(name, seed) for seed in (3, 4) for name in race.record.racing]


def test_a_race_goes_on_with_its_own_data_alone(runs, change_recorded):
    settings = make_settings_in(runs)
    own = read_run(runs / "bilinear" / "seed1").data_hash
    change_recorded(runs / "bilinear" / "seed1", data_hash="other")
    with pytest.raises(UsageError, match="different images, masks or splits"):
        analysed_race(runs)
    change_recorded(runs / "bilinear" / "seed1", data_hash=own)
    Race(runs, RacePlan(VARIANTS), settings, own).analyse()
    assert json.loads((runs / "race.json").read_text())["data_hash"] == own
    with pytest.raises(UsageError, match=r"race\.json records a race on other data"):
        Race(runs, RacePlan(VARIANTS), settings, "other")


def test_a_budget_ends_a_race_between_interim_analyses(runs):
    race = Race(runs, RacePlan(VARIANTS, budget=1e-3), make_settings_in(runs))
    race.trained = 6
    race.analyse()
    assert race.record.ended == "the time is spent"


def test_compare_judges_a_race_by_its_own_alpha(runs):
    analysed_race(runs, margin=0.9)
    comparison = read_comparison(runs)
    assert comparison.alpha == INTERIMS[3]
    assert comparison.race.plan.margin == 0.9


def test_only_finished_runs_of_the_race_are_taken_up(runs):
    (runs / "transpose" / "seed2" / "metrics.json").unlink()
    (runs / "zeros").mkdir()
    scores = finished_scores(runs, VARIANTS)
    assert {name: sorted(seeds) for name, seeds in scores.items()} == {
        "bilinear": [0, 1, 2],
        "transpose": [0, 1],
    }


@dataclass
class Ended:
    """A training that has ended."""

    error: Exception | None

    def done(self):
        return True

    def result(self):
        return self.error


class ThisProcess(Scheduler):
    """A scheduler without workers."""

    slots = 1

    def start(self, settings):
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # as a worker has; sums are rounded otherwise by more
        error = run_training(settings)
        torch.set_num_threads(threads)
        return Ended(error)

    def close(self, at_once):
        pass


def test_a_race_ends_the_same_in_this_process_and_with_two_workers(discs, tmp_path, monkeypatch):
    monkeypatch.setattr("unetlite.judge.learning.MIN_SKILL", -1)  # two steps teach nothing

    def run_race(name, make_scheduler):
        outputs = tmp_path / name

        def make_settings(variant, seed):
            words = overrides(discs, tmp_path, "trainer.max_steps=2", "data.test_fraction=0.5")
            words += [f"upsample={variant}", f"seed={seed}", "resume=auto"]
            return compose_run(words, {"output_dir": str(outputs)})

        directory = outputs / "test"
        directory.mkdir(parents=True)
        race = Race(directory, RacePlan(VARIANTS, margin=0.99), make_settings)
        trained, interims = [], []
        with make_scheduler(directory / "race.log") as scheduler:
            race.run(scheduler, lambda *training: trained.append(training), print, interims.append)
        assert sorted(training[:2] for training in trained) == [
            (name, seed) for name in VARIANTS for seed in range(3)
        ]
        assert [interim.seeds for interim in interims] == [3]
        assert race.record.ended == "a variant is within the margin"
        (interim,) = json.loads((directory / "race.json").read_text())["interims"]
        del interim["seconds"]
        return interim

    two_workers = run_race("two", lambda log: LocalScheduler([Device("cpu")] * 2, 1, log))
    assert run_race("one", lambda log: ThisProcess()) == two_workers


def diverging_race(discs, tmp_path, monkeypatch, variants):
    """A race of two steps a training in this process, in which `bilinear` diverges with seed 1."""
    monkeypatch.setattr("unetlite.judge.learning.MIN_SKILL", -1)  # two steps teach nothing
    genuine = Segmenter.training_step

    def training_step(self, batch, batch_idx):
        loss = genuine(self, batch, batch_idx)
        diverges = self.settings.upsample["name"] == "bilinear" and self.settings.seed == 1
        return loss * math.nan if diverges and self.global_step == 1 else loss

    monkeypatch.setattr(Segmenter, "training_step", training_step)

    def make_settings(variant, seed):
        words = ["trainer.max_steps=2", "data.test_fraction=0.5", "model.widths=[4,6]"]
        words += [f"upsample={variant}", f"seed={seed}", "resume=auto"]
        return compose_run(overrides(discs, tmp_path, *words))

    directory = tmp_path / "outputs" / "test"
    directory.mkdir(parents=True)
    return Race(directory, RacePlan(variants, margin=0.99), make_settings)


def test_a_diverging_variant_is_out_of_the_race_and_the_others_are_judged(
    discs, tmp_path, monkeypatch
):
    race = diverging_race(discs, tmp_path, monkeypatch, ["nearest", "bilinear", "transpose"])
    trained, failures = [], []
    race.run(ThisProcess(), lambda *training: trained.append(training), failures.append, print)
    (failure,) = failures
    assert (failure.variant, failure.seed) == ("bilinear", 1)
    assert "loss is nan" in failure.reason
    assert [training[:2] for training in trained] == [
        ("nearest", 0), ("bilinear", 0), ("transpose", 0), ("nearest", 1), ("transpose", 1),
        ("nearest", 2), ("transpose", 2),
    ]  # fmt: skip
    assert read_race(race.file.parent).failures == failures
    assert race.record.interims[0].regret.keys() == {"nearest", "transpose"}

    comparison = read_comparison(race.file.parent)
    assert list(comparison.variants) == ["nearest", "transpose"]
    assert list(comparison.failed["bilinear"]) == [0]
    (sentence,) = failure_sentences(comparison)
    assert sentence.startswith("bilinear is not chosen and not judged: 1 of its 2 trainings")
    report = SimpleNamespace(comparison=comparison, metric="miou")
    (row,) = failure_table(report)
    assert row["seed"].text == "1"
    assert "loss is nan" in row["reason"].text
    assert row["mean IoU (test) of its others"].text.startswith("seed 0: 0.")


def test_a_race_ends_in_words_if_fewer_than_two_variants_are_left(discs, tmp_path, monkeypatch):
    race = diverging_race(discs, tmp_path, monkeypatch, ["bilinear", "transpose"])
    for _ in range(2):  # it says the same when it is started again
        with pytest.raises(RunFailed, match=r"bilinear with seed 1: .*nan.* delete .*race\.json"):
            race.run(ThisProcess(), lambda *_: None, print, print)
    assert read_race(race.file.parent).racing == ["transpose"]


def test_the_last_candidate_wins_if_the_others_fail(runs):
    race = Race(runs, RacePlan(["bilinear", "transpose"]), make_settings_in(runs))
    race.analyse()
    assert race.record.racing == VARIANTS
    race.plan.variants.append("nearest")
    race.record.interims[0].regret["nearest"] = 0.5  # as if it had been dropped
    outcome = Outcome(make_settings_in(runs)("bilinear", 3), "it diverged")
    race.add_failure("bilinear", outcome)
    assert read_race(runs).ended == "the other candidates failed"
    assert read_race(runs).not_failed == ["transpose", "nearest"]


def test_a_failed_training_ends_the_race_with_its_message(discs, tmp_path):
    def make_settings(variant, seed):
        words = [f"upsample={variant}", f"seed={seed}", "data.classes=[a,b]"]
        return compose_run(overrides(discs, tmp_path, *words))

    race = Race(tmp_path, RacePlan(VARIANTS), make_settings)
    with pytest.raises(UsageError, match="hold only a"):
        race.run(ThisProcess(), lambda *_: pytest.fail("nothing is trained"), print, print)


def test_a_race_ends_when_the_first_seeds_of_all_variants_missed_a_class(runs, put_counts):
    put_counts(runs, lambda operator, seed: 0)
    for seed in (1, 2):
        shutil.rmtree(runs / "transpose" / f"seed{seed}")
    race = Race(runs, RacePlan(VARIANTS), make_settings_in(runs))
    with pytest.raises(RunFailed, match=r"none of 2 trainings has learnt the class .*max_steps"):
        race.run(None, None, None, None)  # nothing is trained
    assert read_race(runs).no_verdict.startswith("the race ends here: none of 2 trainings has")


def test_a_race_goes_on_while_one_variant_has_no_run(runs, put_counts):
    put_counts(runs, lambda operator, seed: 0)
    shutil.rmtree(runs / "transpose")
    race = Race(runs, RacePlan(VARIANTS), make_settings_in(runs))
    race.check_first_seeds()
    assert race.record.ended is None
