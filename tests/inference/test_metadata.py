"""Metadata that do not describe a network are refused in words."""

import json

import pytest
from helpers import as_trained, make_metadata

from unetlite import UsageError
from unetlite.inference.metadata import Metadata


@pytest.fixture(scope="module")
def values():
    network = as_trained({"name": "transpose"}, widths=(4, 6))
    return json.loads(make_metadata(network).model_dump_json())


def test_keys_of_a_later_version_are_ignored(values, tmp_path):
    metadata = Metadata.read(json.dumps({**values, "of a later version": 1}), tmp_path)
    assert metadata == Metadata.read(values, tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"classes": 7},
        {"classes": ["a", "b", "c"]},
        {"colours": [[0, 0]]},
        {"colours": []},
        {"colours": [[0, 0, 0], [0, 0, 256]]},
        {"receptive_field": "x"},
        {"receptive_field": -1},
        {"precision": "int4"},
        {"output": "masks"},
        {"config": "data"},
        {"config": {"data": None}},
        {"value_range": [[0], [255]]},  # one channel of three
        {"display_channels": [4]},
        {"input_type": "float64"},
        {"input_size": [0, 3]},
        {"config": {"data": {"name": "a", "resize": -1}}},
        {"config": {"data": {"name": 3}}},
        {"network": {"upsample": "x"}},
        {"network": {"widths": None}},
        {"network": {"later": 1}},
        {"network": {"widths": [4, 6], "decoder_widths": [1, 2, 3]}},
        {"metrics": [1]},
        {"metrics": {"a": "b"}},
    ],
    ids=str,
)
def test_odd_values_are_refused(values, change, tmp_path):
    with pytest.raises(UsageError, match="written by unetlite"):
        Metadata.read(json.dumps({**values, **change}), tmp_path)


@pytest.mark.parametrize(
    ("operator", "norm", "reason"),
    [
        ("dysample", "batch", "dysample"),
        ("lda_aqu", "batch", "lda_aqu"),
        ("bilinear", "group", "model.norm=group"),
        ("bilinear", "instance", "model.norm=instance"),
        ("bilinear", "batch", None),
    ],
)
def test_networks_that_read_anywhere_say_why(operator, norm, reason):
    network = as_trained({"name": operator}, widths=(8, 8), norm=norm)
    said = make_metadata(network).why_tiles_differ
    assert (said is None) == (reason is None)
    assert reason is None or reason in said
