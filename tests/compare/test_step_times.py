"""Times of training steps, and how many trainings at once."""

import pytest
import torch
from helpers import overrides

from unetlite.compare.step_times import estimate_step_times, fastest_workers
from unetlite.data.cache import Decoded, DecodedDataset
from unetlite.data.normalisation import ChannelStatistics
from unetlite.settings.composition import compose_run
from unetlite.visualize import Display


@pytest.mark.parametrize(
    ("threads", "slowdown", "expected"),
    [(1, 1.0, 1), (2, 0.0, 2), (3, 0.0, 2), (8, 0.0, 8), (8, 1.0, 1), (8, 0.5, 8)],
)
def test_the_number_of_workers_with_the_most_steps_a_second_is_taken(threads, slowdown, expected):
    def seconds(workers):  # of a step, where workers slow each other down
        return workers**slowdown

    assert fastest_workers(threads, seconds) == expected


def test_steps_of_all_variants_are_timed_and_the_threads_are_as_before(discs, tmp_path):
    words = ("data.batch_size=1", "data.crop_size=16", "trainer.precision=32-true")
    variants = {}
    for name in ("transpose", "nearest"):
        variants[name] = compose_run(overrides(discs, tmp_path, *words, f"upsample={name}"))
    statistics = ChannelStatistics([0] * 3, [1] * 3, [0] * 3, [255] * 3)
    decoded = Decoded("uint8", statistics, {}, "")
    dataset = DecodedDataset(("disc", "other"), (), decoded, Display((1,)))
    threads = torch.get_num_threads()
    messages = []
    seconds, parallel = estimate_step_times(variants, dataset, 2, messages.append)
    assert parallel == 2
    assert list(seconds) == list(variants)
    assert all(value > 0 for value in seconds.values())
    assert messages == [
        "timing steps of transpose, 2 at once",
        "timing steps of nearest, 2 at once",
    ]
    assert torch.get_num_threads() == threads
