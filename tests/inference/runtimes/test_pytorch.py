"""Checkpoints and safetensors come back as they were, or are refused in words."""

import json

import numpy as np
import pytest
import torch
from helpers import as_trained, image

from unetlite import UsageError, load
from unetlite.inference.runtimes.pytorch import read_checkpoint


@torch.no_grad()
def test_safetensors_of_any_name_give_the_network_to_train_on(exports, tmp_path):
    network = as_trained({"name": "nearest"}, widths=(4, 6))
    again = load(exports["safetensors"].rename(tmp_path / "of-any-name")).network
    assert again.config == network.config
    weights = again.state_dict()
    assert weights.keys() == network.state_dict().keys()
    for name, weight in network.state_dict().items():
        assert torch.equal(weights[name], weight), name
    assert torch.equal(again(image(1, 3, 9, 9)), network(image(1, 3, 9, 9)))


def test_metadata_have_the_test_scores_of_the_checkpoint_that_was_tested(trained):
    run = trained / "bilinear" / "seed0"
    scores = json.loads((run / "metrics.json").read_text())
    _, tested = read_checkpoint(run / "last.ckpt")
    assert tested.metrics["test/miou"] == scores["test/miou"]
    _, other = read_checkpoint(run / "best.ckpt")
    assert "test/miou" not in other.metrics


def change_bytes(path, random):
    content = bytearray(path.read_bytes())
    for place in random.integers(0, len(content), 40):
        content[place] = random.integers(0, 256)
    path.write_bytes(content)


def test_changed_bytes_are_noticed(runs):
    path = runs / "transpose" / "seed0" / "best.ckpt"
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(10):
        path.write_bytes(whole)
        change_bytes(path, random)
        with pytest.raises(UsageError, match=r"best\.ckpt"):
            load(path)


def remove_network(checkpoint):
    del checkpoint["unetlite"]["network"]


def add_later_key(checkpoint):
    checkpoint["unetlite"]["network"]["later"] = 1


def remove_weight(checkpoint):
    checkpoint["state_dict"].popitem()


def replace_metadata(checkpoint):
    checkpoint["unetlite"] = 3


@pytest.mark.parametrize("change", [remove_network, add_later_key, remove_weight, replace_metadata])
def test_a_newer_or_incomplete_checkpoint_is_refused(runs, change):
    path = runs / "transpose" / "seed0" / "best.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    change(checkpoint)
    torch.save(checkpoint, path)
    with pytest.raises(UsageError, match=r"best\.ckpt"):
        load(path)
