"""Runs as variants: what is read, what is refused, and what is left out."""

import json
import shutil

import pytest
from helpers import make_old, sign

from unetlite.compare.comparison import name_variants, read_comparison
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


def test_runs_that_differ_in_another_key_are_refused_by_name(runs, change):
    config = runs / "bilinear" / "seed1" / "config.yaml"
    change(config, trainer__learning_rate=0.1, model__norm="group")
    with pytest.raises(UsageError) as error:
        read_comparison(runs)
    for word in ("trainer.learning_rate", "model.norm", "batch", "group", "--allow", str(runs)):
        assert word in str(error.value)
    with pytest.raises(UsageError, match=r"model\.norm"):
        read_comparison(runs, allow=["trainer.learning_rate"])
    comparison = read_comparison(runs, allow=["trainer", "model.norm"])
    assert comparison.allowed == ["model.norm", "trainer.learning_rate"]


def test_where_runs_and_data_are_does_not_matter_but_the_test_images_do(runs, change, edit):
    run = runs / "bilinear" / "seed1"
    change(run / "config.yaml", run_dir="elsewhere", data__num_workers=3, data__root="moved")
    read_comparison(runs)
    for column in ("image", "group"):

        def rename(header, rows, column=column):
            rows[0][header.index(column)] = "another"

        edit(run / "counts.csv", rename)
        sign(run)
        with pytest.raises(UsageError, match="different images"):
            read_comparison(runs)


def test_runs_on_different_data_are_refused_unless_a_key_of_the_data_is_compared(
    runs, change, change_recorded
):
    for file in (runs / "bilinear").rglob("config.yaml"):
        change_recorded(file.parent, data_hash="ab" * 32)
    with pytest.raises(UsageError, match="different images, masks or splits"):
        read_comparison(runs)
    with pytest.raises(UsageError, match="different images, masks or splits"):
        read_comparison(runs, allow=["data.augment"])
    read_comparison(runs, allow=["data"])
    for file in (runs / "bilinear").rglob("config.yaml"):
        change(file, data__val_fraction=0.3)
    read_comparison(runs, allow=["data.val_fraction"])


def test_runs_that_do_not_record_their_data_must_have_read_the_same_folder(runs, change):
    for run in runs.glob("*/seed*"):
        make_old(run)
    read_comparison(runs)
    config = runs / "bilinear" / "seed1" / "config.yaml"
    text = config.read_text()
    make_new = (config.parent / "SHA256SUMS").write_text
    make_new("")
    change(config, data__root="moved")
    (config.parent / "SHA256SUMS").unlink()
    with pytest.raises(UsageError, match=r"in data\.root"):
        read_comparison(runs)
    assert text != config.read_text()


def test_a_copy_under_another_seed_is_refused_but_equal_scores_are_not(
    runs, change, put_counts, add_seed
):
    put_counts(runs, lambda operator, seed: 1000)
    add_seed(runs, "bilinear", 3)
    read_comparison(runs)
    copy = runs / "bilinear" / "seed4"
    shutil.copytree(runs / "bilinear" / "seed3", copy)
    change(copy / "config.yaml", seed=4)
    with pytest.raises(UsageError, match=r"seed4 is a copy of .*seed3.*train seed=4"):
        read_comparison(runs)


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
    comparison = read_comparison(trained).without({1})
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


def test_variants_are_named_by_what_distinguishes_them():
    operators = [
        {"name": "transpose", "kernel_size": 2},
        {"name": "transpose", "kernel_size": 4},
        {"name": "zeros"},
    ]
    configs = []
    for number, operator in enumerate(operators):
        configs.append({"upsample": operator, "model": {"norm": "batch", "skip": number}})
    assert name_variants(configs, "upsample") == [
        "transpose (kernel_size=2)",
        "transpose (kernel_size=4)",
        "zeros",
    ]
    assert name_variants(configs, "upsample.name") == ["transpose", "transpose", "zeros"]
    assert name_variants(configs, "model") == ["skip=0", "skip=1", "skip=2"]
    with pytest.raises(UsageError, match="no such key"):
        name_variants(configs, "upsampling")


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
