"""Runs as variants: what is read, what is refused, and what is left out."""

import json
import shutil

import pytest
from helpers import sign

from unetlite.compare.comparison import read_comparison
from unetlite.compare.metrics import METRICS
from unetlite.errors import UsageError

VARIANTS = ("bilinear", "transpose")


def test_runs_become_variants_with_the_same_seeds(trained):
    comparison = read_comparison(trained)
    for name in VARIANTS:
        assert [run.seed for run in comparison.variants[name]] == [0, 1, 2]
    scores = comparison.scores("miou")
    assert scores.values["bilinear"].shape == (3, 4)
    assert scores.seeds == [0, 1, 2]
    assert len(scores.groups) == 4
    run_scores = comparison.run_scores("miou")
    first = comparison.variants["transpose"][0]
    assert run_scores["transpose"][0] == first.metrics["test/miou"]
    assert comparison.shared["trainer.max_steps"] == 2


def test_runs_of_an_earlier_version_compare_with_new_ones(runs):
    config = runs / "bilinear" / "seed1" / "config.yaml"
    text = config.read_text()
    assert "test_checkpoint:" in text
    config.write_text(text.replace("test_checkpoint:", "judge:"))  # also before sums were written
    assert "trainer.test_checkpoint" in read_comparison(runs).shared


def test_seeds_that_not_all_have_and_unfinished_runs_are_left_out_by_name(runs):
    (runs / "bilinear" / "seed1" / "metrics.json").unlink()
    comparison = read_comparison(runs)
    assert comparison.seeds == [0, 2]
    unfinished, unshared = comparison.left_out
    assert unfinished == f"{runs / 'bilinear' / 'seed1'} is not finished"
    assert unshared == f"{runs / 'transpose' / 'seed1'}: not every variant has seed 1"


def test_the_distinct_environments_are_listed(runs, change_recorded):
    assert len(read_comparison(runs).environments) == 1
    change_recorded(runs / "bilinear" / "seed1", torch="1.0")
    assert len(read_comparison(runs).environments) == 2


def test_a_missing_score_is_no_score(runs):
    file = runs / "bilinear" / "seed1" / "metrics.json"
    metrics = json.loads(file.read_text())
    del metrics["test/dice"]  # as of a version that did not compute it
    file.write_text(json.dumps(metrics))
    sign(file.parent)
    comparison = read_comparison(runs)
    assert [metric for metric in METRICS if not comparison.has_metric(metric)] == ["dice"]
    assert list(comparison.run_scores("dice")["bilinear"]) == [0, 2]


def test_a_comparison_without_seeds_keeps_the_others(trained):
    comparison = read_comparison(trained).without([], {1})
    assert comparison.seeds == [0, 2]
    assert {run.seed for run in comparison.runs} == {0, 2}


def remove_variants(runs):
    shutil.rmtree(runs / "bilinear")
    shutil.rmtree(runs / "transpose")


def remove_shared_seeds(runs):
    for path in ("bilinear/seed0", "bilinear/seed2", "transpose/seed1"):
        shutil.rmtree(runs / path)


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (shutil.rmtree, "no such directory"),
        (remove_variants, "no finished run"),
        (lambda runs: shutil.rmtree(runs / "bilinear"), "one variant"),
        (remove_shared_seeds, "no seed"),
        (lambda runs: shutil.copytree(runs / "bilinear" / "seed0", runs / "again"), "same variant"),
        (lambda runs: (runs / "bilinear" / "seed0" / "counts.csv").unlink(), "not a complete run"),
    ],
)
def test_what_does_not_compare_is_refused_in_one_line(runs, prepare, words):
    prepare(runs)
    with pytest.raises(UsageError, match=words) as error:
        read_comparison(runs)
    assert "\n" not in str(error.value)


@pytest.fixture
def raced(runs, change, add_seed):
    """A race of three that dropped `zeros` at its first interim analysis, after its second."""
    for name in VARIANTS:
        for seed in (3, 4):
            add_seed(runs, name, seed)
    shutil.copytree(runs / "transpose", runs / "zeros")
    for file in (runs / "zeros").rglob("config.yaml"):
        change(file, upsample={"name": "zeros"})
    plan = {
        "by": "upsample", "variants": [*VARIANTS, "zeros"], "metric": "miou", "margin": None,
        "seeds": 10, "budget": None,
    }  # fmt: skip
    first = {"seeds": 3, "candidates": list(VARIANTS)}
    first["regret"] = {"bilinear": 0.1, "transpose": 0.1, "zeros": 0.25}
    second = {"seeds": 5, "candidates": list(VARIANTS)}
    second["regret"] = {"bilinear": 0.1, "transpose": 0.1}
    record = {"plan": plan, "interims": [first, second], "ended": None, "seconds": 1.0}

    def write(**changes):
        (runs / "race.json").write_text(json.dumps({**record, **changes}))

    write()
    return runs, record, write


def test_what_a_race_dropped_stays_with_its_regret(raced):
    runs, _, _ = raced
    comparison = read_comparison(runs)
    assert comparison.dropped == {"zeros": 0.25}
    counts = {name: len(of_variant) for name, of_variant in comparison.variants.items()}
    assert counts == {"bilinear": 5, "transpose": 5, "zeros": 3}
    assert (comparison.alpha, comparison.race.next_seeds) == (0.010, 7)
    assert comparison.left_out == [
        f"{runs / 'zeros' / f'seed{seed}'}: not in the race's last interim analysis"
        for seed in (3, 4)
    ]
    analysis = comparison.analyse("miou")
    assert list(analysis.variants)[-1] == "zeros"
    assert analysis.best.regret["zeros"] == 0.25


def test_a_race_that_does_not_follow_its_plan_gives_no_verdict(raced):
    runs, record, write = raced
    first, second = record["interims"]
    write(interims=[first, {**second, "seeds": 4}])
    with pytest.raises(UsageError, match="differ from the plan"):
        read_comparison(runs)
    write(interims=[])
    with pytest.raises(UsageError, match="no interim analysis yet"):
        read_comparison(runs)
    write()
    shutil.rmtree(runs / "bilinear" / "seed3")
    with pytest.raises(UsageError, match="bilinear with seed 3, whose run is missing"):
        read_comparison(runs)


def test_runs_beside_a_race_by_another_key_are_compared_as_runs(raced):
    runs, record, write = raced
    write(plan={**record["plan"], "by": "downsample"})
    assert read_comparison(runs).race is None


def test_a_variant_that_was_not_in_the_race_is_named(raced, change):
    runs, _, _ = raced
    shutil.copytree(runs / "transpose", runs / "carafe")
    for file in (runs / "carafe").rglob("config.yaml"):
        change(file, upsample={"name": "carafe"})
    comparison = read_comparison(runs)
    assert "carafe" not in comparison.variants
    assert "carafe was not in the race" in comparison.left_out
