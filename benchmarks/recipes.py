"""The networks of benchmarks/peers.py, and how each is trained by its own documentation."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from kornia.losses import dice_loss
from lightning.pytorch.accelerators import CPUAccelerator
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from unetlite.hardware import fast_precision

TICKS = 1000  # of a schedule, over the whole of the training time


class Recipe(NamedTuple):
    """How a network is trained: loss of logits and mask, optimiser, schedule over TICKS, and the rest."""

    loss: Callable[[Tensor, Tensor], Tensor]
    optimizer: Callable[[Any], torch.optim.Optimizer]
    schedule: Callable[[torch.optim.Optimizer], LRScheduler]
    clip: float = 0.0
    bfloat16: bool = False
    channels_last: bool = False


# The recipes. What is not said in the source is PyTorch's default. None of the three uses mixed precision or another
# memory format unless it is asked to, and mixed precision there means a GPU.


def ours(options: Any, *, fast: bool) -> Recipe:
    """unetlite.training.segmenter and configs/trainer/default.yaml."""

    def loss(logits: Tensor, mask: Tensor) -> Tensor:
        dice = dice_loss(logits, mask, average="macro", ignore_index=255)
        return F.cross_entropy(logits, mask, ignore_index=255) + options.dice_weight * dice

    rate = options.learning_rate
    return Recipe(
        loss, lambda p: torch.optim.AdamW(p, lr=rate, weight_decay=options.weight_decay, fused=fast or None),
        lambda optimizer: OneCycleLR(optimizer, rate, total_steps=TICKS), options.gradient_clip,
        bfloat16=fast and fast_precision(CPUAccelerator()) == "bf16-mixed", channels_last=fast,
    )  # fmt: skip


def of_smp() -> Recipe:
    """segmentation_models.pytorch, examples/binary_segmentation_intro.ipynb and camvid_segmentation_multiclass.ipynb.

    Dice loss alone, Adam with 2e-4, cosine to 1e-5 after the last step (as the first of the two has it), 32 bits.
    """
    from segmentation_models_pytorch.losses import MULTICLASS_MODE, DiceLoss

    rate, least = 2e-4, 1e-5
    return Recipe(
        DiceLoss(MULTICLASS_MODE, from_logits=True, ignore_index=255), lambda p: torch.optim.Adam(p, lr=rate),
        lambda o: LambdaLR(o, lambda k: (least + (rate - least) * (1 + math.cos(math.pi * k / TICKS)) / 2) / rate),
    )  # fmt: skip


def of_monai() -> Recipe:
    """MONAI's tutorials: 2d_segmentation/torch/unet_training_array.py trains 16 to 256 channels by Adam with 1e-3.

    Its loss is Dice of one channel; that of several is as in 3d_segmentation/spleen_segmentation_3d.ipynb. The learning
    rate is constant in both.
    """
    from monai.losses import DiceLoss

    dice = DiceLoss(to_onehot_y=True, softmax=True)
    return Recipe(
        lambda logits, mask: dice(logits, mask[:, None]), lambda p: torch.optim.Adam(p, lr=1e-3),
        lambda optimizer: LambdaLR(optimizer, lambda k: 1.0),
    )  # fmt: skip


def of_torchvision() -> Recipe:
    """vision/references/segmentation: train.py, and the line of this network in README.md, which sets --wd 0.000001.

    Cross-entropy, SGD with 0.01 and momentum 0.9, (1 - x) ** 0.9. Batches there are of 32 (8 GPUs), here of 16 for all.
    """
    return Recipe(
        lambda logits, mask: F.cross_entropy(logits, mask, ignore_index=255),
        lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, weight_decay=1e-6),
        lambda optimizer: LambdaLR(optimizer, lambda k: (1 - k / TICKS) ** 0.9),
    )


class Normalised(nn.Module):
    """A peer that takes raw pixels, as UNet does."""

    def __init__(self, network: nn.Module, mean: Tensor, std: Tensor, key: str | None = None):
        super().__init__()
        self.network, self.key = network, key
        self.register_buffer("mean", mean.view(1, -1, 1, 1))
        self.register_buffer("std", std.view(1, -1, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        found = self.network((image - self.mean) / self.std)
        return found if self.key is None else found[self.key]


def smp(encoder: str) -> nn.Module:
    from segmentation_models_pytorch import Unet

    return Unet(encoder, encoder_weights=None, in_channels=3, classes=2)


def basic_unet() -> nn.Module:
    from monai.networks.nets import BasicUNet

    return BasicUNet(spatial_dims=2, in_channels=3, out_channels=2, features=(16, 32, 64, 128, 256, 16))


def lraspp() -> nn.Module:
    from torchvision.models.segmentation import lraspp_mobilenet_v3_large

    return lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=2)


PEERS: dict[str, tuple[str, Callable[[], nn.Module], Callable[[], Recipe], str | None]] = {
    "smp_resnet18": ("SMP Unet, resnet18", partial(smp, "resnet18"), of_smp, None),
    "smp_mobilenet_v2": ("SMP Unet, mobilenet_v2", partial(smp, "mobilenet_v2"), of_smp, None),
    "monai": ("MONAI BasicUNet, 16 to 256", basic_unet, of_monai, None),
    "torchvision": ("torchvision LRASPP, mobilenet_v3_large", lraspp, of_torchvision, "out"),
}
NAMES = ("unetlite", *PEERS, "classic")
