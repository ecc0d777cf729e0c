"""The networks of benchmarks/peers.py, and how each is trained by its own documentation."""

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from kornia.losses import dice_loss
from lightning.pytorch.accelerators import CPUAccelerator
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from unetlite.device import fast_precision
from unetlite.settings.schema import TrainerOptions

TICKS = 1000  # of a schedule, over the whole of the training time


class Recipe(NamedTuple):
    """How a network is trained. `loss` is of logits (B, K, H, W) and mask (B, H, W)."""

    loss: Callable[[Tensor, Tensor], Tensor]
    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer]
    schedule: Callable[[Optimizer], LRScheduler]  # over TICKS
    clip: float = 0.0  # of the gradient's norm; 0 for not at all
    bfloat16: bool = False
    channels_last: bool = False


# The recipes. What the source does not say is PyTorch's default. None of the three uses mixed
# precision or another memory format unless it is asked to, and mixed precision there means a GPU.


def unetlite_recipe(options: TrainerOptions, *, fast: bool) -> Recipe:
    """unetlite.training.segmenter and configs/trainer/default.yaml."""
    rate = options.learning_rate

    def loss(logits: Tensor, mask: Tensor) -> Tensor:
        dice = dice_loss(logits, mask, average="macro", ignore_index=255)
        return F.cross_entropy(logits, mask, ignore_index=255) + options.dice_weight * dice

    def optimizer(parameters: Iterable[nn.Parameter]) -> Optimizer:
        return torch.optim.AdamW(
            parameters, lr=rate, weight_decay=options.weight_decay, fused=fast or None
        )

    return Recipe(
        loss,
        optimizer,
        lambda optimizer: OneCycleLR(optimizer, rate, total_steps=TICKS),
        clip=options.gradient_clip,
        bfloat16=fast and fast_precision(CPUAccelerator()) == "bf16-mixed",
        channels_last=fast,
    )


def smp_recipe() -> Recipe:
    """segmentation_models.pytorch's examples.

    Dice loss alone, Adam with 2e-4, cosine to 1e-5 after the last step, 32 bits, as in
    binary_segmentation_intro.ipynb. camvid_segmentation_multiclass.ipynb agrees but for the cosine.
    """
    from segmentation_models_pytorch.losses import MULTICLASS_MODE, DiceLoss

    rate, lowest = 2e-4, 1e-5

    def factor(tick: int) -> float:
        cosine = (1 + math.cos(math.pi * tick / TICKS)) / 2
        return (lowest + (rate - lowest) * cosine) / rate

    return Recipe(
        DiceLoss(MULTICLASS_MODE, from_logits=True, ignore_index=255),
        lambda parameters: torch.optim.Adam(parameters, lr=rate),
        lambda optimizer: LambdaLR(optimizer, factor),
    )


def monai_recipe() -> Recipe:
    """MONAI's tutorials: 2d_segmentation/torch/unet_training_array.py.

    It trains 16 to 256 channels by Adam with 1e-3. Its loss is Dice of one channel; that of several
    is as in 3d_segmentation/spleen_segmentation_3d.ipynb. The learning rate is constant in both.
    """
    from monai.losses import DiceLoss

    dice = DiceLoss(to_onehot_y=True, softmax=True)
    return Recipe(
        lambda logits, mask: dice(logits, mask[:, None]),
        lambda parameters: torch.optim.Adam(parameters, lr=1e-3),
        lambda optimizer: LambdaLR(optimizer, lambda tick: 1.0),
    )


def torchvision_recipe() -> Recipe:
    """vision/references/segmentation: train.py, and this network's line in README.md.

    Cross-entropy, SGD with 0.01 and momentum 0.9, --wd 0.000001, (1 - x) ** 0.9. Batches there are
    of 32 (8 GPUs), here of 16 for all.
    """
    return Recipe(
        lambda logits, mask: F.cross_entropy(logits, mask, ignore_index=255),
        lambda parameters: torch.optim.SGD(parameters, lr=0.01, momentum=0.9, weight_decay=1e-6),
        lambda optimizer: LambdaLR(optimizer, lambda tick: (1 - tick / TICKS) ** 0.9),
    )


class Normalised(nn.Module):
    """A peer that takes raw pixels, as UNet does. `key` picks the logits from its outputs."""

    def __init__(self, network: nn.Module, mean: Tensor, std: Tensor, key: str | None = None):
        super().__init__()
        self.network = network
        self.key = key
        self.register_buffer("mean", mean.view(1, -1, 1, 1))
        self.register_buffer("std", std.view(1, -1, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        outputs: Any = self.network((image - self.mean) / self.std)
        return outputs if self.key is None else outputs[self.key]


def smp_unet(encoder: str) -> nn.Module:
    from segmentation_models_pytorch import Unet

    return Unet(encoder, encoder_weights=None, in_channels=3, classes=2)


def basic_unet() -> nn.Module:
    from monai.networks.nets import BasicUNet

    features = (16, 32, 64, 128, 256, 16)
    return BasicUNet(spatial_dims=2, in_channels=3, out_channels=2, features=features)


def lraspp() -> nn.Module:
    from torchvision.models.segmentation import lraspp_mobilenet_v3_large

    return lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=2)


class Peer(NamedTuple):
    """A network of another library."""

    title: str
    build: Callable[[], nn.Module]
    recipe: Callable[[], Recipe]
    key: str | None = None  # of the logits among its outputs


PEERS = {
    "smp_resnet18": Peer("SMP Unet, resnet18", partial(smp_unet, "resnet18"), smp_recipe),
    "smp_mobilenet_v2": Peer(
        "SMP Unet, mobilenet_v2", partial(smp_unet, "mobilenet_v2"), smp_recipe
    ),
    "monai": Peer("MONAI BasicUNet, 16 to 256", basic_unet, monai_recipe),
    "torchvision": Peer(
        "torchvision LRASPP, mobilenet_v3_large", lraspp, torchvision_recipe, "out"
    ),
}
NAMES = ("unetlite", *PEERS, "classic")
