"""Images on which all networks fail are named, and only they."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from discs import Split, area

from unetlite.compare.doctor import suspects
from unetlite.compare.doctor.suspects import best_scores, find_suspects
from unetlite.compare.runs import Run


def make_run(iou):
    """A run whose image k has this IoU of the foreground, of 100 pixels."""
    right = np.round(200 * np.array(iou) / (1 + np.array(iou)))  # TP of 100 + FP = 100
    columns = {
        "overlap/tp/rest": np.full(len(iou), 5000.0),
        "overlap/fp/rest": 100 - right,
        "overlap/fn/rest": 100 - right,
        "overlap/tp/nucleus": right,
        "overlap/fp/nucleus": 100 - right,
        "overlap/fn/nucleus": 100 - right,
    }
    names = [f"{k:03d}" for k in range(len(iou))]
    return Run(
        SimpleNamespace(path=Path("run")),
        {"seed": 0},
        {},
        {},
        "",
        names,
        names,
        columns,
    )


def find(*runs):
    """The suspects of runs whose data are not here."""
    return find_suspects(SimpleNamespace(runs=[make_run(iou) for iou in runs]), None)


def test_an_image_on_which_all_fail_is_named_worst_first():
    usual = [0.8] * 10
    result = find([*usual, 0.1, 0.02, 0.02], [*usual, 0.05, 0.01, 0.7])
    assert [suspect.name for suspect in result.failed] == ["011", "010"]
    assert result.sentences[0].startswith(
        "All 2 trainings fail on 011 (test): IoU 0.02 at best, where the median test image has 0.80"
    )
    assert result.pictures == {}


def test_hard_images_and_networks_that_learnt_nothing_are_no_finding():
    assert find(np.linspace(0.3, 0.9, 20)).sentences == []
    assert find([0.1] * 10 + [0.0]).sentences == []
    assert find([0.8, 0.8, 0.0]).sentences == []  # too few


def test_images_without_foreground_have_no_score():
    run = make_run([0.5, 0.5])
    for kind in ("tp", "fn"):
        run.columns[f"overlap/{kind}/nucleus"][0] = 0
    assert np.isnan(best_scores([run])).tolist() == [True, False]


def test_masks_in_the_wrong_place_are_named_in_test_and_validation(monkeypatch):
    areas = [area(seed) for seed in range(12)]
    masks = list(areas)
    masks[1], masks[2] = areas[2], areas[1]
    val = [area(seed) for seed in range(20, 24)]
    moved = [*val[:3], np.roll(val[3], (0, 8), (0, 1))]
    splits = {
        "train": Split("t", areas[:1], masks[:1]),
        "val": Split("v", val, moved),
        "test": Split("", areas, masks),
    }
    result = find_in(splits, [0.8, 0.05, 0.05, *[0.8] * 9], monkeypatch)
    first, second, third = result.sentences
    assert first.startswith("The mask of 2 fits the image 1 better than its own")
    assert second.startswith("The mask of 1 fits the image 2 better than its own")
    assert third.startswith("The mask of v3 is shifted by 8 pixels to the right")
    assert [suspect.split for suspect in result.ordered] == ["test", "test", "val"]
    assert [suspect.name for suspect in result.failed] == ["1", "2"]
    assert list(result.pictures[third]) == ["image", "mask", "prediction"]


def test_an_image_on_which_all_fail_and_that_has_another_ones_mask_is_named_with_it(monkeypatch):
    areas = [area(seed) for seed in range(10)]
    train = [area(seed) for seed in range(20, 22)]
    masks = [*areas[:3], train[1], *areas[4:]]
    splits = {
        "train": Split("t", train, train),
        "val": Split("v", [], []),
        "test": Split("", areas, masks),
    }
    iou = [*[0.8] * 3, 0.01, *[0.8] * 6]
    (suspect,) = find_in(splits, iou, monkeypatch).ordered
    assert suspect.reason.startswith("3 (test) and t1 (train) have the same mask")
    assert "most likely that of t1" in suspect.reason
    splits["train"] = Split("t", [*train, train[0]], [train[1]] * 3)  # drawn after a template
    assert "same mask" not in find_in(splits, iou, monkeypatch).sentences[0]


def find_in(splits, iou, monkeypatch):
    """The suspects of networks that predict what is in the images, with these scores."""
    display = SimpleNamespace(rgb=lambda image: np.repeat(image.transpose(1, 2, 0), 3, 2))
    dataset = SimpleNamespace(
        splits=splits,
        classes=("rest", "nucleus"),
        colours=((0, 0, 0), (9, 9, 9)),
        display=display,
    )
    monkeypatch.setattr(suspects, "predict_classes", lambda _, image: image[0].numpy())
    run = replace(make_run(iou), images=splits["test"].names)
    return find_suspects(
        SimpleNamespace(runs=[run], networks={"a": None, "b": None}),
        SimpleNamespace(dataset=dataset),
    )
