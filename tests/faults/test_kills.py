"""A run that is killed at any moment goes on, and ends with the weights of an undisturbed one."""

import errno
import os
import platform
import random
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from helpers import overrides
from server import SEED, two_classes
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from unetlite.checkpoint import load_checkpoint
from unetlite.exit_codes import cli_errors
from unetlite.settings.composition import compose_run
from unetlite.tables import read_csv
from unetlite.training.run import train

KILLS = int(os.environ.get("UNETLITE_KILLS", "10"))

NETWORKS = {"mini": [], "pretrained": ["model=pretrained", "model.widths=null"]}
TESTED = ["mini"]
if KILLS >= 100 and find_spec("timm") is not None:
    TESTED.append("pretrained")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    return two_classes(tmp_path_factory.mktemp("images"), 24)


def words(images, place, *more, network="mini"):
    steps = ("trainer.max_epochs=6", "trainer.max_steps=45")
    return overrides(images, place, *NETWORKS[network], *steps, *more)


def weights(place):
    return load_checkpoint(place / "outputs" / "test" / "transpose" / "seed0" / "last.ckpt")[
        "state_dict"
    ]


def train_undisturbed(server, images, place, network):
    answer = server.run(words(images, place, network=network))
    assert answer["code"] == 0, answer["output"]
    return weights(place), answer["seconds"]


@pytest.fixture(scope="module")
def undisturbed(server, images, tmp_path_factory):
    return train_undisturbed(server, images, tmp_path_factory.mktemp("mini"), "mini")


@pytest.fixture(scope="module", params=TESTED)
def reference(request, server, images, tmp_path_factory):
    """The name of a network, and its weights and seconds without a kill."""
    place = tmp_path_factory.mktemp("undisturbed")
    return request.param, *train_undisturbed(server, images, place, request.param)


def other_file_system():
    """A folder on another file system than pytest's, to be TMPDIR; None if there is none."""
    place = Path("/dev/shm")
    return str(place) if os.access(place, os.W_OK) else None


@pytest.mark.parametrize("number", range((KILLS + 4) // 5))
def test_a_run_that_is_killed_five_times_ends_as_if_it_was_not(
    server, images, reference, tmp_path, number
):
    network, expected, seconds = reference
    resuming = words(images, tmp_path, "resume=auto", network=network)
    chance = random.Random(SEED + number)
    options = {"temporary": other_file_system()} if number % 2 and other_file_system() else {}
    for kill in range(5):
        moment = chance.uniform(0.1, seconds)
        number_of_signal = chance.choice(
            (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        )
        answer = server.run(resuming, signals=[(moment, number_of_signal)], **options)
        wanted = (
            0,
            -signal.SIGKILL if number_of_signal == signal.SIGKILL else 128 + number_of_signal,
        )
        assert answer["code"] in wanted, (SEED, kill, answer)
    answer = server.run(resuming, **options)
    assert answer["code"] == 0, (SEED, answer["output"])
    found = weights(tmp_path)
    assert all(torch.equal(value, found[name]) for name, value in expected.items()), SEED
    run = tmp_path / "outputs" / "test" / "transpose" / "seed0"
    events = EventAccumulator(str(run), size_guidance={"scalars": 0}).Reload()
    for tag in ("train/loss", "score/miou", "train/loss_epoch"):
        steps = [event.step for event in events.Scalars(tag)]
        assert steps == sorted(set(steps)), (SEED, tag, steps)
    steps = [event.step + 1 for event in events.Scalars("score/miou")]
    assert [int(step) for step in read_csv(run / "curve.csv")["step"]] == steps, SEED
    assert len(events.Tensors("configuration/text_summary")) == 1, SEED
    left = [path for path in (tmp_path / "data", run) for path in path.rglob("*.partial")]
    assert not left, SEED


@pytest.mark.parametrize("more", [[], ["data.num_workers=4"]])
def test_the_same_seed_gives_the_same_weights_with_any_number_of_workers(
    server, images, undisturbed, tmp_path, more
):
    answer = server.run(words(images, tmp_path, *more))
    assert answer["code"] == 0, answer["output"]
    assert all(
        torch.equal(value, undisturbed[0][name]) for name, value in weights(tmp_path).items()
    )


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(images, tmp_path, monkeypatch):
    settings = compose_run(words(images, tmp_path))
    last = Path(settings.run_dir) / "last.ckpt"
    original, contents = torch.save, []

    def save_on_a_full_disk(content, file):
        if len(contents) == 3:
            file.write(b"half of it")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        original(content, file)
        contents.append(1)

    monkeypatch.setattr("torch.save", save_on_a_full_disk)
    with pytest.raises(SystemExit) as end, cli_errors():
        train(settings)
    assert end.value.code == 2
    assert load_checkpoint(last)["global_step"] > 0
    assert not list(last.parent.glob("*.partial"))


def test_a_damaged_cache_is_noticed_and_decoded_again(server, images, undisturbed, tmp_path):
    assert server.run(words(images, tmp_path))["code"] == 0
    (file,) = (tmp_path / "data").rglob("train.images")
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)
    (
        file.parent.parent / f".{file.parent.name}.{platform.node()}.999999999.partial"
    ).mkdir()  # of a killed process
    answer = server.run(words(images, tmp_path, f"output_dir={tmp_path / 'again'}"))
    assert "cache corrupt, rebuilding" in answer["output"]
    assert not list((tmp_path / "data").rglob("*.partial"))
    found = load_checkpoint(tmp_path / "again" / "test" / "transpose" / "seed0" / "last.ckpt")[
        "state_dict"
    ]
    assert all(torch.equal(value, found[name]) for name, value in undisturbed[0].items())
