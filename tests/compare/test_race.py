"""Races: their level over all looks, what they record, and that launcher and interruptions do not matter."""

import json
import shutil

import numpy as np
import pytest
import yaml
from helpers import overrides, run_script
from typer.testing import CliRunner

from unetlite.cli import app
from unetlite.compare.race import Race
from unetlite.compare.runs import LOOKS, looks_until, read_comparison
from unetlite.compare.statistics import best_of, differences
from unetlite.errors import UsageError
from unetlite.settings import compose_run
from unetlite.train import train


def run_race(random, means, noise=1.0, images=20):
    """The candidates after the last look of a simulated race, and whether a bound was too low at any look."""
    variants, (most,) = len(means), list(LOOKS)[-1:]
    shared = random.normal(size=(1, images)) + random.normal(size=(most, 1))
    scores = {
        k: mean + shared + noise * random.normal(size=(most, 1)) + 2 * random.normal(size=(most, images))
        + random.normal(size=(1, images)) for k, mean in enumerate(means)
    }  # fmt: skip
    racing, low = list(scores), False
    for seeds, alpha in LOOKS.items():
        best = best_of(differences({k: scores[k][:seeds] for k in racing}), alpha, variants)
        low |= any(best.regret[k] < max(means) - means[k] for k in racing)
        racing = best.candidates
        if len(racing) == 1:
            break
    return racing, low


def test_over_all_looks_the_best_is_rarely_dropped_and_bounds_are_rarely_too_low():
    random, rounds = np.random.default_rng(0), 600
    races = [run_race(random, [0.0, 0.0, 0.0, -1.0]) for _ in range(rounds)]
    limit = 0.055 + 2 * np.sqrt(0.05 * 0.95 / rounds)
    assert np.mean([0 not in racing for racing, _ in races]) <= limit
    assert np.mean([low for _, low in races]) <= limit


def test_of_two_identical_variants_neither_wins_a_race():
    random, rounds = np.random.default_rng(1), 600
    won = np.mean([len(run_race(random, [0.0, 0.0])[0]) == 1 for _ in range(rounds)])
    assert won <= 0.055 + 2 * np.sqrt(0.05 * 0.95 / rounds)


@pytest.mark.parametrize("seeds", LOOKS)
def test_the_looks_of_a_shorter_race_share_all_of_the_five_percent(seeds):
    planned = looks_until(seeds)
    assert max(planned) == seeds
    assert sum(planned.values()) == pytest.approx(0.05)
    assert list(planned.values()) == sorted(planned.values())  # the later the more


def test_a_clear_lead_ends_a_race_early():
    random = np.random.default_rng(2)
    assert all(run_race(random, [8.0, 0.0, 0.0, 0.0], noise=0.3)[0] == [0] for _ in range(20))


PLAN = {
    "by": "upsample",
    "variants": {"bilinear": [], "transpose": []},
    "metric": "miou",
    "margin": None,
    "seeds": 10,
    "budget": None,
}


def take_look(runs, **changes):
    race = Race(runs, {**PLAN, **changes})
    race.look({name: [runs / name / f"seed{seed}" for seed in range(3)] for name in PLAN["variants"]})
    return race


def test_a_race_is_continued_with_the_plan_that_it_was_started_with_and_no_other(runs):
    race = take_look(runs, margin=1.0)
    assert race.ended == "a variant is within the margin"
    again = Race(runs, {**PLAN, "margin": 1.0})
    assert (again.looks, again.ended) == (race.looks, race.ended)
    with pytest.raises(UsageError, match=r'"margin": 1\.0'):
        Race(runs, {**PLAN, "margin": 0.5})
    (runs / "race.json").write_text("{")
    with pytest.raises(UsageError, match="damaged"):
        Race(runs, PLAN)


def test_a_budget_ends_a_race_between_looks(runs):
    race = Race(runs, {**PLAN, "budget": 1e-3})
    race.trained = 6
    race.look({name: [runs / name / f"seed{seed}" for seed in range(3)] for name in PLAN["variants"]})
    assert race.ended == "the time is spent"


def test_compare_judges_a_race_by_its_own_metric_margin_and_level(runs):
    race = take_look(runs, margin=0.9)
    comparison = read_comparison(runs)
    assert (comparison.alpha, comparison.started) == (LOOKS[3], 2)
    result = CliRunner().invoke(app, ["compare", str(runs), "--rounds", "0", "--size", "32"])
    assert result.exit_code == 0, result.output
    judged = json.loads((runs / "report.json").read_text())
    assert judged["margin"] == 0.9
    assert judged["judged"]["regret"] == pytest.approx(race.looks[0]["regret"])
    refused = CliRunner().invoke(app, ["compare", str(runs), "--margin", "0.1"])
    assert refused.exit_code == 2
    assert "the race was planned with 0.9" in refused.stderr


