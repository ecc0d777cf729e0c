"""The convolution block of encoder and decoder, and its normalisation layers."""

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class ConvBlock(nn.Sequential):
    """Twice: 3 x 3 convolution, norm, ReLU. (B, C_in, H, W) -> (B, C_out, H, W)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        norm: str,
        dilation: int = 1,
    ):
        layers: list[nn.Module] = []
        # Batch and instance norm subtract the mean of a channel, and with it any bias.
        bias = norm in ("group", "none")
        for channels in (in_channels, out_channels):
            conv = nn.Conv2d(
                channels,
                out_channels,
                3,
                padding=dilation,
                dilation=dilation,
                bias=bias,
            )
            layers += [conv, make_norm(norm, out_channels), nn.ReLU(inplace=True)]
        super().__init__(*layers)


def make_norm(norm: str, channels: int) -> nn.Module:
    """The normalisation layer called `norm`, see UNetConfig."""
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "none":
        return nn.Identity()
    if norm == "instance":
        return GroupNorm(channels, channels)
    groups = 8
    while channels % groups != 0:
        groups -= 1
    return GroupNorm(groups, channels)


class GroupNorm(nn.GroupNorm):
    """Group norm that also takes maps of one pixel.

    PyTorch's layer refuses them where a group is one channel.
    """

    def forward(self, x: Tensor) -> Tensor:
        return torch.group_norm(
            x,
            self.num_groups,
            self.weight,
            self.bias,
            self.eps,
        )


def fuse_batch_norms(layers: nn.Sequential) -> None:
    """Multiplies every batch norm into the convolution before it. For evaluation mode."""
    for index in range(len(layers) - 1):
        conv = layers[index]
        norm = layers[index + 1]
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            layers[index] = fuse_conv_bn_eval(conv, norm)
            layers[index + 1] = nn.Identity()
