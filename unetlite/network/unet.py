"""The network, in the order in which an image meets it."""

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from unetlite.errors import UsageError
from unetlite.network.downsampling import DOWNSAMPLERS
from unetlite.network.upsampling import UPSAMPLERS, Skip
from unetlite.seeding import derive_seed
from unetlite.settings import UNetConfig


class ConvBlock(nn.Sequential):
    """Twice: 3 x 3 convolution, norm, ReLU. (B, C_in, H, W) -> (B, C_out, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, norm: str, dilation: int = 1):
        layers: list[nn.Module] = []
        bias = norm in ("group", "none")  # the other norm layers subtract the mean, and with it any bias
        for channels in (in_channels, out_channels):
            conv = nn.Conv2d(channels, out_channels, 3, padding=dilation, dilation=dilation, bias=bias)
            layers += [conv, make_norm(norm, out_channels), nn.ReLU(inplace=True)]
        super().__init__(*layers)


def make_norm(norm: str, channels: int) -> nn.Module:
    """The normalisation layer called `norm`, see UNetConfig."""
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "none":
        return nn.Identity()
    return GroupNorm(channels if norm == "instance" else max(g for g in range(1, 9) if channels % g == 0), channels)


class GroupNorm(nn.GroupNorm):
    """Group norm that also takes maps of one pixel, which PyTorch's layer refuses where a group is one channel."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


class Up(nn.Module):
    """A decoder step: (B, C_in, H, W) and the encoder's (B, C_skip, 2H, 2W) -> (B, C_out, 2H, 2W)."""

    up: nn.Module

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int, config: UNetConfig):
        super().__init__()
        self.skip = config.skip
        # What is added to the encoder's map has its number of channels.
        operator = UPSAMPLERS.get(config.upsample.get("name", ""))
        bound = self.skip == "add" or getattr(operator, "needs_channels_of_skip", False)
        up_channels = skip_channels if bound else out_channels
        self.in_channels, self.up_channels, self.skip_channels = in_channels, up_channels, skip_channels
        self.up = UPSAMPLERS.build(config.upsample, in_channels, up_channels, skip_channels)
        joined = up_channels + (skip_channels if self.skip == "concat" else 0)
        self.conv = ConvBlock(joined, out_channels, config.norm)

    def forward(self, x: Tensor, skip: Skip) -> Tensor:
        x = self.up(x, skip)  # (B, C, 2H, 2W)
        if self.skip == "concat":
            x = torch.cat([skip.map, x], dim=1)  # (B, 2C, 2H, 2W)
        elif self.skip == "add":
            x = x + skip.map
        return self.conv(x)  # (B, C, 2H, 2W)


class UNet(nn.Module):
    """U-Net (Ronneberger et al. 2015) with padded convolutions and exchangeable up- and downsampling.

    Takes raw pixels, uint8 or float in 0..255, (B, C, H, W) with any H, W >= 1, and gives logits (B, K, H, W).
    A UsageError says which operator or option is unknown, or that the two operators do not go together.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: UNetConfig):
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.full((1, config.in_channels, 1, 1), 127.5))
        self.register_buffer("std", torch.full((1, config.in_channels, 1, 1), 127.5))
        *fine, coarsest = config.widths
        ups = cast(tuple[int, ...], config.decoder_widths)
        self.encoder = nn.ModuleList(ConvBlock(*pair, config.norm) for pair in pairwise((config.in_channels, *fine)))
        self.down = nn.ModuleList(DOWNSAMPLERS.build(config.downsample, width) for width in fine)
        self.bottleneck = ConvBlock(fine[-1], coarsest, config.norm, config.bottleneck_dilation)
        widths = zip((coarsest, *ups), reversed(fine), ups, strict=False)  # below, of the encoder's map, and after
        self.decoder = nn.ModuleList(Up(*channels, config) for channels in widths)
        self.head = nn.Conv2d(ups[-1], config.num_classes, kernel_size=1)
        needed = any(getattr(step.up, "needs_positions", False) for step in self.decoder)
        if needed and not all(getattr(down, "gives_positions", False) for down in self.down):
            up, down = config.upsample["name"], f"downsample={config.downsample['name']}"
            known = f"needs the positions of the maxima, which {down} does not remember"
            raise UsageError(f"upsample={up} {known}; choose downsample=max.")

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        x = pad_to_multiple(image, 2**self.config.depth)
        x = ((x - self.mean) / self.std).to(self.head.weight.dtype)
        skips = []
        for encode, down in zip(self.encoder, self.down, strict=True):
            features = encode(x)  # (B, C, H, W)
            x, positions = down(features)  # (B, C, H/2, W/2)
            skips.append(Skip(features, positions))
        x = self.bottleneck(x)  # (B, 2C, H/2, W/2)
        for decode in self.decoder:
            x = decode(x, skips.pop())  # (B, C, H, W)
        return self.head(x)[..., :height, :width]  # (B, K, H, W)

    def set_normalisation(self, mean: Tensor, std: Tensor) -> None:
        """Sets the per-channel mean and standard deviation of the images, in pixel values (0..255)."""
        self.mean.copy_(mean.view_as(self.mean))
        self.std.copy_(std.view_as(self.std).clamp(min=1.0))


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Pads the last two axes at their ends to the next multiple, repeating the edge."""
    for axis in (-2, -1):  # by clamped indices, which export with free sizes where F.pad(mode="replicate") does not
        size = x.shape[axis]
        index = torch.arange((size + multiple - 1) // multiple * multiple, device=x.device)
        x = x.index_select(axis, index.clamp(max=size - 1))
    return x


def initialise(network: nn.Module, seed: int) -> None:
    """Draws every parameter anew, each module from a generator that depends on (seed, module name) alone.

    So two networks that differ in one module start equal everywhere else, whatever was drawn before. A module's own
    `reset_parameters` comes after those of its parts, and what it sets stays; one with parameters needs one.
    """
    with torch.random.fork_rng(devices=[]):
        for name, module in reversed(list(network.named_modules())):
            if hasattr(module, "reset_parameters"):
                torch.manual_seed(derive_seed(seed, name))
                module.reset_parameters()
            elif next(module.parameters(recurse=False), None) is not None:
                raise TypeError(f"{type(module).__name__} has parameters of its own, and no reset_parameters().")
