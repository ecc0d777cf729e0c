"""The numbered facts of convolution arithmetic, against PyTorch: `pytest -k fact` runs them."""

import copy
import re

import arithmetic as a
import pytest
import torch
import torch.nn.functional as F
from gallery import ENTRIES, REFERENCES
from hypothesis import assume, given, settings
from hypothesis.strategies import integers
from torch import nn

from unetlite.network.complexity import count_parameters
from unetlite.network.encoders import ConvEncoder
from unetlite.network.unet import DecoderBlock, UNet
from unetlite.network.upsampling import UPSAMPLERS, EncoderFeatures
from unetlite.network.upsampling.rearrange import PixelShuffle, Zeros
from unetlite.network.upsampling.resize import Bilinear, Nearest, nearest_as_transposed
from unetlite.network.upsampling.transposed import Transpose
from unetlite.settings.paths import CHECKOUT
from unetlite.settings.schema import UNetConfig

A = torch.arange(1.0, 10).view(3, 3)
B = torch.tensor([[1.0, 2], [3, 4]])

sizes = dict(
    i=integers(1, 20), k=integers(1, 6), s=integers(1, 4), p=integers(0, 4), d=integers(1, 3)
)


def random(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@settings(deadline=None)
@given(**sizes)
def test_fact_01_size_of_a_convolution(i, k, s, p, d):
    assume(i + 2 * p >= d * (k - 1) + 1)
    x, w = torch.ones(1, 1, i), torch.ones(1, 1, k)
    expected = F.conv1d(x, w, stride=s, padding=p, dilation=d).shape[-1]
    assert a.conv_size(i, k, s, p, d) == expected


@settings(deadline=None)
@given(**sizes, op=integers(0, 3))
def test_fact_02_size_of_a_transposed_convolution(i, k, s, p, d, op):
    assume(op < max(s, d) and (i - 1) * s - 2 * p + d * (k - 1) + op + 1 >= 1)
    x, w = torch.ones(1, 1, i), torch.ones(1, 1, k)
    out = F.conv_transpose1d(x, w, stride=s, padding=p, output_padding=op, dilation=d)
    assert a.transposed_conv_size(i, k, s, p, d, op) == out.shape[-1]


@settings(deadline=None)
@given(**sizes)
def test_fact_03_size_of_pooling(i, k, s, p, d):
    assume(2 * p <= k and i + 2 * p >= d * (k - 1) + 1)
    pooled = F.max_pool1d(torch.ones(1, 1, i), k, s, p, d)
    assert a.pool_size(i, k, s, p, d) == pooled.shape[-1]


def test_fact_03_worked_sizes():
    assert all(a.pool_size(2 * n, 2) == n for n in range(1, 50))
    assert a.pool_size(20, 10) == 2
    assert F.avg_pool2d(torch.ones(1, 1, 20, 20), 10).shape[-2:] == (2, 2)
    assert a.conv_size(96, 8) == 89
    assert F.conv2d(torch.ones(1, 1, 96, 96), torch.ones(100, 1, 8, 8)).shape == (1, 100, 89, 89)


def test_fact_04_receptive_field_of_the_real_encoder():
    """The recurrence against gradients: which pixels change one element of each encoder level."""
    options = {"in_channels": 1, "widths": (2, 2, 2, 2, 2), "norm": "none"}
    encoder = ConvEncoder(UNetConfig(**options, downsample={"name": "mean"})).double()
    for parameter in encoder.parameters():  # positive, so that no path is cut by a ReLU
        nn.init.uniform_(parameter, 0.1, 1.0, generator=torch.Generator().manual_seed(0))
    image = torch.ones((1, 1, 160, 160), dtype=torch.float64, requires_grad=True)
    features, _ = encoder(image)
    layers = []
    for feature in features:
        layers += [(3, 1, 1, 1), (3, 1, 1, 1)]
        field = a.receptive_field(layers)[-1]
        n = feature.map.shape[-1] // 2
        (gradient,) = torch.autograd.grad(feature.map[0, 0, n, n], image, retain_graph=True)
        pixels = gradient[0, 0].abs().sum(0).nonzero()[:, 0] + 0.5
        assert len(pixels) == field.size
        assert float(pixels.mean()) == field.start + n * field.jump
        layers.append((2, 2, 0, 1))


def test_fact_05_full_convolution_and_correlation():
    assert a.full_convolution(A, B).tolist() == [
        [1, 4, 7, 6],
        [7, 23, 33, 24],
        [19, 53, 63, 42],
        [21, 52, 59, 36],
    ]
    assert a.full_correlation(A, B).tolist() == [
        [4, 11, 18, 9],
        [18, 37, 47, 21],
        [36, 67, 77, 33],
        [14, 23, 26, 9],
    ]


def test_fact_05_agrees_with_scipy():
    signal = pytest.importorskip("scipy.signal")
    x, y = random(5, 7), random(3, 2)
    torch.testing.assert_close(a.full_convolution(x, y), torch.from_numpy(signal.convolve2d(x, y)))
    torch.testing.assert_close(a.full_correlation(x, y), torch.from_numpy(signal.correlate2d(x, y)))


def test_fact_06_deep_learnings_convolution_is_correlation():
    out = F.conv2d(A[None, None], B[None, None], padding=1)[0, 0]
    assert torch.equal(out, a.full_correlation(A, B))


def test_fact_07_valid_feature_map():
    rows = ["11100", "01110", "00111", "00110", "01100"]
    x = torch.tensor([[float(c) for c in row] for row in rows])[None, None]
    kernel = torch.tensor([[1.0, 0, 1], [0, 1, 0], [1, 0, 1]])[None, None]
    assert F.conv2d(x, kernel)[0, 0].tolist() == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]
    assert torch.equal(F.conv2d(x, kernel), F.conv2d(x, kernel.flip(-1, -2)))


