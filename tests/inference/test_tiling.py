"""Tiles cover an image once, and hold all that can change their core."""

import pytest
import torch
from helpers import OPERATORS, as_trained
from hypothesis import given
from hypothesis.strategies import integers, none, one_of

from unetlite import UsageError
from unetlite.inference.tiling import TILE, Tiling
from unetlite.network.receptive_field import receptive_field


@given(
    length=integers(1, 400),
    size=integers(1, 300),
    depth=integers(0, 4),
    field=integers(0, 80),
    overlap=one_of(none(), integers(0, 60)),
)
def test_cores_cover_an_axis_once_within_tiles_that_are_pooled_as_the_whole(
    length, size, depth, field, overlap
):
    stride = 2**depth
    try:
        tiling = Tiling(field, stride, size, overlap)
    except UsageError as error:
        assert f"tile={size}" in str(error)  # noqa: PT017  other sizes raise nothing
        assert size < 2 * max(overlap or 0, field // 2) + 4 * stride
        return
    spans = tiling.spans(length)
    pixels = list(range(length))
    covered = []
    for span in spans:
        covered += pixels[span.core]
        inputs = pixels[span.input]
        assert inputs[span.inside] == pixels[span.core]
        assert len(inputs) <= size
        assert inputs[0] % stride == 0
        assert (inputs[-1] + 1) % stride == 0 or inputs[-1] + 1 == length
        halo = overlap if overlap is not None else field // 2
        assert inputs[0] <= max(0, span.core.start - halo)
        assert inputs[-1] + 1 >= min(length, span.core.stop + halo)
    assert covered == pixels
    assert len(spans) == 1 or length > size


@given(field=integers(1, 5000), depth=integers(0, 6), overlap=one_of(none(), integers(0, 3000)))
def test_there_is_a_default_tile_for_every_network(field, depth, overlap):
    tiling = Tiling(field, 2**depth, overlap=overlap)
    assert tiling.size >= TILE
    assert 2 * tiling.core >= tiling.size - 512 - 2**depth  # not most of it is halo
    assert tiling.halo >= (field // 2 if overlap is None else overlap)


def test_a_negative_overlap_is_refused():
    with pytest.raises(UsageError, match="overlap=-5"):
        Tiling(40, 4, overlap=-5)


# What decoder and encoder read is counted apart, so each is tried with one of the other.
READERS = [(operator, "max") for operator in OPERATORS]
READERS += [({"name": "nearest"}, down) for down in ("mean", "stochastic", "strided")]


@pytest.mark.parametrize(("operator", "downsample"), READERS, ids=str)
def test_no_pixel_beyond_the_halo_changes_a_core(operator, downsample):
    """By gradients of random networks. Operators that read anywhere do not before training."""
    network = as_trained(operator, widths=(8, 8, 8), downsample={"name": downsample})
    tiling = Tiling(receptive_field(network), 4)
    start, length = 4 * 16, 16
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(3, 3, 160, 160, generator=generator).mul(255).requires_grad_()
    network(image)[..., start : start + length].sum().backward()
    columns = image.grad.abs().sum((0, 1, 2)).nonzero()
    assert start - tiling.halo <= columns.min()
    assert columns.max() < start + length + tiling.halo
