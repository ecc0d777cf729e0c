"""What is left when a run is killed at any moment: it goes on, and ends with the weights that it would have had."""

import os
import random
import signal
import sys
from pathlib import Path

import pytest
import torch
from helpers import overrides
from server import Server, two_classes
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from unetlite.network.checkpoint import load_checkpoint

KILLS = int(os.environ.get("UNETLITE_KILLS", "25"))
SEED = int(os.environ.get("UNETLITE_SEED", str(random.randrange(10**6))))

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")


@pytest.fixture(scope="module")
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    return two_classes(tmp_path_factory.mktemp("images"), 24)


def words(images, place, *more):
    return overrides(images, place, "trainer.max_epochs=6", "trainer.max_steps=45", *more)


def weights(place):
    return load_checkpoint(place / "outputs" / "test" / "transpose" / "seed0" / "last.ckpt")["state_dict"]


@pytest.fixture(scope="module")
def undisturbed(server, images, tmp_path_factory):
    place = tmp_path_factory.mktemp("undisturbed")
    answer = server.run(words(images, place))
    assert answer["code"] == 0, answer["output"]
    return weights(place), answer["seconds"]


def other_file_system():
    """A folder on another file system than pytest's, to be TMPDIR; None if there is none."""
    place = Path("/dev/shm")
    return str(place) if os.access(place, os.W_OK) else None


@pytest.mark.parametrize("number", range((KILLS + 4) // 5))
def test_a_run_that_is_killed_five_times_ends_as_if_it_was_not(server, images, undisturbed, tmp_path, number):
    expected, seconds = undisturbed
    chance = random.Random(SEED + number)
    options = {"temporary": other_file_system()} if number % 2 and other_file_system() else {}
    for kill in range(5):
        moment = chance.uniform(0.1, seconds)
        number_of_signal = chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM))
        answer = server.run(words(images, tmp_path, "resume=auto"), signals=[(moment, number_of_signal)], **options)
        assert answer["code"] in (0, -signal.SIGKILL, 128 + signal.SIGTERM), (SEED, kill, answer)
    answer = server.run(words(images, tmp_path, "resume=auto"), **options)
    assert answer["code"] == 0, (SEED, answer["output"])
    found = weights(tmp_path)
    assert all(torch.equal(value, found[name]) for name, value in expected.items()), SEED
    run = tmp_path / "outputs" / "test" / "transpose" / "seed0"
    events = EventAccumulator(str(run), size_guidance={"scalars": 0}).Reload()
    for tag in ("train/loss", "val/miou", "train/loss_epoch"):
        steps = [event.step for event in events.Scalars(tag)]
        assert steps == sorted(set(steps)), (SEED, tag, steps)
    assert len(events.Tensors("configuration/text_summary")) == 1, SEED
    left = [path for path in (tmp_path / "data", run) for path in path.rglob("*.partial")]
    assert not left, SEED