@pytest.mark.parametrize("k", [1, 3, 5])
def test_fact_08_shared_weights(k):
    layer = nn.Conv2d(7, 11, k)
    assert sum(p.numel() for p in layer.parameters()) == 11 * 7 * k * k + 11
    for size in ((9, 9), (40, 30)):
        assert layer(torch.ones(1, 7, *size)).shape[1] == 11


def test_fact_08_sobel_responds_to_edges_alone():
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])[None, None]
    step = torch.zeros(1, 1, 8, 8)
    step[..., 4:] = 1
    response = F.conv2d(step, sobel)[0, 0]  # column n looks at columns n to n + 2
    assert response.abs().sum(0).nonzero()[:, 0].tolist() == [2, 3]


def test_fact_09_equivariance_and_local_invariance_on_a_real_image():
    europe = a.earth(600, 2700, 64)
    image = torch.from_numpy(europe[None, 1:2]).double()  # green
    kernel = random(1, 1, 3, 3)
    shifted = image.roll((5, 3), (-2, -1))
    inner = F.conv2d(image, kernel)[..., 8:-8, 8:-8]
    moved = F.conv2d(shifted, kernel)[..., 8 + 5 : -8 + 5, 8 + 3 : -8 + 3]
    torch.testing.assert_close(inner, moved)
    # A maximum that moves inside its window leaves the pooled map as it was.
    dots = torch.zeros(1, 1, 64, 64, dtype=torch.float64)
    dots[..., ::2, ::2] = image[..., ::2, ::2]
    assert torch.equal(F.max_pool2d(dots, 2), F.max_pool2d(dots.roll((1, 1), (-2, -1)), 2))


KERNEL = torch.tensor([[0.0, 1, 2], [2, 2, 0], [0, 1, 2]])


def test_fact_10_convolution_as_a_matrix():
    matrix = a.convolution_matrix(KERNEL, (4, 4))
    assert matrix.shape == (4, 16)
    assert (matrix != 0).sum() == 4 * (KERNEL != 0).sum()  # sparse
    x = random(4, 4).float()
    x[:3, :3] = torch.tensor([[3.0, 3, 2], [0, 0, 1], [3, 1, 2]])
    out = matrix @ x.flatten()
    assert out[0] == 12
    torch.testing.assert_close(out.view(2, 2), F.conv2d(x[None, None], KERNEL[None, None])[0, 0])


@settings(deadline=None, max_examples=40)
@given(
    height=integers(3, 7),
    width=integers(3, 7),
    k=integers(1, 3),
    s=integers(1, 3),
    p=integers(0, 2),
    d=integers(1, 2),
)
def test_fact_10_and_11_hold_for_every_stride_padding_and_dilation(height, width, k, s, p, d):
    assume(min(height, width) + 2 * p >= d * (k - 1) + 1)
    kernel, x = random(k, k), random(height, width)
    matrix = a.convolution_matrix(kernel, (height, width), s, p, d)
    out = F.conv2d(x[None, None], kernel[None, None], stride=s, padding=p, dilation=d)[0, 0]
    torch.testing.assert_close(matrix @ x.flatten(), out.flatten())
    # The transpose is the gradient by the input, which is the transposed convolution.
    y = random(*out.shape)
    size = (1, 1, height, width)
    back = torch.nn.grad.conv2d_input(size, kernel[None, None], y[None, None], s, p, d)
    torch.testing.assert_close((matrix.T @ y.flatten()).view(height, width), back[0, 0])


