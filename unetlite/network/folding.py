"""Exact rewrites of a trained network into an equal one that computes less. For evaluation only."""

import copy

from unetlite.network.blocks import ConvBlock, fuse_batch_norms
from unetlite.network.unet import UNet
from unetlite.network.upsampling.base import Upsampler


def fold(network: UNet, runtime: str = "pytorch") -> UNet:
    """A copy in evaluation mode that computes less and gives the same logits within float error.

    Batch norms go into the convolutions before them, and upsampling operators take the form that is
    faster in `runtime`: "pytorch", "onnxruntime" or "openvino".
    """
    network = copy.deepcopy(network).eval()
    modules = dict(network.named_modules())
    for name, module in reversed(modules.items()):  # parts before what they are parts of
        if isinstance(module, ConvBlock):
            fuse_batch_norms(module)
        elif isinstance(module, Upsampler):
            network.set_submodule(name, module.folded(runtime))
    return network.requires_grad_(False)
