"""A finished run that several tests look at."""

from pathlib import Path

import numpy as np
import pytest
from helpers import overrides, save

from unetlite.settings.composition import compose_run
from unetlite.training.run import train


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """The directory of a run of five steps: one epoch and a part of the next."""
    folder = tmp_path_factory.mktemp("finished")
    random = np.random.default_rng(0)
    for k in range(8):
        mask = random.random((40, 48)) < 0.4
        image = (100 * mask + random.integers(0, 50, mask.shape)).astype(np.uint8)
        save(folder / "discs" / "images" / f"{k}.png", image)
        save(folder / "discs" / "masks" / f"{k}.png", mask.astype(np.uint8))
    words = overrides(folder / "discs", folder, "upsample=nearest", "seed=3", "trainer.max_steps=5")
    settings = compose_run(words)
    train(settings)
    return Path(settings.run_dir)