def test_fact_11_the_transpose_restores_the_shape_and_not_the_values():
    matrix, x = a.convolution_matrix(KERNEL, (4, 4)), random(4, 4).float()
    y = matrix @ x.flatten()
    back = matrix.T @ y
    assert matrix.T.shape == (16, 4)
    expected = F.conv_transpose2d(y.view(1, 1, 2, 2), KERNEL[None, None])
    torch.testing.assert_close(back.view(1, 1, 4, 4), expected)
    assert not torch.allclose(back, x.flatten(), atol=0.1)


def test_fact_12_one_dimension():
    def transposed(x, kernel, s):
        out = F.conv_transpose1d(torch.tensor([[x]]), torch.tensor([[kernel]]), stride=s)
        return out[0, 0].tolist()

    assert transposed([1.0, 2.0], [3.0, 4.0], 2) == [3, 4, 6, 8]
    assert transposed([1.0, 2.0], [3.0, 4.0], 1) == [3, 4 + 6, 8]  # where copies overlap they add


def test_fact_13_zero_insertion():
    assert a.insert_zeros(B, 2).tolist() == [[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]]


@settings(deadline=None, max_examples=200)
@given(
    i=integers(1, 6),
    k=integers(1, 5),
    s=integers(1, 4),
    p=integers(0, 3),
    d=integers(1, 3),
    op=integers(0, 3),
)
def test_fact_13_transposed_convolution_is_zero_insertion_and_a_flipped_kernel(i, k, s, p, d, op):
    assume(op < max(s, d) and (i - 1) * s - 2 * p + d * (k - 1) + op + 1 >= 1)
    x, weight = random(2, 3, i, i + 1), random(3, 2, k, k)
    expected = F.conv_transpose2d(x, weight, stride=s, padding=p, output_padding=op, dilation=d)
    torch.testing.assert_close(a.transposed_by_zero_insertion(x, weight, s, p, d, op), expected)


def test_fact_14_overlap_counts():
    uneven = a.overlap_counts(6, k=3, p=1, op=1)
    assert uneven[:11, :11].unique().tolist() == [1, 2, 4]
    assert uneven[2:6, 2:6].tolist() == [[1, 2, 1, 2], [2, 4, 2, 4], [1, 2, 1, 2], [2, 4, 2, 4]]
    assert a.overlap_counts(6, k=2).unique().tolist() == [1]
    assert a.overlap_counts(6, k=4, p=1)[1:-1, 1:-1].unique().tolist() == [4]


def test_fact_14_even_overlap_leaves_the_pattern_of_the_taps():
    taps = torch.tensor([[1.0, 2], [3, 4]])
    out = F.conv_transpose2d(torch.ones(1, 1, 5, 5), taps[None, None], stride=2)[0, 0]
    assert torch.equal(out[:2, :2], taps)
    assert torch.equal(out, out.roll((2, 2), (0, 1)))  # of period 2, and not constant


def assert_same(x, *modules, inside=slice(None)):
    out = [module(x, None)[..., inside, inside] for module in modules]
    torch.testing.assert_close(out[0], out[1])


def transposed(weight, bias, kernel_size):
    module = Transpose(*weight.shape[:2], 0, kernel_size=kernel_size).double()
    module.weight, module.bias = nn.Parameter(weight), nn.Parameter(bias)
    return module


def test_fact_15_nearest_then_3x3_is_a_transposed_convolution():
    up = Nearest(4, 3, 3).double()
    weight = nearest_as_transposed(up.conv.weight)
    assert_same(random(2, 4, 5, 7), up.eval(), transposed(weight, up.conv.bias, 4))
    assert_same(random(2, 4, 1, 3), copy.deepcopy(up).train(), up)
    # By its words: the flipped kernel convolved with a box of ones.
    box = torch.ones(2, 2, dtype=torch.float64)
    expected = a.full_convolution(up.conv.weight[2, 1].flip(0, 1), box)
    torch.testing.assert_close(weight[1, 2], expected)


def test_fact_16_nearest_then_1x1_is_nested_in_transposed():
    up = Nearest(4, 3, 3, kernel_size=1).double()
    equal_taps = up.conv.weight.transpose(0, 1).expand(-1, -1, 2, 2)
    assert_same(random(2, 4, 5, 7), up, transposed(equal_taps, up.conv.bias, 2))


