"""The scores against an independent implementation, where it matters what is left out, and in several processes."""

import os
import sys
from datetime import timedelta

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.strategies import integers
from torch import distributed, multiprocessing

from unetlite.classes import IGNORE
from unetlite.metrics.boundary import BoundaryIoU
from unetlite.metrics.distances import SurfaceDistances
from unetlite.metrics.overlap import SegmentationScores
from unetlite.metrics.ripple import PhaseRipple


def sets_of(array, k, valid):
    return {(int(y), int(x)) for y, x in zip(*np.nonzero((array == k) & valid), strict=True)}


def slow_scores(prediction, mask, classes):
    """IoU and Dice of one image by sets of pixels; NaN where both sets are empty."""
    iou, dice = [], []
    for k in range(classes):
        a, b = sets_of(prediction, k, mask != IGNORE), sets_of(mask, k, mask != IGNORE)
        iou.append(len(a & b) / len(a | b) if a | b else np.nan)
        dice.append(2 * len(a & b) / (len(a) + len(b)) if a | b else np.nan)
    return iou, dice


@settings(max_examples=30, deadline=None)
@given(seed=integers(0, 10_000), classes=integers(2, 5))
def test_scores_agree_with_sets_of_pixels(seed, classes):
    random = np.random.default_rng(seed)
    prediction = random.integers(0, classes, (4, 9, 7))
    mask = random.choice([*range(classes - 1), IGNORE], (4, 9, 7)).astype(np.uint8)  # the last class is never true
    metric = SegmentationScores([f"c{k}" for k in range(classes)])
    for part in (slice(0, 1), slice(1, 4)):
        metric.update(torch.from_numpy(prediction[part]), torch.from_numpy(mask[part]))
    expected = np.array([slow_scores(p, m, classes) for p, m in zip(prediction, mask, strict=True)])  # (N, 2, K)
    iou, dice = metric.per_image()
    np.testing.assert_allclose(iou, expected[:, 0])
    np.testing.assert_allclose(dice, expected[:, 1])
    whole = np.array(slow_scores(prediction.reshape(-1, 7), mask.reshape(-1, 7), classes))
    scores = {name: float(value) for name, value in metric.compute().items()}
    assert scores["miou"] == pytest.approx(np.nanmean(whole[0]))
    assert scores["dice"] == pytest.approx(np.nanmean(whole[1]))
    assert scores["miou_per_image"] == pytest.approx(np.nanmean(np.nanmean(expected[:, 0], 1)))
    for k in range(classes):
        assert scores[f"iou/c{k}"] == pytest.approx(whole[0, k], nan_ok=True)


def test_an_absent_class_is_left_out_and_not_counted_as_one():
    metric = SegmentationScores(["a", "b", "c"])
    prediction = torch.tensor([[[0, 0, 1, 1]]])
    metric.update(prediction, torch.tensor([[[0, 1, 1, 1]]], dtype=torch.uint8))
    scores = metric.compute()
    assert scores["iou/c"].isnan()
    assert float(scores["miou"]) == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_ignored_pixels_do_not_count():
    metric = SegmentationScores(["a", "b"])
    metric.update(torch.tensor([[[0, 1, 1]]]), torch.tensor([[[0, 1, IGNORE]]], dtype=torch.uint8))
    assert float(metric.compute()["miou"]) == 1


CLASSES = ("a", "b", "c")
SHARES = (slice(0, 3), slice(3, 5))  # of the images, one a process


def scores_of(images):
    """What every metric makes of these of five images, and of all processes' if there are several."""
    draw = torch.Generator().manual_seed(0)
    mask = torch.randint(0, 3, (5, 4, 5), generator=draw).repeat_interleave(8, 1).repeat_interleave(8, 2)
    mask[4, mask[4] == 2] = 0  # an image without a class
    logits = torch.nn.functional.one_hot(mask, 3).movedim(-1, 1) + torch.randn(5, 3, 32, 40, generator=draw)
    logits = logits + torch.randn(3, 4, 4, generator=draw).repeat(1, 8, 10)
    mask[:, :5, :7] = IGNORE
    logits, mask = logits[images], mask[images].to(torch.uint8)
    arguments = {
        SegmentationScores(CLASSES): (logits.argmax(1), mask),
        BoundaryIoU(CLASSES, 2): (logits.argmax(1), mask),
        BoundaryIoU(CLASSES, 0.02, relative=True): (logits.argmax(1), mask),
        SurfaceDistances(CLASSES): (logits.argmax(1), mask),
        PhaseRipple(4, 3): (logits,),
    }
    for metric, values in arguments.items():
        metric.update(*values)
    return [metric.compute() for metric in arguments]


def one_of_two(rank, directory):
    os.environ["GLOO_SOCKET_IFNAME"] = "lo0" if sys.platform == "darwin" else "lo"
    distributed.init_process_group(
        "gloo", f"file://{directory}/meeting", timedelta(seconds=120), world_size=2, rank=rank
    )
    torch.save(scores_of(SHARES[rank]), directory / f"{rank}.pt")
    distributed.destroy_process_group()


def test_two_processes_with_a_share_of_the_images_each_find_the_scores_of_all(tmp_path):
    multiprocessing.spawn(one_of_two, (tmp_path,), nprocs=2)
    together, alone = scores_of(slice(0, 5)), scores_of(SHARES[0])
    for rank in (0, 1):
        torch.testing.assert_close(torch.load(tmp_path / f"{rank}.pt"), together, rtol=1e-6, atol=1e-9)
    for some, every in zip(alone, together, strict=True):
        with pytest.raises(AssertionError):
            torch.testing.assert_close(some, every)  # the other images made a difference
