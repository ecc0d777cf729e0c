"""Encoders of timm, by their name there, with convolutions at the strides that they lack."""

import difflib
from functools import cache
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unetlite.errors import PARSE_ERRORS, UsageError, first_line, require_extra
from unetlite.network.blocks import ConvBlock
from unetlite.network.encoders.base import Encoder, all_maps
from unetlite.network.spans import Span, input_span
from unetlite.network.upsampling.base import EncoderFeatures
from unetlite.settings.schema import UNetConfig

STEM_WIDTHS = (16, 32)
"""Channels of the maps at strides 1 and 2, where timm's network has none."""

FIRST_STRIDES = (1, 2, 4)
"""Of the finest map of timm's networks."""

STRIPS = (64, 128)
"""Lengths of the images on which spans are measured, in strides."""

WHOLE_SPAN = 8
"""Strides to each side that are followed of a map that depends on the whole image."""


class EncoderInfo(NamedTuple):
    """What timm says of a network, and what was found to be so."""

    strides: tuple[int, ...]  # of its maps, finest first
    channels: tuple[int, ...]
    mean: tuple[float, ...]  # of the images that its weights were trained on, 0 to 1
    std: tuple[float, ...]


class TimmBody(nn.Module):
    """A network of timm without its classifier.

    (B, C_in, H, W) -> a map (B, C, H / s, W / s) for each stride s, finest first.
    """

    resets_parts = True
    """`initialise` leaves its parts alone: timm draws them as each architecture needs it."""

    def __init__(
        self,
        name: str,
        in_channels: int,
        frozen: bool,
    ):
        super().__init__()
        self.name = name
        self.in_channels = in_channels
        self.frozen = frozen
        self.net = create(name, in_channels=in_channels)
        self.requires_grad_(not frozen)
        self.train()

    def forward(self, x: Tensor) -> list[Tensor]:
        return self.net(x)

    def train(self, mode: bool = True) -> "TimmBody":
        """Frozen batch norms keep their statistics."""
        return super().train(mode and not self.frozen)

    def reset_parameters(self) -> None:
        """Draws all weights anew, from PyTorch's generator."""
        fresh = create(self.name, in_channels=self.in_channels)
        self.net.load_state_dict(fresh.state_dict())


class TimmEncoder(Encoder):
    """A network of timm. Where its finest map has stride 2 or 4, a stem of convolutions is finer.

    Raises UsageError if timm does not have it, or if it does not give a map at every stride.
    """

    def __init__(self, config: UNetConfig):
        super().__init__()
        assert config.encoder is not None
        info = inspect_encoder(config.encoder)
        self.in_channels = config.in_channels
        self.stem = nn.ModuleList()
        channels = config.in_channels
        for width in STEM_WIDTHS[: FIRST_STRIDES.index(info.strides[0])]:
            self.stem.append(ConvBlock(channels, width, config.norm))
            channels = width
        self.body = TimmBody(config.encoder, config.in_channels, config.frozen)
        self.feature_channels = (*STEM_WIDTHS[: len(self.stem)], *info.channels)

    def forward(self, x: Tensor) -> tuple[list[EncoderFeatures], Tensor]:
        maps: list[Tensor] = []
        fine = x
        for block in self.stem:
            if maps:
                fine = F.max_pool2d(fine, kernel_size=2)
            fine = block(fine)
            maps.append(fine)
        maps += self.body(x)
        features = [EncoderFeatures(each, None) for each in maps[:-1]]
        return features, maps[-1]

    @property
    def reads_anywhere(self) -> bool:
        return measure_spans(self.body.name)[1]

    def input_spans(self) -> list[Span]:
        """Those of another network of the same name: weights and norms do not matter."""
        return measure_spans(self.body.name)[0]


