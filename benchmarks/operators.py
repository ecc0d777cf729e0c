"""Every operator's training step against plain eager PyTorch: python benchmarks/operators.py [settings of train.py]

Plain is what one writes after the papers: float32, contiguous maps, an optimiser that is not fused, a resize before
each convolution, and a reassembly by one product and sum for each of the 25 neighbours. Beside it is the step that a
run takes, of the same network with the same weights; their outputs are compared first. All steps are taken in turn;
printed are medians, and the ratios.
"""

import copy
import sys
from collections.abc import Callable
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor

from unetlite.compare.costs import training_step
from unetlite.network import upsampling
from unetlite.network.unet import UNet, initialise
from unetlite.settings import compose_run, network_config
from unetlite.timing import in_turn

ROUNDS = 7


def reassemble_plainly(x: Tensor, scores: Tensor) -> Tensor:
    """As `upsampling.reassemble`, neighbour by neighbour."""
    weights = scores.softmax(-1)  # (B, H, W, 4, k^2)
    weights = F.pixel_shuffle(weights.permute(0, 4, 3, 1, 2).flatten(1, 2), 2)  # (B, k^2, 2H, 2W)
    size = round(scores.shape[-1] ** 0.5)
    padded, (height, width) = F.pad(x, [size // 2] * 4), x.shape[-2:]
    out = 0
    for k in range(size**2):
        neighbour = padded[:, :, k // size : k // size + height, k % size : k % size + width]
        out = out + weights[:, k : k + 1] * F.interpolate(neighbour, scale_factor=2)
    return out


def plain_step(network: UNet, config: dict) -> Callable[[], None]:
    """A step of a copy of the network in plain eager float32."""
    network = copy.deepcopy(network).train().to(memory_format=torch.contiguous_format)
    for module in network.modules():
        if isinstance(module, (upsampling.Nearest, upsampling.Bicubic, upsampling.Zeros)):
            module.eval()  # in which it computes what it says, and not what that equals
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-9)
    data = config["data"]
    images = 255 * torch.rand(data["batch_size"], network.config.in_channels, data["crop_size"], data["crop_size"])

    def step() -> None:
        with patch.object(upsampling, "reassemble", reassemble_plainly):
            logits = network(images)
            F.cross_entropy(logits, torch.zeros_like(logits[:, 0], dtype=torch.long)).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


@torch.no_grad()
def difference(network: UNet) -> float:
    """Of the two ways in float32, the largest, relative to the largest logit."""
    image = 255 * torch.rand(1, network.config.in_channels, 64, 64)
    network.eval()
    expected = network(image)
    with patch.object(upsampling, "reassemble", reassemble_plainly):
        found = network(image)
    return float((found - expected).abs().max() / expected.abs().max())


def main() -> None:
    steps, differences = {}, {}
    for name in upsampling.UPSAMPLERS:
        config = compose_run([*sys.argv[1:], f"upsample={name}"])
        network = UNet(network_config(config))
        initialise(network, seed=0)
        differences[name] = difference(network)
        steps[name, "plain"] = plain_step(network, config)
        steps[name, "run"] = training_step(network, config)
    times = in_turn(steps, ROUNDS)
    data = config["data"]
    print(f"{data['batch_size']} windows of {data['crop_size']} pixels, {torch.get_num_threads()} threads\n")
    print("| operator | plain eager float32, ms | a run's step, ms | times as fast | difference in float32 |")
    print("|---|---|---|---|---|")
    for name, largest in differences.items():
        plain, now = times[name, "plain"], times[name, "run"]
        print(f"| `{name}` | {plain:.0f} | {now:.0f} | {plain / now:.2f} | {largest:.0e} |")


if __name__ == "__main__":
    main()