def test_what_a_race_dropped_stays_in_the_report_with_its_bound_and_other_looks_give_no_verdict(runs):
    take_look(runs)
    record = json.loads((runs / "race.json").read_text())
    for name in PLAN["variants"]:  # as if it had gone on with one of three
        for seed in (3, 4):
            shutil.copytree(runs / name / "seed0", runs / name / f"seed{seed}")
            file = runs / name / f"seed{seed}" / "config.yaml"
            file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "seed": seed}, sort_keys=False))
    shutil.copytree(runs / "transpose", runs / "zeros")
    for file in (runs / "zeros").rglob("config.yaml"):
        file.write_text(file.read_text().replace("name: transpose\n  kernel_size: 2", "name: zeros"))
    record["plan"]["variants"]["zeros"] = []
    record["looks"][0]["regret"]["zeros"] = 0.25
    second = {**record["looks"][0], "seeds": 5, "regret": {name: 0.1 for name in PLAN["variants"]}}
    record["looks"].append(second)
    (runs / "race.json").write_text(json.dumps(record))
    comparison = read_comparison(runs)
    assert comparison.dropped == {"zeros": 0.25}
    assert {name: len(found) for name, found in comparison.variants.items()} == {
        "bilinear": 5,
        "transpose": 5,
        "zeros": 3,
    }
    assert len(comparison.left_out) == 2
    record["looks"][1]["seeds"] = 4
    (runs / "race.json").write_text(json.dumps(record))
    with pytest.raises(UsageError, match="otherwise than planned"):
        read_comparison(runs)


def test_a_race_ends_the_same_with_one_worker_and_with_two(discs, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # sums are rounded otherwise by more threads
    shared = ["trainer.max_steps=2", "data.test_fraction=0.5", "upsample=transpose,zeros", "hydra/sweeper=race"]

    def race(place, *more):
        words = overrides(discs, tmp_path / place, *shared, "hydra.sweeper.margin=0.99", *more)
        result = run_script(
            "-m", *[word for word in words if not word.startswith("data_dir=")], f"data_dir={tmp_path}", cwd=tmp_path
        )
        assert result.returncode == 0, result.stderr
        return json.loads((tmp_path / place / "outputs" / "test" / "race.json").read_text())

    first = race("one")
    assert first["ended"] == "a variant is within the margin"
    two = race("two", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    assert [{**look, "seconds": 0} for look in two["looks"]] == [{**look, "seconds": 0} for look in first["looks"]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["upsample=transpose,zeros", "seed=0,1"], "takes its seeds itself"),
        (["upsample=transpose"], "no key has several values"),
        (["upsample=transpose,zeros", "model.norm=batch,group"], "upsample, model.norm has several"),
        (["upsample=transpose,zeros", "hydra.sweeper.metric=accuracy"], "boundary_iou_1px"),
        (["upsample=transpose,zeros", "hydra.sweeper.budget=soon"], "budget=soon"),
    ],
)
def test_a_race_that_cannot_be_is_refused_in_one_line(discs, tmp_path, words, message):
    result = run_script("-m", "hydra/sweeper=race", *overrides(discs, tmp_path), *words, cwd=tmp_path)
    assert result.returncode == 2, result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.rglob("metrics.json"))


def test_a_checkpoint_of_the_last_step_is_judged_and_the_best_epoch_scored_beside_it(discs, tmp_path):
    for judge in ("last", "best"):
        words = overrides(
            discs, tmp_path, "trainer.max_epochs=2", f"trainer.judge={judge}", f"output_dir={tmp_path / judge}"
        )
        train(compose_run([word for word in words if word != f"output_dir={tmp_path / 'outputs'}"]))
    runs = {judge: tmp_path / judge / "test" / "transpose" / "seed0" for judge in ("last", "best")}
    found = {judge: json.loads((run / "metrics.json").read_text()) for judge, run in runs.items()}
    for kind in ("last", "best"):  # the trainings are equal, and so are both scores
        assert found["last"][f"test/miou_{kind}"] == pytest.approx(found["best"][f"test/miou_{kind}"], abs=1e-6)
        assert found[kind]["test/miou"] == found[kind][f"test/miou_{kind}"]
