"""The upsampling operators, one module a family; importing this package registers them all."""

# The order is that in which operators are listed.
# isort: off
from unetlite.network.upsampling import transposed as transposed
from unetlite.network.upsampling import resize as resize
from unetlite.network.upsampling import rearrange as rearrange
from unetlite.network.upsampling import lightweight as lightweight
from unetlite.network.upsampling import reassembly as reassembly
from unetlite.network.upsampling import sampling as sampling
# isort: on

from unetlite.network.upsampling.base import UPSAMPLERS, EncoderFeatures, Upsampler

__all__ = ["UPSAMPLERS", "EncoderFeatures", "Upsampler"]
