"""Four operators in the U-Net of segmentation_models_pytorch, beside the untouched network.

By the recipe of docs/your-network.md:

    python docs/results/smp_nuclei.py NUCLEI WEIGHTS SCORES.csv
    unetlite judge SCORES.csv

NUCLEI is the folder of the set, WEIGHTS torchvision's mobilenet_v2-b0353104.pth. Training is a loop
of PyTorch's own, so that the network, its training and its scores have nothing of unetlite but the
operators: 300 steps of 8 crops of 128 x 128, AdamW, one cycle up to 0.001, cross-entropy.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import segmentation_models_pytorch as smp
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from unetlite import upsampler

OPERATORS = ("as it is", "nearest", "transpose", "bilinear", "dysample")
SEEDS = (100, 101, 102)
STEPS = 300
BATCH = 8
CROP = 128
STRIDE = 32  # heights and widths that SMP takes are multiples of it
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


class Block(nn.Module):
    """A block of SMP's decoder behind a 1x1 convolution to its channels, and an operator."""

    def __init__(self, block: nn.Module, skip_channels: int):
        super().__init__()
        conv = block.conv1[0]
        self.channels = conv.out_channels
        self.narrow = nn.Conv2d(conv.in_channels - skip_channels, self.channels, 1)
        block.conv1[0] = nn.Conv2d(
            self.channels + skip_channels, self.channels, 3, padding=1, bias=False
        )
        self.block = block

    def forward(
        self, x: Tensor, height: int, width: int, skip_connection: Tensor | None = None
    ) -> Tensor:
        x = self.up(self.narrow(x))
        return self.block(x, height, width, skip_connection)


def make_network(operator: str, weights: Path) -> nn.Module:
    """SMP's U-Net on a pretrained MobileNetV2, with the upsampling of its decoder exchanged."""
    network = smp.Unet("mobilenet_v2", encoder_weights=None, classes=1)
    pretrained = torch.load(weights, weights_only=True)
    network.encoder.load_state_dict(pretrained)  # which drops the classifier
    if operator == "as it is":
        return network
    skips = [*network.encoder.out_channels[-2:0:-1], 0]
    blocks = network.decoder.blocks
    for k, skip_channels in enumerate(skips):
        blocks[k] = Block(blocks[k], skip_channels)
    smp.base.initialization.initialize_decoder(network.decoder)
    for block in blocks:
        block.up = upsampler(operator, block.channels, block.channels)
    return network


def read_set(folder: Path) -> dict[str, list[tuple[str, Tensor, Tensor]]]:
    """Name, normalised image (3, H, W) and mask (H, W) of 0 and 1 of every image, by split."""
    splits: dict[str, list[tuple[str, Tensor, Tensor]]] = {"train": [], "val": [], "test": []}
    with (folder / "splits.csv").open() as table:
        for row in csv.DictReader(table):
            name = f"{row['id']}.png"
            pixels = np.array(Image.open(folder / "images" / name).convert("RGB"))
            image = torch.from_numpy(pixels).permute(2, 0, 1) / 255
            mask = torch.from_numpy(np.array(Image.open(folder / "masks" / name)) > 0)
            splits[row["split"]].append((name, (image - MEAN) / STD, mask.float()))
    return splits


def draw_crop(random: np.random.Generator, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """A random crop, flipped and turned at random."""
    top = random.integers(image.shape[1] - CROP + 1)
    left = random.integers(image.shape[2] - CROP + 1)
    image = image[:, top : top + CROP, left : left + CROP]
    mask = mask[top : top + CROP, left : left + CROP]
    turns = int(random.integers(4))
    image = torch.rot90(image, turns, (1, 2))
    mask = torch.rot90(mask, turns, (0, 1))
    if random.random() < 0.5:
        return image.flip(2), mask.flip(1)
    return image, mask


def train(network: nn.Module, images: list[tuple[str, Tensor, Tensor]], seed: int) -> None:
    """Trains a network. The seed decides which crops it sees, whatever the operator."""
    random = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-3, total_steps=STEPS)
    network.train()
    for _ in range(STEPS):
        crops = []
        for number in random.integers(len(images), size=BATCH):
            _, image, mask = images[number]
            crops.append(draw_crop(random, image, mask))
        x = torch.stack([image for image, _ in crops])
        y = torch.stack([mask for _, mask in crops])
        F.binary_cross_entropy_with_logits(network(x)[:, 0], y).backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()


def iou(network: nn.Module, image: Tensor, mask: Tensor) -> float:
    """Of the nuclei in an image, whose sides are filled up to multiples of 32."""
    height, width = mask.shape
    padding = (0, -width % STRIDE, 0, -height % STRIDE)
    padded = F.pad(image[None], padding, mode="replicate")
    with torch.inference_mode():
        logits = network.eval()(padded)[0, 0, :height, :width]
    predicted = logits > 0
    union = (predicted | (mask > 0)).sum()
    both = (predicted & (mask > 0)).sum()
    return float(both / union) if union > 0 else 1.0


def main(folder: Path, weights: Path, scores: Path) -> None:
    splits = read_set(folder)
    with scores.open("w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(["operator", "seed", "image", "iou"])
        for seed in SEEDS:
            for operator in OPERATORS:
                torch.manual_seed(seed)
                network = make_network(operator, weights)
                train(network, splits["train"], seed)
                for name, image, mask in splits["test"]:
                    writer.writerow([operator, seed, name, f"{iou(network, image, mask):.5f}"])
                table.flush()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
