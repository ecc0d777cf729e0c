"""The encoder of a U-Net from scratch: blocks of convolutions, and downsampling."""

from torch import Tensor, nn

from unetlite.network.blocks import ConvBlock
from unetlite.network.downsampling import DOWNSAMPLERS
from unetlite.network.encoders.base import Encoder
from unetlite.network.spans import (
    Span,
    centre_span,
    compose,
    linearised,
    random_strip,
)
from unetlite.network.upsampling.base import EncoderFeatures
from unetlite.settings.schema import UNetConfig


class ConvEncoder(Encoder):
    """The encoder of Ronneberger et al. 2015, with padded convolutions: blocks and downsampling."""

    def __init__(self, config: UNetConfig):
        super().__init__()
        assert config.widths is not None
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