class EvenConv(nn.Conv2d):
    """A strided convolution with TensorFlow's padding, of sizes that are multiples of the stride.

    Then as many zeros are needed at the end as at the start, or one more, whatever the size is. A
    layer that asks for the size, as timm's, does not export for all of them.
    """

    def forward(self, x: Tensor) -> Tensor:
        padding: list[int] = []
        for kernel_size, stride in zip(self.kernel_size[::-1], self.stride[::-1], strict=True):
            total = kernel_size - stride
            padding += [total // 2, total - total // 2]
        return super().forward(F.pad(x, padding))


def with_even_convolutions(net: nn.Module) -> nn.Module:
    """The network with EvenConv in place of timm's layers with TensorFlow's padding."""
    from timm.layers import Conv2dSame

    for name, layer in list(net.named_modules()):
        undilated = isinstance(layer, Conv2dSame) and layer.dilation == (1, 1)
        if not undilated or min(layer.kernel_size) < max(layer.stride):
            continue
        even = EvenConv(
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size,
            layer.stride,
            groups=layer.groups,
            bias=layer.bias is not None,
            device="meta",
        )
        even.weight = layer.weight
        even.bias = layer.bias
        net.set_submodule(name, even)
    return net


def create(
    name: str,
    in_channels: int = 3,
    features_only: bool = True,
    **options: Any,
) -> Any:
    """A network of timm: one that gives maps, or the whole. Raises UsageError if there is none."""
    with require_extra("encoders"):
        import timm
    if not timm.is_model(name):
        close = difflib.get_close_matches(name, timm.list_models(), n=3)
        remedy = f"did you mean {' or '.join(close)}?" if close else "timm.list_models() lists all."
        raise UsageError(f"model.encoder.name={name}: timm {timm.__version__} has none; {remedy}")
    try:
        net = timm.create_model(
            name,
            in_chans=in_channels,
            features_only=features_only,
            **options,
        )
    except PARSE_ERRORS as error:
        raise UsageError(
            f"model.encoder.name={name}: timm {timm.__version__} cannot build an encoder of it "
            f"({first_line(error)}); choose another one, such as resnet18."
        ) from None
    return with_even_convolutions(net)


@cache
def inspect_encoder(name: str) -> EncoderInfo:
    """What a network of timm gives. Raises UsageError if it is no encoder for images of any size.

    Nothing is computed: it is built and tried on PyTorch's device without memory.
    """
    refused = f"model.encoder.name={name}"
    with torch.device("meta"):
        net: Any = create(name).eval()
    stated = net.pretrained_cfg
    if stated.get("fixed_input_size"):
        _, *size = stated["input_size"]
        raise UsageError(
            f"{refused}: it takes images of {size[0]} x {size[1]} only; choose one for any size, "
            "such as resnet18 or convnext_atto."
        )
    strides = tuple(net.feature_info.reduction())
    channels = tuple(net.feature_info.channels())
    expected = tuple(strides[0] * 2**level for level in range(len(strides)))
    if strides != expected or strides[0] not in FIRST_STRIDES:
        raise UsageError(
            f"{refused}: its maps have the strides {', '.join(map(str, strides))}; expected each "
            "twice the one before, from 1, 2 or 4. Choose another, such as resnet18."
        )
    coarsest = strides[-1]
    for height, width in ((coarsest, coarsest), (3 * coarsest, 2 * coarsest)):
        try:
            maps = net(torch.zeros(1, 3, height, width, device="meta"))
            shapes = [tuple(each.shape[1:]) for each in maps]
        except PARSE_ERRORS as error:
            raise UsageError(
                f"{refused}: it does not take an image of {height} x {width} pixels "
                f"({first_line(error)}); choose another one, such as resnet18."
            ) from None
        stated_shapes = []
        for count, stride in zip(channels, strides, strict=True):
            stated_shapes.append((count, height // stride, width // stride))
        if shapes != stated_shapes:
            raise UsageError(
                f"{refused}: its maps of {height} x {width} pixels have the shapes {shapes}, not "
                f"{stated_shapes}; choose another one, such as resnet18."
            )
    return EncoderInfo(
        strides,
        channels,
        tuple(stated["mean"]),
        tuple(stated["std"]),
    )


@cache
def measure_spans(name: str) -> tuple[list[Span], bool]:
    """The pixels that element n of each map depends on, less s * n, and whether it is all of them.

    By the gradients of a network with fresh weights, on a strip. A map that depends on its whole
    length, as with squeeze-and-excitation or attention, is followed for WHOLE_SPAN strides.
    """
    info = inspect_encoder(name)
    levels = FIRST_STRIDES.index(info.strides[0]) + len(info.strides)
    config = UNetConfig(
        encoder=name,
        widths=None,
        norm="none",
        decoder_widths=(1,) * (levels - 1),
    )
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.enable_grad():
        torch.manual_seed(0)
        encoder = open_paths(TimmEncoder(config))
        for strides in STRIPS:
            spans = strip_spans(encoder, strides)
            lengths = [span.last - span.first + 1 for span in spans]
            if max(lengths) < strides * config.stride:
                return spans, False
    limit = WHOLE_SPAN * config.stride
    return [Span(max(span.first, -limit), min(span.last, limit)) for span in spans], True


def strip_spans(encoder: TimmEncoder, strides: int) -> list[Span]:
    """The spans of each map, on an image so many strides long.

    In a network that upsamples its maps itself, as HRNet, neighbours read intervals of different
    sizes. There a span holds those of all elements above one of the coarsest map.
    """
    image = torch.rand(
        1,
        encoder.in_channels,
        encoder.stride,
        strides * encoder.stride,
        dtype=torch.float64,
        requires_grad=True,
    )
    spans = []
    for level, each in enumerate(all_maps(encoder, image)):
        stride = 2**level
        middle = each.shape[-1] // 2
        *between, last = range(middle, middle + encoder.stride // stride)
        measured = {input_span(each, column, image, stride * column) for column in (middle, last)}
        if len(measured) > 1:
            measured |= {input_span(each, column, image, stride * column) for column in between}
        firsts, lasts = zip(*measured, strict=True)
        spans.append(Span(min(firsts), max(lasts)))
    return spans


def open_paths(encoder: TimmEncoder) -> TimmEncoder:
    """The encoder in float64 and evaluation mode, so that gradients reach all that it reads.

    Activations that are zero somewhere are left out, a maximum becomes a mean, and parameters that
    begin at zero, such as the gain of a branch, become one.
    """
    encoder.eval().double()
    for module_name, module in list(encoder.named_modules()):
        if isinstance(module, (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.Hardtanh)):
            encoder.set_submodule(module_name, nn.Identity())
        elif type(module) is nn.MaxPool2d:
            mean = nn.AvgPool2d(
                module.kernel_size,
                module.stride,
                module.padding,
                module.ceil_mode,
            )
            encoder.set_submodule(module_name, mean)
    for parameter in encoder.parameters():
        if not parameter.any():
            nn.init.ones_(parameter)
    return encoder
