"""What this machine's convolutions reach at the network's own shapes, and what share of that a training step reaches.

python benchmarks/limit.py [upsample=... and other settings of train.py]

Every convolution and transposed convolution of the network is run alone, on the maps that it has in a training step,
forward and backward, channels last; their sum is the least time that a step could take if all else were free. In turn
with it, whole steps are taken, from the batch to the optimiser. Medians of five rounds, in float32 and bfloat16.
"""

import copy
import sys
from typing import Any

import torch
from torch import nn

from unetlite.compare.costs import training_step
from unetlite.network.unet import UNet, initialise
from unetlite.settings import compose_run, read_settings
from unetlite.timing import in_turn

ROUNDS = 5


def alone(conv: Any, x: torch.Tensor, dtype: torch.dtype, *, first: bool) -> tuple[Any, int]:
    """A function that runs a convolution forward and backward, and its floating-point operations.

    The `first` of the network needs no gradient of its input.
    """
    conv = copy.deepcopy(conv).to(dtype).to(memory_format=torch.channels_last)
    x = x.to(dtype).contiguous(memory_format=torch.channels_last).requires_grad_(not first)
    kind = nn.ConvTranspose2d if isinstance(conv, nn.ConvTranspose2d) else nn.Conv2d  # without what an operator adds
    wanted = [*conv.parameters(), *([] if first else [x])]
    gradient = torch.ones_like(kind.forward(conv, x))

    def run() -> None:
        torch.autograd.grad(kind.forward(conv, x), wanted, gradient)

    many = x if kind is nn.ConvTranspose2d else gradient  # whose every pixel takes all weights
    passes = 2 if first else 3
    return run, passes * 2 * conv.weight.numel() * many.shape[0] * many.shape[2] * many.shape[3]


def main() -> None:
    config = compose_run(sys.argv[1:])
    data = config["data"]
    network = UNet(read_settings(config).network)
    initialise(network, seed=0)
    met: list[tuple[nn.Module, torch.Tensor]] = []
    convolutions = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    for conv in convolutions:
        conv.register_forward_hook(lambda module, args, _: met.append((module, args[0].detach())))
    # In evaluation mode, where `nearest` computes what its layers say and not what it folds them to.
    network.eval()(255 * torch.rand(data["batch_size"], 3, data["crop_size"], data["crop_size"]))
    for conv in convolutions:
        conv._forward_hooks.clear()
    images = data["batch_size"]
    for dtype, precision in ((torch.float32, "32-true"), (torch.bfloat16, "bf16-mixed")):
        runs = [alone(conv, x, dtype, first=k == 0) for k, (conv, x) in enumerate(met)]
        step = training_step(network, {**config, "trainer": {**config["trainer"], "precision": precision}})
        times = in_turn({"step": step, **{k: run for k, (run, _) in enumerate(runs)}}, ROUNDS)
        least, work = sum(ms for k, ms in times.items() if k != "step"), sum(work for _, work in runs)
        rates = [work / times[k] / 1e6 for k, (_, work) in enumerate(runs)]
        print(f"{precision}, {torch.get_num_threads()} threads, {images} windows of {data['crop_size']} pixels")
        by_shape = f"{min(rates):.0f} to {max(rates):.0f} by shape"
        print(f"  convolutions alone {least:6.0f} ms {work / least / 1e6:6.0f} GFLOP/s, {by_shape}")
        share = f"{least / times['step']:.0%} of the limit, {1000 * images / times['step']:.0f} images/s"
        print(f"  a training step    {times['step']:6.0f} ms {work / times['step'] / 1e6:6.0f} GFLOP/s, {share}")


if __name__ == "__main__":
    main()
