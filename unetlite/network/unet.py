"""The network: encoder, decoder, head, in the order in which an image meets them."""

from typing import cast

import torch
from torch import Tensor, nn

from unetlite.errors import UsageError
from unetlite.network.blocks import ConvBlock
from unetlite.network.encoders import Encoder, make_encoder
from unetlite.network.upsampling import (
    UPSAMPLERS,
    EncoderFeatures,
    Upsampler,
)
from unetlite.settings.schema import UNetConfig

OUTLIER = 10.0
"""Standard deviations. Pixels of more than 8 bits are clipped there, as hot pixels have to be."""


class UNet(nn.Module):
    """U-Net (Ronneberger et al. 2015), padded, with exchangeable up- and downsampling.

    Takes raw pixels of the configuration's type, or the same values as floats, (B, C, H, W) with
    any H, W >= 1, and gives logits (B, K, H, W). NaN is a pixel without data. `encoder` replaces
    the one of the configuration; it has as many strides.

    Raises UsageError for an unknown operator or option, and for two operators that do not go
    together.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: UNetConfig, encoder: Encoder | None = None):
        super().__init__()
        self.config = config
        middle = torch.full((1, config.in_channels, 1, 1), 127.5)  # of pixel values
        self.register_buffer("mean", middle)
        self.register_buffer("std", middle.clone())
        self.encoder = make_encoder(config) if encoder is None else encoder
        self.decoder = make_decoder(config, self.encoder)
        self.head = nn.Conv2d(self.last_block.out_channels, config.num_classes, kernel_size=1)

    @property
    def last_block(self) -> "DecoderBlock":
        """The decoder block that gives a map of the image's size."""
        return cast(DecoderBlock, self.decoder[-1])

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        # Not all devices index unsigned integers of 16 bits.
        x = image if self.config.pixel_type == "uint8" else image.float()
        x = pad_to_multiple(x, self.encoder.stride)
        x = self.normalise(x).to(self.head.weight.dtype)
        features, x = self.encoder(x)
        for block, skip in zip(self.decoder, reversed(features), strict=True):
            x = block(x, skip)  # (B, C, 2H, 2W)
        logits = self.head(x)  # (B, K, H, W)
        return logits[..., :height, :width]

    def normalise(self, x: Tensor) -> Tensor:
        """Pixels as multiples of the standard deviation, from the mean of the training images."""
        x = (x - self.mean) / self.std
        if self.config.pixel_type == "uint8":
            return x
        if self.config.pixel_type == "float32":
            x = torch.where(x.isnan(), 0.0, x)  # without data: the mean
        return x.clamp(-OUTLIER, OUTLIER)

    def set_normalisation(self, mean: Tensor, std: Tensor) -> None:
        """Sets the mean and standard deviation (C,) of each channel, in pixel values."""
        least = torch.ones_like(mean)  # a constant channel is not divided by zero
        if self.config.pixel_type == "float32":
            least = mean.abs() * 1e-6 + 1e-30
        self.mean.copy_(mean.view_as(self.mean))
        self.std.copy_(std.maximum(least).view_as(self.std))


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Pads the last two axes at their ends to the next multiple, repeating the edge."""
    for axis in (-2, -1):
        size = x.shape[axis]
        padded_size = (size + multiple - 1) // multiple * multiple
        if isinstance(size, int) and size == padded_size:
            continue
        # Clamped indices export with free sizes; F.pad(mode="replicate") does not.
        index = torch.arange(padded_size, device=x.device)
        x = x.index_select(axis, index.clamp(max=size - 1))
    return x


def make_decoder(config: UNetConfig, encoder: Encoder) -> nn.ModuleList:
    """The decoder blocks, coarsest first."""
    widths = cast(tuple[int, ...], config.decoder_widths)
    if encoder.depth != config.depth:
        raise UsageError(
            f"the encoder halves the image {encoder.depth} times, but model.decoder_widths="
            f"{list(widths)} doubles it {config.depth} times; give {encoder.depth} numbers."
        )
    *fine, channels = encoder.feature_channels
    blocks = nn.ModuleList()
    for skip_channels, width in zip(reversed(fine), widths, strict=True):
        blocks.append(DecoderBlock(channels, skip_channels, width, config))
        channels = width
    if UPSAMPLERS.lookup(config.upsample).needs_positions and not encoder.gives_positions:
        source = f"downsample={config.downsample['name']} does not remember; choose downsample=max."
        if config.encoder is not None:
            source = f"the encoder {config.encoder} does not give; choose another, or model=mini."
        raise UsageError(
            f"upsample={config.upsample['name']} needs the positions of the maxima, which {source}"
        )
    return blocks


class DecoderBlock(nn.Module):
    """Upsampling, the encoder's map joined to it, a block of convolutions.

    (B, C_in, H, W) and the encoder's (B, C_skip, 2H, 2W) -> (B, C_out, 2H, 2W).
    """

    up: Upsampler

    def __init__(
        self,
        in_channels: int,
        skip_channels: int,
        out_channels: int,
        config: UNetConfig,
    ):
        super().__init__()
        self.skip = config.skip
        self.in_channels = in_channels
        self.skip_channels = skip_channels
        self.out_channels = out_channels
        self.up_channels = out_channels
        # What is added to the encoder's map has its number of channels.
        if self.skip == "add" or UPSAMPLERS.lookup(config.upsample).needs_skip_channels:
            self.up_channels = skip_channels
        self.up = UPSAMPLERS.build(
            config.upsample,
            in_channels,
            self.up_channels,
            skip_channels,
        )
        joined_channels = self.up_channels
        if self.skip == "concat":
            joined_channels += skip_channels
        self.conv = ConvBlock(joined_channels, out_channels, config.norm)

    def forward(self, x: Tensor, skip: EncoderFeatures) -> Tensor:
        x = self.up(x, skip)  # (B, C_up, 2H, 2W)
        if self.skip == "concat":
            x = torch.cat([skip.map, x], dim=1)  # (B, C_skip + C_up, 2H, 2W)
        elif self.skip == "add":
            x = x + skip.map
        return self.conv(x)  # (B, C_out, 2H, 2W)
