"""Times of training steps: on small shapes, of the device that trains, kept for the next time."""

import json
from pathlib import Path

import pytest
import torch
from lightning.pytorch.accelerators import CPUAccelerator

from unetlite.compare.planning.step_times import StepTime, StepTimer, fastest_workers
from unetlite.settings.schema import UNetConfig

PROFILE = json.loads((Path(__file__).parent / "step_profile.json").read_text())
NETWORKS = {
    name: UNetConfig(widths=(4, 6), upsample={"name": name}) for name in ("transpose", "nearest")
}


@pytest.fixture
def messages():
    return []


@pytest.fixture
def timer(tmp_path, messages, monkeypatch):
    monkeypatch.setattr("unetlite.compare.planning.step_times.MIN_CPU_SHARE", 0)
    return StepTimer(
        CPUAccelerator(), "32-true", (16, 256), tmp_path / "times.json", messages.append
    )


@pytest.mark.parametrize(
    ("threads", "slowdown", "expected"),
    [(1, 1.0, 1), (2, 0.0, 2), (3, 0.0, 2), (8, 0.0, 8), (8, 1.0, 1), (8, 0.5, 8)],
)
def test_the_number_of_workers_with_the_most_steps_a_second_is_taken(threads, slowdown, expected):
    def seconds(workers):  # of a step, where workers slow each other down
        return workers**slowdown

    assert fastest_workers(threads, seconds) == expected


@pytest.mark.parametrize("name", [name for name in PROFILE if name != "source"])
def test_two_small_shapes_tell_the_time_of_all_others(timer, monkeypatch, name):
    profile = PROFILE[name]

    def recorded(self, config, workers, shapes):
        return [profile[f"{batch}x{crop}"] for batch, crop in shapes]

    monkeypatch.setattr(StepTimer, "seconds", recorded)
    time = timer.time_network(NETWORKS["transpose"], 1)
    for shape, seconds in profile.items():
        assert time.seconds(*map(int, shape.split("x"))) == pytest.approx(seconds, rel=0.16)


def test_steps_are_timed_once_on_a_machine_and_damaged_times_anew(timer, messages):
    threads = torch.get_num_threads()
    first, parallel = timer.measure(NETWORKS, 2)
    assert parallel == 2
    assert messages == [f"timing steps of {name}, 2 at once" for name in NETWORKS]
    assert torch.get_num_threads() == threads
    assert timer.measure(NETWORKS, 2) == (first, 2)
    assert len(messages) == 2
    timer.measure(NETWORKS, 1)  # another answer
    assert len(messages) == 4
    timer.file.write_text(timer.file.read_text().replace("per_pixel", "per_mile"))
    timer.measure(NETWORKS, 2)
    assert len(messages) == 6


def test_times_of_a_busy_machine_are_not_kept(timer, messages, monkeypatch):
    monkeypatch.setattr("unetlite.compare.planning.step_times.MIN_CPU_SHARE", 100)
    for _ in range(2):
        timer.measure({"transpose": NETWORKS["transpose"]}, 1)
    assert len(messages) == 2


def test_after_some_seconds_operators_are_estimated_by_their_macs(timer, messages, monkeypatch):
    monkeypatch.setattr("unetlite.compare.planning.step_times.MAX_SECONDS", -1)
    monkeypatch.setattr(
        "unetlite.compare.planning.step_times.macs_of", lambda config: len(config.upsample["name"])
    )
    times, _ = timer.measure(NETWORKS, 1)
    assert len(messages) == 1
    assert times["nearest"].seconds(4, 64) == pytest.approx(
        times["transpose"].seconds(4, 64) * 7 / 9
    )
    assert set(timer.measure(NETWORKS, 1)[0]) == set(NETWORKS)
    assert len(messages) == 1  # an estimate is not kept as a time, but made again


def test_an_accelerator_is_timed_at_the_batch_that_will_be_trained(tmp_path, monkeypatch):
    class Fake(CPUAccelerator):
        pass

    monkeypatch.setattr(
        "unetlite.compare.planning.step_times.CPUAccelerator", type("Other", (), {})
    )
    used = []

    def step(network, batch_size, crop_size, precision, accelerator):
        used.append((batch_size, crop_size, accelerator))
        return lambda: None

    monkeypatch.setattr("unetlite.compare.planning.step_times.training_step", step)
    accelerator = Fake()
    timer = StepTimer(accelerator, "32-true", (16, 256), tmp_path / "times.json", print)
    _, parallel = timer.measure({"transpose": NETWORKS["transpose"]}, None)
    assert parallel == 1
    assert used == [(4, 64, accelerator), (16, 256, accelerator)]


def test_a_step_takes_a_fixed_part_and_one_for_its_pixels():
    time = StepTime(fixed=0.1, per_pixel=1e-6)
    assert time.seconds(4, 100) == pytest.approx(0.14)
    assert time.scaled(2).seconds(4, 100) == pytest.approx(0.28)
