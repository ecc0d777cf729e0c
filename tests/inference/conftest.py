"""A network in every format."""

import shutil
from pathlib import Path

import pytest
from helpers import as_trained, make_metadata, write_export_of

from unetlite import timing
from unetlite.inference.runtimes.base import EXPORTS


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    """Between measurements."""
    monkeypatch.setattr(timing, "PAUSE", 0)


@pytest.fixture(scope="session")
def written(tmp_path_factory) -> Path:
    """A network in every format, which gives logits."""
    directory = tmp_path_factory.mktemp("written")
    network = as_trained({"name": "nearest"}, widths=(4, 6))
    for format in EXPORTS:
        write_export_of(network, make_metadata(network), format, directory)
    return directory


@pytest.fixture
def exports(written, tmp_path) -> dict[str, Path]:
    """Copies that a test may change, by format."""
    shutil.copytree(written, tmp_path / "exports")
    return {
        format: tmp_path / "exports" / f"float32-logits{suffix}"
        for format, suffix in EXPORTS.items()
    }
