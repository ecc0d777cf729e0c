"""The network, in the order in which an image meets it."""

import copy
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, cast

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from unetlite.downsample import DOWNSAMPLERS
from unetlite.errors import UsageError
from unetlite.seeding import derive_seed
from unetlite.upsample import UPSAMPLERS


@dataclass(frozen=True)
class UNetConfig:
    """What a UNet is built from: plain values only, so that a checkpoint can carry them without code.

    Attributes:
        in_channels: channels of the image, 1 for grey, 3 for RGB.
        num_classes: channels of the logits, at least 2.
        widths: channels at each resolution, finest first; the depth is `len(widths) - 1` downsamplings.
        upsample: name of the operator and its options, such as {"name": "transpose", "kernel_size": 2}.
        downsample: the same for downsampling.
        norm: "batch", "group" (8 groups or fewer), "instance" or "none".
        skip: how an encoder map joins the decoder: "concat", "add" or "none".
        bottleneck_dilation: dilation of the convolutions at the coarsest resolution.
        decoder_widths: channels after each decoder step, coarsest first; None for those of the encoder, at the same
            resolutions.
    """

    in_channels: int = 3
    num_classes: int = 2
    widths: tuple[int, ...] = (16, 32, 64, 128, 256)
    upsample: dict[str, Any] = field(default_factory=lambda: {"name": "transpose"})
    downsample: dict[str, Any] = field(default_factory=lambda: {"name": "max"})
    norm: str = "batch"
    skip: str = "concat"
    bottleneck_dilation: int = 1
    decoder_widths: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        choices = {"norm": ("batch", "group", "instance", "none"), "skip": ("concat", "add", "none")}
        for key, allowed in choices.items():
            if getattr(self, key) not in allowed:
                raise UsageError(f"model.{key}={getattr(self, key)}: choose one of {', '.join(allowed)}.")
        if not all(isinstance(number, int) for number in (*self.widths, self.bottleneck_dilation)):
            raise UsageError(
                f"model.widths={list(self.widths)}, model.bottleneck_dilation={self.bottleneck_dilation}: "
                "expected whole numbers."
            )
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise UsageError(f"model.widths={list(self.widths)}: give at least two positive numbers of channels.")
        decoder = self.widths[-2::-1] if self.decoder_widths is None else tuple(self.decoder_widths)
        if len(decoder) != self.depth or not all(isinstance(width, int) and width > 0 for width in decoder):
            raise UsageError(
                f"model.decoder_widths={list(decoder)}: expected {self.depth} positive numbers of channels, or null."
            )
        object.__setattr__(self, "decoder_widths", decoder)
        if self.bottleneck_dilation < 1:
            raise UsageError(f"model.bottleneck_dilation={self.bottleneck_dilation}: must be 1 or more.")

    @property
    def depth(self) -> int:
        """Number of times the resolution is halved."""
        return len(self.widths) - 1


class ConvBlock(nn.Sequential):
    """Twice: 3 x 3 convolution, norm, ReLU. (B, C_in, H, W) -> (B, C_out, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, norm: str, dilation: int = 1):
        layers: list[nn.Module] = []
        for channels in (in_channels, out_channels):
            layers += [
                # A norm layer subtracts the mean, and with it any bias.
                nn.Conv2d(
                    channels, out_channels, 3, padding=dilation, dilation=dilation, bias=norm in ("group", "none")
                ),
                make_norm(norm, out_channels),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*layers)


def make_norm(norm: str, channels: int) -> nn.Module:
    """The normalisation layer called `norm`, see UNetConfig."""
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "group":
        return GroupNorm(max(g for g in range(1, 9) if channels % g == 0), channels)
    if norm == "instance":
        return GroupNorm(channels, channels)
    return nn.Identity()


class GroupNorm(nn.GroupNorm):
    """Group norm that also takes maps of one pixel, which PyTorch's layer refuses where a group is one channel."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


class Up(nn.Module):
    """One decoder step: upsample, join the encoder's map of the same size, then two convolutions.

    (B, C_in, H, W) and the encoder's (B, C_skip, 2H, 2W) -> (B, C_out, 2H, 2W).
    """

    up: nn.Module
    conv: nn.Module

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int, config: UNetConfig):
        super().__init__()
        self.skip = config.skip
        # What is added to the encoder's map, or placed by its maxima, has its number of channels.
        operator = UPSAMPLERS.get(config.upsample.get("name", ""))
        bound = self.skip == "add" or getattr(operator, "needs_switches", False)
        up_channels = skip_channels if bound else out_channels
        self.in_channels, self.up_channels = in_channels, up_channels
        self.up = UPSAMPLERS.build(config.upsample, in_channels, up_channels)
        joined = up_channels + (skip_channels if self.skip == "concat" else 0)
        self.conv = ConvBlock(joined, out_channels, config.norm)

    def forward(self, x: Tensor, skip: Tensor, switches: Tensor | None) -> Tensor:
        x = self.up(x, switches)  # (B, C, 2H, 2W)
        if self.skip == "concat":
            x = torch.cat([skip, x], dim=1)  # (B, 2C, 2H, 2W)
        elif self.skip == "add":
            x = x + skip
        return self.conv(x)  # (B, C, 2H, 2W)


