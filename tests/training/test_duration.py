"""The time that a training says it will take."""

import logging
from types import SimpleNamespace

from unetlite.training.duration import EVALUATION, TEST_PASSES, TimeLeft


def test_the_time_left_is_said_once_after_ten_steps_and_counts_evaluations(monkeypatch, caplog):
    now = 0.0
    monkeypatch.setattr("unetlite.training.duration.time.perf_counter", lambda: now)
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
