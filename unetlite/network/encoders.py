"""Encoders: maps of an image at strides 1, 2, 4, ..., from which the decoder draws."""

from torch import Tensor, nn

from unetlite.network.blocks import ConvBlock
from unetlite.network.downsampling import DOWNSAMPLERS
from unetlite.network.spans import (
    Span,
    centre_span,
    compose,
    linearised,
    random_strip,
)
from unetlite.network.upsampling.base import EncoderFeatures
from unetlite.settings.schema import UNetConfig


class Encoder(nn.Module):
    """Base class of the encoders: maps of an image at strides 1, 2, 4, ..., `stride`.

    `forward` takes a normalised image (B, C_in, H, W), H and W multiples of `stride`. It returns
    the features at all strides but the coarsest, finest first, and the coarsest map. A map at
    stride s is (B, C, H / s, W / s). An encoder that begins at stride 2, as those of timm do, gives
    the image itself at stride 1.
    """

    in_channels: int
    """C_in >= 1."""

    feature_channels: tuple[int, ...]
    """The C of each stride, finest first, the coarsest map's last."""

    gives_positions = False
    """The features have positions of maxima, see EncoderFeatures."""

    @property
    def depth(self) -> int:
        """How many times the image is halved."""
        return len(self.feature_channels) - 1

    @property
    def stride(self) -> int:
        """Pixels of the image to one of the coarsest map."""
        return 2**self.depth

    def input_spans(self) -> list[Span]:
        """The pixels that element n of each map depends on, less s * n, finest map first.

        Measured on a strip of 64 strides; what a map depends on beyond it is not counted.
        """
        image = random_strip(self.in_channels, self.stride, 64 * self.stride)
        features, coarsest = linearised(self)(image)
        maps = [*(feature.map for feature in features), coarsest]
        return [centre_span(output, image, 2**level) for level, output in enumerate(maps)]


class ConvEncoder(Encoder):
    """The encoder of Ronneberger et al. 2015, with padded convolutions: blocks and downsampling."""

    def __init__(self, config: UNetConfig):
        super().__init__()
        *fine, coarsest = config.widths
        self.in_channels = config.in_channels
        self.feature_channels = config.widths
        self.blocks = nn.ModuleList()
        self.down = nn.ModuleList()
        channels = config.in_channels
        for width in fine:
            self.blocks.append(ConvBlock(channels, width, config.norm))
            self.down.append(DOWNSAMPLERS.build(config.downsample, width))
            channels = width
        self.gives_positions = DOWNSAMPLERS.lookup(config.downsample).gives_positions
        self.dilation = config.bottleneck_dilation
        self.bottleneck = ConvBlock(
            channels,
            coarsest,
            config.norm,
            self.dilation,
        )

    def forward(self, x: Tensor) -> tuple[list[EncoderFeatures], Tensor]:
        features = []
        for block, down in zip(self.blocks, self.down, strict=True):
            fine = block(x)  # (B, C, H, W)
            x, positions = down(fine)  # (B, C, H/2, W/2)
            features.append(EncoderFeatures(fine, positions))
        return features, self.bottleneck(x)  # (B, 2C, H/2, W/2)

    def input_spans(self) -> list[Span]:
        """Composed of the spans of single stages.

        The coarsest map can depend on thousands of pixels, too many for a strip of an image.
        """
        image = random_strip(self.in_channels, 1, 16)
        span = centre_span(linearised(self.blocks[0])(image), image, stride=1)
        spans = [span]
        for level, block in enumerate([*self.blocks[1:], self.bottleneck]):
            fine = random_strip(self.feature_channels[level], 2, 16 * self.dilation)
            coarse, _ = linearised(self.down[level])(fine)
            stage = centre_span(linearised(block)(coarse), fine, stride=2)
            span = compose(stage, span, 2**level)
            spans.append(span)
        return spans