class UNet(nn.Module, PyTorchModelHubMixin, library_name="unetlite", pipeline_tag="image-segmentation"):
    """U-Net (Ronneberger et al. 2015) with padded convolutions and exchangeable up- and downsampling.

    Takes raw pixels, uint8 or float in 0..255, (B, C, H, W) with any H, W >= 1, and gives logits (B, K, H, W).
    The normalisation constants are the buffers `mean` and `std`, set by `set_normalisation`, in pixel values.
    `UNet.from_pretrained(DIR)` reads what `unetlite export --format safetensors` wrote, or a repository of
    huggingface_hub.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: UNetConfig):
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.full((1, config.in_channels, 1, 1), 127.5))
        self.register_buffer("std", torch.full((1, config.in_channels, 1, 1), 127.5))
        channels = list(pairwise((config.in_channels, *config.widths[:-1])))
        self.encoder = nn.ModuleList(ConvBlock(c_in, c_out, config.norm) for c_in, c_out in channels)
        self.down = nn.ModuleList(DOWNSAMPLERS.build(config.downsample, c) for c in config.widths[:-1])
        self.bottleneck = ConvBlock(config.widths[-2], config.widths[-1], config.norm, config.bottleneck_dilation)
        decoder_widths = cast(tuple[int, ...], config.decoder_widths)
        up_channels = pairwise((config.widths[-1], *decoder_widths))
        self.decoder = nn.ModuleList(
            Up(c_in, c_skip, c_out, config)
            for (c_in, c_out), c_skip in zip(up_channels, config.widths[-2::-1], strict=True)
        )
        self.head = nn.Conv2d(decoder_widths[-1], config.num_classes, kernel_size=1)
        self._check_switches()

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        x = pad_to_multiple(image, 2**self.config.depth)
        x = ((x - self.mean) / self.std).to(self.head.weight.dtype)
        skips = []
        for encode, down in zip(self.encoder, self.down, strict=True):
            skip = encode(x)  # (B, C, H, W)
            x, switches = down(skip)  # (B, C, H/2, W/2)
            skips.append((skip, switches))
        x = self.bottleneck(x)  # (B, 2C, H/2, W/2)
        for decode in self.decoder:
            x = decode(x, *skips.pop())  # (B, C, H, W)
        return self.head(x)[..., :height, :width]  # (B, K, H, W)

    def _check_switches(self) -> None:
        needed = any(getattr(step.up, "needs_switches", False) for step in self.decoder)
        if needed and not all(getattr(down, "gives_switches", False) for down in self.down):
            raise UsageError(
                f"upsample={self.config.upsample['name']} needs the positions of the maxima, which "
                f"downsample={self.config.downsample['name']} does not remember; choose downsample=max."
            )

    def set_normalisation(self, mean: Tensor, std: Tensor) -> None:
        """Sets the per-channel mean and standard deviation of the images, in pixel values (0..255)."""
        self.mean.copy_(mean.view_as(self.mean))
        self.std.copy_(std.view_as(self.std).clamp(min=1.0))


def in_bfloat16(network: UNet) -> UNet:
    """A copy that computes in bfloat16, but for the normalisation of the image. For evaluation only."""
    network = copy.deepcopy(network)
    for child in network.children():  # not the network itself, whose buffers normalise
        child.bfloat16()
    return network


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Pads the last two axes at their ends to the next multiple, repeating the edge.

    By clamped indices, which export with free sizes where `F.pad(mode="replicate")` does not.
    """
    for axis in (-2, -1):
        size = x.shape[axis]
        index = torch.arange((size + multiple - 1) // multiple * multiple, device=x.device)
        x = x.index_select(axis, index.clamp(max=size - 1))
    return x


def initialise(network: nn.Module, seed: int) -> None:
    """Draws every parameter anew, each module from a generator that depends on (seed, module name) alone.

    So two networks that differ in one module start equal everywhere else, whatever was drawn before.
    The distributions are those of each layer's own `reset_parameters`.
    """
    with torch.random.fork_rng(devices=[]):
        for name, module in network.named_modules():
            if hasattr(module, "reset_parameters"):
                torch.manual_seed(derive_seed(seed, name))
                module.reset_parameters()
