"""Content-aware reassembly against slow implementations of the papers."""

import math

import pytest
import torch
import torch.nn.functional as F

from unetlite.network.upsampling import UPSAMPLERS, EncoderFeatures


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
                        out[:, :, i, j] += (
                            weights[:, n * window + m, i, j, None] * y[:, :, row, column]
                        )
    return out


def slow_carafe(module, x, skip):
    """Equations 2 to 4 of Wang et al. 2019."""
    y = module.conv(x)
    e = F.pixel_shuffle(module.encode(module.compress(y)), 2).exp()  # (B, k k, 2H, 2W)
    return reassembled(y, e / e.sum(1, keepdim=True))


def slow_sapa(module, x, skip):
    """Lu et al. 2022: a softmax over products of an encoder's pixel with the decoder around it."""
    y = module.conv(x)
    border = module.window // 2
    batch, _, height, width = y.shape
    scores = torch.zeros(batch, module.window**2, 2 * height, 2 * width, dtype=y.dtype)
    for b in range(batch):
        for i in range(2 * height):
            for j in range(2 * width):
                query = module.query(skip[b, :, i, j])
                for n in range(module.window):
                    for m in range(module.window):
                        row, column = i // 2 + n - border, j // 2 + m - border
                        if 0 <= row < height and 0 <= column < width:
                            key = module.key(y[b, :, row, column])
                            scores[b, n * module.window + m, i, j] = query @ key
    return reassembled(y, scores.softmax(1))


def slow_fade(module, x, skip):
    """Lu et al. 2022, "FADE": its kernels, and its gate."""
    y = module.conv(x)
    decoder = repeated(module.from_decoder(y))
    gate = repeated(module.gate(y).sigmoid())
    weights = (module.from_encoder(skip) + decoder).softmax(1)
    return gate * skip + (1 - gate) * reassembled(y, weights)


def repeated(x):
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


SLOW = [("carafe", slow_carafe), ("sapa", slow_sapa), ("fade", slow_fade)]


@pytest.mark.parametrize(("name", "slow"), SLOW)
@torch.no_grad()
def test_agreement_with_a_slow_implementation_of_the_paper(name, slow):
    torch.manual_seed(0)
    module = UPSAMPLERS[name](6, 8, 8).double()
    for parameter in module.parameters():
        parameter.normal_(std=0.5)  # far from where it starts
    x = torch.randn(2, 6, 4, 5, dtype=torch.float64)
    skip = torch.randn(2, 8, 8, 10, dtype=torch.float64)
    torch.testing.assert_close(module(x, EncoderFeatures(skip, None)), slow(module, x, skip))
