"""A run as its directory records it."""

import hashlib
import json
import shutil

import numpy as np
import pytest
from helpers import make_old, sign

from unetlite.compare.metrics import METRICS
from unetlite.compare.runs import read_run
from unetlite.errors import UsageError


def test_the_scores_of_images_average_to_the_scores_of_the_run(trained):
    for file in trained.rglob("metrics.json"):
        run = read_run(file.parent)
        for metric in METRICS:
            score = np.nanmean(run.image_scores(metric))
            assert score == pytest.approx(run.metrics[f"test/{metric}"], abs=1e-6), metric


def test_runs_from_before_there_were_groups_have_their_images_as_groups(runs, edit):
    run = runs / "bilinear" / "seed0"

    def remove_groups(header, rows):
        for row in (header, *rows):
            del row[1]

    edit(run / "counts.csv", remove_groups)
    sign(run)
    read = read_run(run)
    assert read.groups == read.images
    assert len(read.images) == 4


def test_what_a_run_was_trained_on_and_by_is_recorded_and_an_earlier_version_opens(runs):
    run = runs / "bilinear" / "seed0"
    recorded = read_run(run).environment
    stored = json.loads((run / "environment.json").read_text())
    assert recorded == stored
    assert len(recorded["data_hash"]) == 64
    assert recorded["code_version"].startswith(recorded["unetlite"] + "+")
    make_old(run)
    assert read_run(run).data_hash is None


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("counts.csv", None, "not a complete run"),
        ("counts.csv", "image,group,overlap/tp/a\n0,0\n", "not a complete run"),
        ("counts.csv", "image,group,overlap/tp/a\n0,0,many\n", "has the count 'many'"),
        ("metrics.json", "{", "is damaged"),
        ("config.yaml", "[", "is damaged"),
        ("last.ckpt", "PK", "is not a checkpoint"),
    ],
)
def test_a_missing_or_damaged_file_is_refused_with_the_remedy(runs, name, text, words):
    run = runs / "bilinear" / "seed0"
    make_old(run)  # otherwise the sums refuse it
    (run / name).unlink()
    if text is not None:
        (run / name).write_text(text)
    with pytest.raises(UsageError, match=words) as error:
        read_run(run)
    assert str(run) in str(error.value)
    assert "\n" not in str(error.value)


def edit_score(run, edit):
    metrics = json.loads((run / "metrics.json").read_text())
    metrics["test/miou"] += 0.01
    (run / "metrics.json").write_text(json.dumps(metrics))


def edit_validation_score(run, edit):
    metrics = json.loads((run / "metrics.json").read_text())
    metrics["val/miou"] += 0.01
    (run / "metrics.json").write_text(json.dumps(metrics))


def edit_class_score(run, edit):
    metrics = json.loads((run / "metrics.json").read_text())
    metrics["test/iou/foreground"] = 0.99
    (run / "metrics.json").write_text(json.dumps(metrics))


def edit_counts(run, edit):
    def move_pixels(header, rows):
        tp, fn = (header.index(f"overlap/{kind}/foreground") for kind in ("tp", "fn"))
        rows[0][tp] = str(int(rows[0][tp]) + int(rows[0][fn]))
        rows[0][fn] = "0"

    edit(run / "counts.csv", move_pixels)


def negate_count(run, edit):
    def negate(header, rows):
        rows[0][header.index("overlap/fp/foreground")] = "-40"

    edit(run / "counts.csv", negate)


def take_other_operator(run, edit):
    shutil.copy(run.parents[1] / "transpose" / "seed0" / "last.ckpt", run / "last.ckpt")


def call_it_another_seed(run, edit):
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("seed: 0", "seed: 7"))


@pytest.mark.parametrize("kind", ["as written", "signed", "old"])
@pytest.mark.parametrize(
    ("tamper", "file", "words"),
    [
        (edit_score, "metrics.json", r"test/miou = .* counts\.csv of the run"),
        (edit_validation_score, "metrics.json", "val/miou = .* the checkpoint of the run"),
        (edit_class_score, "metrics.json", "test/iou/foreground = 0.99"),
        (edit_counts, "counts.csv", "test/miou"),
        (negate_count, "counts.csv", "overlap/fp/foreground has the count '-40'"),
        (take_other_operator, "last.ckpt", r"upsample\.name \(transpose there, bilinear here\)"),
        (call_it_another_seed, "", r"seed \(0 there, 7 here\)"),
    ],
)
def test_files_that_do_not_agree_are_refused_by_name(runs, edit, kind, tamper, file, words):
    """Without sums, and with new ones that hide a change, the content tells."""
    run = runs / "bilinear" / "seed0"
    if kind == "old":
        for each in (run, runs / "transpose" / "seed0"):
            make_old(each)
    tamper(run, edit)
    if kind == "signed":
        sign(run)
    if kind == "as written" and file:
        words = rf"{file} is not as the run wrote it.*SHA256SUMS"
    with pytest.raises(UsageError, match=words) as error:
        read_run(run)
    assert str(run) in str(error.value)


def test_the_sums_are_those_of_sha256sum(trained):
    """Any tool can verify a run."""
    run = trained / "bilinear" / "seed0"
    lines = (run / "SHA256SUMS").read_text().splitlines()
    names = sorted(line.split("  ")[1] for line in lines)
    assert names == [
        "best.ckpt",
        "counts.csv",
        "curve.csv",
        "last.ckpt",
        "metrics.json",
        "per_image.csv",
        "val_counts.csv",
    ]
    for line in lines:
        digest, name = line.split("  ")
        assert digest == hashlib.sha256((run / name).read_bytes()).hexdigest()
