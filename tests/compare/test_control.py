"""What may differ between runs that are compared."""

import shutil

import pytest
from helpers import make_old, sign

from unetlite.compare.comparison import read_comparison
from unetlite.errors import UsageError

VARIANTS = ("bilinear", "transpose")


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
