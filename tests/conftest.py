"""What several tests need: images on disk, and trained runs."""

import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import overrides, save
from hypothesis import settings
from typer.testing import CliRunner

from unetlite.cli import app
from unetlite.settings.composition import compose_run
from unetlite.training.run import train

if (
    "PYTEST_XDIST_WORKER" in os.environ
):  # the workers share the cores, and so do the programs that they start
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)

if "UNETLITE_SEED" not in os.environ:  # else as `make faults`, which looks for what is not known
    settings.register_profile("repeatable", derandomize=True)
    settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def own_log():
    """Takes the project's log back from the files of a training that a test before this one ran."""
    log = logging.getLogger("unetlite")
    log.handlers = []
    log.setLevel(logging.NOTSET)
    log.propagate = True
    log.disabled = False


@pytest.fixture
def discs(tmp_path: Path) -> Path:
    """Eight RGB images of two sizes with a bright disc, and masks of 0 and 255."""
    random = np.random.default_rng(0)
    for k in range(8):
        height, width = (40, 48) if k % 2 else (33, 35)
        y, x = np.ogrid[:height, :width]
        disc = (y - random.integers(10, 25)) ** 2 + (x - random.integers(10, 25)) ** 2 < 60
        image = random.integers(0, 60, (height, width, 3)) + 150 * disc[..., None]
        save(tmp_path / "discs" / "images" / f"{k}.png", image.astype(np.uint8))
        save(tmp_path / "discs" / "masks" / f"{k}.png", (255 * disc).astype(np.uint8))
    return tmp_path / "discs"


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """Two operators, three seeds each, two steps each, on noise with a bright square."""
    tmp_path = tmp_path_factory.mktemp("compare")
    random = np.random.default_rng(0)
    for k in range(8):
        mask = np.zeros((64, 64), np.uint8)
        mask[8 + k : 40 + k, 10 : 40 + 2 * k] = 1
        save(
            tmp_path / "squares" / "images" / f"{k}.png",
            (90 * mask + random.integers(0, 120, mask.shape)).astype("u1"),
        )
        save(tmp_path / "squares" / "masks" / f"{k}.png", mask)
    for upsample in ("transpose", "bilinear"):
        for seed in (0, 1, 2):
            more = (
                "data.test_fraction=0.5",
                "trainer.max_steps=2",
                f"upsample={upsample}",
                f"seed={seed}",
            )
            train(compose_run(overrides(tmp_path / "squares", tmp_path, *more)))
    return tmp_path / "outputs" / "test"


@pytest.fixture
def runs(trained, tmp_path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(trained, tmp_path / "runs"))


@pytest.fixture(scope="session")
def report(trained, tmp_path_factory) -> Path:
    """The files of a report."""
    output = tmp_path_factory.mktemp("report")
    arguments = ["compare", str(trained), "--output", str(output), "--rounds", "1", "--size", "32"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "transpose" in result.output
    return output
