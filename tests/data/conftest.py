"""A data set that needs no files."""

import numpy as np
import pytest

from unetlite.classes import palette
from unetlite.data.cache import open_decoded
from unetlite.data.samples import SPLITS, Sample
from unetlite.errors import UsageError


class InMemory:
    """Random images of two channels. It may break after some."""

    classes = ("a", "b")
    colours = palette(2)

    def __init__(self, sizes=((5, 9), (12, 7), (5, 9), (8, 8)), broken_after=None):
        self.sizes = sizes
        self.broken_after = broken_after
        self.decoded = 0

    def key(self):
        return {"sizes": self.sizes}

    def samples(self):
        return {split: self.read(split) for split in SPLITS}

    def read(self, split):
        for k, size in enumerate(self.sizes):
            if self.broken_after == self.decoded:
                raise UsageError("broken")
            self.decoded += 1
            random = np.random.default_rng((k, SPLITS.index(split)))
            image = random.integers(0, 256, (2, *size), np.uint8)
            mask = random.integers(0, 2, size, np.uint8)
            yield Sample(f"{split}{k}", image, mask, f"group{k}")


@pytest.fixture(scope="session")
def in_memory():
    return InMemory


@pytest.fixture(scope="session")
def decoded(tmp_path_factory):
    """InMemory on disk."""
    return open_decoded(InMemory(), tmp_path_factory.mktemp("decoded"), "test")
