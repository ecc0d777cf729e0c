"""Encoders: maps of an image at strides 1, 2, 4, ..., from which the decoder draws."""

from unetlite.network.encoders.base import Encoder
from unetlite.network.encoders.convolutional import ConvEncoder
from unetlite.network.encoders.timm import TimmEncoder
from unetlite.settings.schema import UNetConfig

__all__ = ["ConvEncoder", "Encoder", "make_encoder"]


def make_encoder(config: UNetConfig) -> Encoder:
    """The encoder of a configuration.

    Raises UsageError for one that timm does not have, or that does not fit under a decoder.
    """
    return ConvEncoder(config) if config.encoder is None else TimmEncoder(config)
