"""Checkpoints as networks: those of version 0.1 too, and no others."""

from dataclasses import asdict

import pytest
import torch
from helpers import as_trained, image

from unetlite.errors import UsageError
from unetlite.network.checkpoint import load_network, with_weights
from unetlite.network.names import FORMER_PREFIXES, replace_prefix
from unetlite.settings.schema import METADATA_KEY

NETWORK = as_trained({"name": "fade"}, widths=(4, 6))


def save(path, changes):
    """NETWORK as version 0.1 wrote it, with some weights changed."""
    weights = {}
    for name, value in {**NETWORK.state_dict(), **changes}.items():
        weights["network." + replace_prefix(name, FORMER_PREFIXES)] = value
    metadata = {"network": asdict(NETWORK.config)}
    torch.save({"state_dict": weights, METADATA_KEY: metadata}, path)
    return path


@torch.no_grad()
def test_a_checkpoint_of_version_0_1_gives_the_same_logits(tmp_path):
    loaded = load_network(save(tmp_path / "a.ckpt", {})).eval()
    assert torch.equal(loaded(image(1, 3, 20, 31)), NETWORK(image(1, 3, 20, 31)))


@pytest.mark.parametrize(
    "changes",
    [
        {"head.extra": torch.zeros(1)},
        {"head.weight": torch.zeros(3, 4, 1, 1)},
        {"head.weight": torch.full((2, 4, 1, 1), torch.nan)},
    ],
    ids=["unknown", "of another shape", "not finite"],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, changes):
    path = save(tmp_path / "a.ckpt", changes)
    with pytest.raises(UsageError, match=r"a\.ckpt holds another network"):
        load_network(path)


def test_more_numbers_than_the_file_has_room_for_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"small")
    with pytest.raises(ValueError, match="room"):
        with_weights(NETWORK.config, NETWORK.state_dict(), path)
