"""What every encoder is."""

from torch import Tensor, nn

from unetlite.network.spans import Span, centre_span, linearised, random_strip


class Encoder(nn.Module):
    """Base class of the encoders: maps of an image at strides 1, 2, 4, ..., `stride`.

    `forward` takes a normalised image (B, C_in, H, W), H and W multiples of `stride`. It returns
    the features at all strides but the coarsest, finest first, and the coarsest map. A map at
    stride s is (B, C, H / s, W / s).
    """

    in_channels: int
    """C_in >= 1."""

    feature_channels: tuple[int, ...]
    """The C of each stride, finest first, the coarsest map's last."""

    gives_positions = False
    """The features have positions of maxima, see EncoderFeatures."""

    @property
    def reads_anywhere(self) -> bool:
        """A map can depend on any place of the image, so tiles are approximate."""
        return False

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
        maps = all_maps(linearised(self), image)
        return [centre_span(output, image, 2**level) for level, output in enumerate(maps)]


def all_maps(encoder: nn.Module, image: Tensor) -> list[Tensor]:
    """What an encoder gives at each stride, finest first: (B, C, H / s, W / s)."""
    features, coarsest = encoder(image)
    maps = [feature.map for feature in features]
    return [*maps, coarsest]
