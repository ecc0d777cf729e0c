"""What several tests need: images on disk."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def save(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


@pytest.fixture
def discs(tmp_path: Path) -> Path:
    """Eight RGB images of two sizes with a bright disc, and masks of 0 and 255, in images/ and masks/."""
    random = np.random.default_rng(0)
    for k in range(8):
        height, width = (40, 48) if k % 2 else (33, 35)
        y, x = np.ogrid[:height, :width]
        disc = (y - random.integers(10, 25)) ** 2 + (x - random.integers(10, 25)) ** 2 < 60
        image = random.integers(0, 60, (height, width, 3)) + 150 * disc[..., None]
        save(tmp_path / "discs" / "images" / f"{k}.png", image.astype(np.uint8))
        save(tmp_path / "discs" / "masks" / f"{k}.png", (255 * disc).astype(np.uint8))
    return tmp_path / "discs"
