"""The contract that every operator keeps, and what is particular to some of them."""

import math
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import OPERATORS, image, label, overrides
from torch import nn

from unetlite.errors import UsageError
from unetlite.network.behaviour import behaviour
from unetlite.network.checkpoint import KEY, load_checkpoint
from unetlite.network.downsampling import DOWNSAMPLERS
from unetlite.network.unet import UNet, initialise
from unetlite.network.upsampling import UPSAMPLERS, Skip, blurred
from unetlite.settings import UNetConfig, compose_run
from unetlite.train import train

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4, torch.bfloat16: 0.1}


def build(operator, down="max", **options):
    network = UNet(UNetConfig(widths=(4, 6, 8), upsample=operator, downsample={"name": down}, **options))
    initialise(network, seed=0)
    return network


ALL_DOWN = [({"name": name}, down) for name in ("nearest", "unpool") for down in sorted(DOWNSAMPLERS)]


@pytest.mark.parametrize(("operator", "down"), [*((operator, "max") for operator in OPERATORS), *ALL_DOWN], ids=str)
def test_the_contract(operator, down):
    """Any size, memory format and dtype: logits of the image's size, and the same values up to precision.

    In training, too, where some operators compute an equal form that is faster; but for norms over a batch, and chance.
    """
    if operator["name"] == "unpool" and down != "max":
        with pytest.raises(UsageError, match="downsample=max"):
            build(operator, down)
        return
    for size in ((1, 1), (5, 7), (12, 8)):
        x = image(2, 3, *size)
        network = build(operator, down, norm="group").double().eval()
        expected = network(x)
        assert expected.shape == (2, 2, *size)
        for dtype, tolerance in TOLERANCE.items():
            for memory_format in (torch.contiguous_format, torch.channels_last):
                network = build(operator, down, norm="group").to(dtype).eval().to(memory_format=memory_format)
                out = network(x)
                assert out.dtype == dtype
                if operator["name"] == "unpool" and dtype == torch.bfloat16:
                    continue  # rounding moves maxima, and with them everything that follows
                torch.testing.assert_close(out.double(), expected, rtol=tolerance, atol=tolerance)
                if size == (5, 7) and operator["name"] != "separable" and down != "stochastic":
                    trained = network.train()(x)
                    torch.testing.assert_close(trained.double(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("down", sorted(DOWNSAMPLERS))
def test_gradients_pass_every_downsampling(down):
    network = build(OPERATORS[0], down)
    network(image(2, 3, 18, 21)).square().mean().backward()
    assert all(p.grad is not None and p.grad.any() for p in network.parameters())


def test_an_operator_from_outside_trains_a_step(discs, tmp_path):
    """A class under a name is all that a new operator needs."""

    @UPSAMPLERS.register("repeat")
    class Repeat(nn.Module):
        def __init__(self, in_channels, out_channels, skip_channels, *, gain: float = 1.0):
            super().__init__()
            self.gain, self.mix = gain, nn.Conv2d(in_channels, out_channels, 1)

        def forward(self, x, skip):
            return self.gain * self.mix(x).repeat_interleave(2, 2).repeat_interleave(2, 3)

    try:
        config = compose_run(overrides(discs, tmp_path, "trainer.max_steps=1"))
        config["upsample"] = {"name": "repeat", "gain": 2.0}
        train(config)
    finally:
        del UPSAMPLERS["repeat"]
    stored = load_checkpoint(tmp_path / "outputs" / "test" / "transpose" / "seed0" / "best.ckpt")
    assert stored[KEY]["network"]["upsample"] == {"name": "repeat", "gain": 2.0}
    assert any(name.endswith("up.mix.weight") for name in stored["state_dict"])


def reassembled(y, weights):
    """Of y (B, C, H, W), by weights (B, k k, 2H, 2W): one output pixel at a time."""
    window = math.isqrt(weights.shape[1])
    batch, channels, height, width = y.shape
    out = torch.zeros(batch, channels, 2 * height, 2 * width, dtype=y.dtype)
    for i in range(2 * height):
        for j in range(2 * width):
            for n in range(window):
                for m in range(window):
                    row, column = i // 2 + n - window // 2, j // 2 + m - window // 2
                    if 0 <= row < height and 0 <= column < width:
                        out[:, :, i, j] += weights[:, n * window + m, i, j, None] * y[:, :, row, column]
    return out


def slow_carafe(module, x, skip):
    """Equations 2 to 4 of Wang et al. 2019."""
    y = module.conv(x)
    e = F.pixel_shuffle(module.encode(module.compress(y)), 2).exp()  # (B, k k, 2H, 2W)
    return reassembled(y, e / e.sum(1, keepdim=True))


def slow_sapa(module, x, skip):
    """Lu et al. 2022: a softmax over scalar products of an encoder's pixel with the decoder's around its source."""
    y, reach = module.conv(x), module.window // 2
    batch, _, height, width = y.shape
    scores = torch.zeros(batch, module.window**2, 2 * height, 2 * width, dtype=y.dtype)
    for b in range(batch):
        for i in range(2 * height):
            for j in range(2 * width):
                query = module.query(skip[b, :, i, j])
                for n in range(module.window):
                    for m in range(module.window):
                        row, column = i // 2 + n - reach, j // 2 + m - reach
                        if 0 <= row < height and 0 <= column < width:
                            key = module.key(y[b, :, row, column])
                            scores[b, n * module.window + m, i, j] = query @ key
    return reassembled(y, scores.softmax(1))


def slow_fade(module, x, skip):
    """Lu et al. 2022, "FADE": its kernels, and its gate."""
    y = module.conv(x)
    twice = partial(torch.repeat_interleave, repeats=2)
    decoder, gate = (twice(twice(part, dim=2), dim=3) for part in (module.from_decoder(y), module.gate(y).sigmoid()))
    return gate * skip + (1 - gate) * reassembled(y, (module.from_encoder(skip) + decoder).softmax(1))


def slow_large_context(module, x, skip):
    """Agnihotri et al. 2024: the sum of two transposed convolutions."""
    size = module.kernel_size[0]
    large = F.conv_transpose2d(x, module.weight, module.bias, 2, size // 2, 1)
    return large + F.conv_transpose2d(x, module.small.weight, None, 2, 1, 1)


def slow_separable(module, x, skip):
    """Rahman et al. 2024, EUCB: a shuffle of channels in as many groups as there are changes nothing."""
    _, depthwise, norm, _, pointwise = module
    resized = F.interpolate(x, scale_factor=2, mode="nearest")
    filtered = torch.cat(
        [F.conv2d(resized[:, k, None], depthwise.weight[k, None], padding=1) for k in range(x.shape[1])], dim=1
    )
    mean, variance = (filtered.mean((0, 2, 3), keepdim=True), filtered.var((0, 2, 3), correction=0, keepdim=True))
    shape = (1, -1, 1, 1)
    normed = (filtered - mean) / (variance + norm.eps).sqrt() * norm.weight.view(shape) + norm.bias.view(shape)
    return torch.einsum("oi,bihw->bohw", pointwise.weight[..., 0, 0], normed.relu()) + pointwise.bias.view(shape)


def slow_dysample(module, x, skip):
    """Section 3 of Liu et al. 2023, one output pixel at a time, in pixels of the input."""
    y = module.conv(x)
    if module.style == "lp":
        predict = lambda layer: F.pixel_shuffle(layer(y), 2)  # noqa: E731
    else:
        predict = lambda layer: layer(F.pixel_shuffle(y, 2))  # noqa: E731
    scope = 0.25 if module.scope is None else 0.5 * predict(module.scope).sigmoid()
    offsets = scope * predict(module.offset)  # (B, 2 g, 2H, 2W)
    batch, channels, height, width = y.shape
    out = torch.zeros(batch, channels, 2 * height, 2 * width, dtype=y.dtype)
    per_group = channels // module.groups
    for b in range(batch):
        for c in range(channels):
            group = c // per_group
            for i in range(2 * height):
                for j in range(2 * width):
                    dx, dy = offsets[b, 2 * group, i, j], offsets[b, 2 * group + 1, i, j]
                    # Sub-pixels lie a quarter of a pixel from the centre; the border repeats.
                    column = min(max(j // 2 + (0.25 if j % 2 else -0.25) + float(dx), 0), width - 1)
                    row = min(max(i // 2 + (0.25 if i % 2 else -0.25) + float(dy), 0), height - 1)
                    top, left = math.floor(row), math.floor(column)
                    for r, wr in ((top, 1 - (row - top)), (top + 1, row - top)):
                        for s, ws in ((left, 1 - (column - left)), (left + 1, column - left)):
                            if wr * ws > 0:
                                out[b, c, i, j] += wr * ws * y[b, c, r, s]
    return out


SLOW = [
    ("carafe", {}, slow_carafe),
    ("sapa", {}, slow_sapa),
    ("fade", {}, slow_fade),
    ("large_context", {"kernel_size": 7}, slow_large_context),
    ("large_context", {"kernel_size": 11}, slow_large_context),
    ("separable", {}, slow_separable),
    *(("dysample", {"style": s, "dynamic": d}, slow_dysample) for s in ("lp", "pl") for d in (False, True)),
]


@pytest.mark.parametrize(("name", "options", "slow"), SLOW, ids=lambda value: "" if callable(value) else str(value))
@torch.no_grad()
def test_agreement_with_a_slow_implementation_of_the_paper(name, options, slow):
    torch.manual_seed(0)
    module = UPSAMPLERS[name](6, 8, 8, **options).double()
    for parameter in module.parameters():
        parameter.normal_(std=0.5)  # far from where it starts
    x, skip = torch.randn(2, 6, 4, 5, dtype=torch.float64), torch.randn(2, 8, 8, 10, dtype=torch.float64)
    torch.testing.assert_close(module(x, Skip(skip, None)), slow(module, x, skip))


def test_the_blur_is_the_mean_of_four_shifted_means():
    """[1, 3, 3, 1] is [1, 1] convolved with itself three times; what has period 2 is gone after the first."""
    x = torch.randn(2, 3, 7, 6)
    expected = F.pad(x, (2, 2, 2, 2))
    for axis in (2, 3):
        for _ in range(3):
            size = expected.shape[axis] - 1
            expected = (expected.narrow(axis, 0, size) + expected.narrow(axis, 1, size)) / 2
    torch.testing.assert_close(blurred(x), expected[..., :-1, :-1])


def test_dysample_starts_as_bilinear():
    up = UPSAMPLERS["dysample"](6, 8, 8)
    nn.init.zeros_(up.offset.weight)
    x = torch.randn(2, 6, 5, 7)
    torch.testing.assert_close(up(x, None), F.interpolate(up.conv(x), scale_factor=2, mode="bilinear"))
    initialise(up, seed=0)
    torch.testing.assert_close(
        up(x, None), F.interpolate(up.conv(x), scale_factor=2, mode="bilinear"), rtol=0, atol=0.01
    )


def test_bilinear_additive_by_its_words():
    """Resize first, then the sum of each four consecutive channels: the order of Wojna et al. 2019, section 3.3."""
    up = UPSAMPLERS["bilinear_additive"](8, 3, 3)
    x = torch.randn(2, 8, 5, 7)
    resized = F.interpolate(x, scale_factor=2, mode="bilinear")
    summed = torch.stack([resized[:, k : k + 4].sum(1) for k in (0, 4)], 1)
    torch.testing.assert_close(up(x, None), up.conv(summed))


def test_unpooling_is_pytorchs():
    up, x, left = UPSAMPLERS["unpool"](6, 4, 4), torch.randn(2, 6, 5, 7), torch.randn(2, 4, 10, 14)
    _, positions = F.max_pool2d(left, 2, return_indices=True)
    torch.testing.assert_close(up(x, Skip(left, positions)), F.max_unpool2d(up.conv(x), positions, 2))


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_pixel_shuffle_starts_without_a_pattern(kernel_size):
    up = UPSAMPLERS["pixelshuffle"](6, 4, 4, kernel_size=kernel_size)
    initialise(up, seed=1)
    out = up(torch.randn(1, 6, 1, 1).expand(1, 6, 9, 9), None)[..., 2:-2, 2:-2]
    torch.testing.assert_close(out, out[..., :1, :1].expand_as(out))
    assert up.weight[:4].unique(dim=0).shape[0] == 1
    assert up.bias[4] != up.bias[0]


def test_ripple_at_initialisation_is_as_theory_says():
    """None from resizing; some from independent taps; most from zeros and from uneven overlap."""
    ripple = {}
    for operator in OPERATORS:
        up = UPSAMPLERS.build(operator, 8, 8, 8)
        initialise(up, seed=0)
        ripple[label(operator)] = behaviour(up, 8, 8, 8).ripple
    resized = ("nearest-3", "bilinear-3", "bicubic-3", "bilinear_additive", "separable", "pixelshuffle-3")
    looking = ("dysample", "dysample-pl-True", "carafe", "sapa", "fade")
    for name in (*resized, *looking, "transpose-6-True", "zeros-True", "pixelshuffle-True", "unpool-True"):
        assert ripple[name] < 1e-3, name
    for name in ("transpose-2", "transpose-3", "transpose-4", "zeros", "unpool-3"):
        assert ripple[name] > 0.1, name


def test_stochastic_pooling_draws_in_proportion_and_averages_in_evaluation():
    pool = DOWNSAMPLERS["stochastic"](1)
    window = torch.tensor([[1.0, 2.0], [0.0, 5.0]])
    x = window.repeat(100, 100)[None, None]
    drawn = pool.train()(x)[0].flatten()
    frequency = np.array([(drawn == value).float().mean() for value in (1.0, 2.0, 0.0, 5.0)])
    expected = np.array([1, 2, 0, 5]) / 8
    assert np.abs(frequency - expected).max() < 5 * math.sqrt(0.25 / len(drawn))  # five standard errors
    weighted = (1 * 1 + 2 * 2 + 5 * 5) / 8
    torch.testing.assert_close(pool.eval()(x)[0], torch.full((1, 1, 100, 100), weighted))


def test_stochastic_pooling_of_values_that_are_not_positive():
    pool = DOWNSAMPLERS["stochastic"](1)
    x = torch.tensor([[-1.0, -2.0], [-3.0, -2.0]]).repeat(1, 50)[None, None]
    assert set(pool.train()(x)[0].unique().tolist()) == {-1.0, -2.0, -3.0}
    assert pool.eval()(x)[0].unique().tolist() == [-2.0]
    assert not pool.eval()(torch.zeros(1, 1, 4, 4))[0].any()


def test_stochastic_pooling_resumes_to_the_bit(discs, tmp_path):
    """The draws of a step depend on the seed and the step alone."""
    weights = []
    for name in ("a", "b"):
        torch.manual_seed(len(name + str(weights)))
        config = compose_run(
            overrides(discs, tmp_path, "downsample=stochastic", "trainer.max_steps=3", f"output_dir={tmp_path / name}")
        )
        train(config)
        weights.append(load_checkpoint(tmp_path / name / "test" / "transpose" / "seed0" / "last.ckpt")["state_dict"])
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
