"""Callbacks of training: crops for the ripple, the time that is left."""

import logging
from types import SimpleNamespace

import torch

from unetlite.training.callbacks import EVALUATION, TEST_PASSES, TimeLeft, shift_randomly


def test_shifted_images_are_crops_and_every_offset_occurs():
    stride, height, width = 4, 21, 30
    place = torch.arange(height)[:, None] * 100 + torch.arange(width)
    images = torch.stack([place, 10_000 + place])[:, None].expand(2, 3, height, width)
    generator = torch.Generator().manual_seed(0)
    offsets = [set(), set()]
    for _ in range(300):
        crops = shift_randomly(images, stride, generator)
        assert crops.shape == (2, 3, height - stride + 1, width - stride + 1)
        for k, crop in enumerate(crops):
            top, left = divmod(int(crop[0, 0, 0]) - 10_000 * k, 100)
            bottom, right = top + crop.shape[1], left + crop.shape[2]
            assert torch.equal(crop, images[k][:, top:bottom, left:right])
            offsets[k].add((top, left))
    for seen in offsets:
        assert len(seen) == stride**2
    small = shift_randomly(images[..., :3, :3], stride, generator)  # smaller than the stride
    assert small.shape == (2, 3, 1, 1)


def test_the_time_left_is_said_once_after_ten_steps_and_counts_evaluations(monkeypatch, caplog):
    now = 0.0
    monkeypatch.setattr("unetlite.training.callbacks.time.perf_counter", lambda: now)
    split = SimpleNamespace(sizes=[(32, 64)] * 4)
    module = SimpleNamespace(
        dataset=SimpleNamespace(splits={"val": split, "test": split}),
        settings=SimpleNamespace(
            trainer=SimpleNamespace(max_steps=310),
            data=SimpleNamespace(batch_size=4, crop_size=32),
        ),
    )
    trainer = SimpleNamespace(
        estimated_stepping_batches=400, global_step=0, num_training_batches=100
    )
    callback = TimeLeft()
    with caplog.at_level(logging.INFO, logger="unetlite"):
        for step in range(1, 13):
            now += 30.0 if step == 1 else 2.0  # the first step fills caches
            trainer.global_step = step
            callback.on_train_batch_end(trainer, module)
    evaluations = 3 + TEST_PASSES  # each of two batches' pixels
    minutes = 2 * (300 + EVALUATION * 2 * evaluations) / 60
    assert caplog.messages == [f"about {minutes:.0f} min left"]
