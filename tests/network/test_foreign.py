"""Operators in decoders of other libraries: plain maps in, and refusals in words."""

import doctest

import pytest
import torch
import torch.nn.functional as F
from helpers import OPERATORS, label

import unetlite
from unetlite.errors import UsageError
from unetlite.network import foreign
from unetlite.network.upsampling import EncoderFeatures


def build(operator, channels=6, skip=6):
    options = {key: value for key, value in operator.items() if key != "name"}
    return unetlite.upsampler(operator["name"], channels, channels, skip, **options)


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
def test_an_operator_gives_what_it_gives_inside(operator):
    up = build(operator)
    x, features = torch.randn(2, 6, 5, 7), torch.randn(2, 6, 10, 14)
    _, positions = F.max_pool2d(features, 2, return_indices=True)
    expected = up.operator(x, EncoderFeatures(features, positions))
    assert torch.equal(up(x, features), expected)
    assert up(x, features).shape == (2, 6, 10, 14)


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
def test_only_a_guided_operator_needs_the_encoders_map(operator):
    up = build(operator)
    x = torch.randn(1, 6, 5, 7)
    if foreign.is_guided(up.operator):
        with pytest.raises(UsageError, match="is guided by the encoder's map; call it as up"):
            up(x)
        with pytest.raises(UsageError, match="skip_channels=0 says that there is none; give the"):
            build(operator, skip=0)
    else:
        assert torch.equal(build(operator, skip=0)(x).isfinite(), up(x).isfinite())
        assert torch.equal(up(x), up(x, torch.randn(1, 6, 10, 14)))


def test_what_an_operator_sets_in_its_parts_stays():
    up = unetlite.upsampler("sapa", 64, 64, 64)
    assert up.operator.query[1].weight.std().item() == pytest.approx(0.02, rel=0.1)
    weight = unetlite.upsampler("pixelshuffle", 4, 4).operator.weight.unflatten(0, (4, 4))
    assert torch.equal(weight, weight[:, :1].expand_as(weight))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("nearst", {}, "'nearst' is not known; choose one of"),
        ("nearest", {"window": 3}, "window is not known; there are kernel_size"),
        ("fade", {}, "fade needs out_channels equal to skip_channels, and they are 4 and 5"),
    ],
)
def test_what_does_not_fit_is_refused(name, options, message):
    with pytest.raises(UsageError, match=message):
        unetlite.upsampler(name, 4, 4, 5, **options)


def test_the_example_gives_what_it_shows():
    failed, attempted = doctest.testmod(foreign)
    assert (failed, attempted > 0) == (0, True)