def test_fact_17_pixel_shuffle_of_1x1_is_a_transposed_convolution():
    up = PixelShuffle(4, 3, 3, kernel_size=1).double()
    nn.init.normal_(up.weight)  # any weights, and a bias shared over sub-pixels as at the start
    weight = up.weight[..., 0, 0].view(3, 2, 2, 4).permute(3, 0, 1, 2)
    assert_same(random(2, 4, 5, 7), up, transposed(weight, up.bias[::4], 2))


@pytest.mark.parametrize("operator", [Nearest, Bilinear])
def test_fact_18_a_1x1_convolution_commutes_with_resizing(operator):
    up = operator(4, 3, 3, kernel_size=1).double()
    other = up.folded("pytorch")  # convolves first
    assert other is not up
    assert_same(random(2, 4, 5, 7), up, other)


def test_fact_19_bilinear_then_1x1_is_a_transposed_convolution_inside():
    up = Bilinear(4, 3, 3, kernel_size=1).double()
    taps = torch.tensor([1.0, 3, 3, 1], dtype=torch.float64) / 4
    weight = up.conv.weight.transpose(0, 1) * taps[:, None] * taps
    modules = up, transposed(weight, up.conv.bias, 4)
    assert_same(random(2, 4, 5, 7), *modules, inside=slice(1, -1))
    # At the border bilinear repeats the edge, where the other meets zeros.
    with pytest.raises(AssertionError):
        assert_same(random(2, 4, 5, 7), *modules)


def test_fact_20_zero_insertion_then_3x3_is_a_transposed_convolution():
    up = Zeros(4, 3, 3).double()
    weight = up.conv.weight.flip(-1, -2).transpose(0, 1)
    assert_same(random(2, 4, 5, 7), up.eval(), transposed(weight, up.conv.bias, 3))


def test_fact_21_image_deconvolution_restores_and_transposed_convolution_does_not():
    pytest.importorskip("skimage")
    pictures = a.two_deconvolutions()
    assert pictures.psnr_restored > pictures.psnr_blurred + 3  # dB
    assert pictures.psnr_transposed < pictures.psnr_blurred


def test_fact_22_the_decoder_step():
    step = DecoderBlock(64, 32, 32, UNetConfig())
    channels = []
    step.conv[0].register_forward_pre_hook(lambda _, inputs: channels.append(inputs[0].shape[1]))
    out = step(torch.randn(1, 64, 32, 32), EncoderFeatures(torch.randn(1, 32, 64, 64), None))
    assert out.shape == (1, 32, 64, 64)
    assert channels == [32 + 32]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: a.conv_size(3, 5), ["covers 5 pixels", "map has 3"]),
        (lambda: a.conv_size(0, 1), ["i=0"]),
        (lambda: a.transposed_conv_size(4, 2, 2, 0, 1, 2), ["op=2", "below", "max(s=2, d=1) = 2"]),
        (lambda: a.transposed_conv_size(1, 1, 1, 3), ["output size -5"]),
        (lambda: a.pool_size(8, 2, p=2), ["p=2", "half"]),
        (lambda: a.overlap_counts(4, 3, op=2), ["op=2"]),
    ],
)
def test_impossible_combinations_are_refused(call, words):
    with pytest.raises(ValueError, match=".*".join(map(re.escape, words))):
        call()


def test_the_gallery_has_every_operator_as_it_is():
    page = (CHECKOUT / "docs" / "operators.md").read_text()
    rows = dict(re.findall(r"\| \[`(\w+)`\]\(#\1\) \| ([\d.]+) \|", page))
    assert list(rows) == list(ENTRIES)
    assert ENTRIES.keys() == UPSAMPLERS.keys()
    for name, millions in rows.items():
        parameters = count_parameters(UNet(UNetConfig(upsample={"name": name})))
        assert f"{parameters / 1e6:.2f}" == millions
        assert (CHECKOUT / "docs" / "images" / "operators" / f"{name}.png").exists()


def test_every_source_of_an_operator_is_in_the_references_of_its_page():
    page = (CHECKOUT / "docs" / "operators.md").read_text()
    assert page.endswith(REFERENCES)
    for entry in ENTRIES.values():
        for author, year in re.findall(r"(\w+)(?: and \w+| et al\.)? (\d{4})", entry.source):
            assert re.search(rf"^- {author}\b.*\b{year}", REFERENCES.replace("\n  ", " "), re.M)
