"""How fast training is, and how near the limit of the machine.

python benchmarks/training.py steps [KEY=VALUE ...]    60 steps of a run, beside plain PyTorch
python benchmarks/training.py limit [KEY=VALUE ...]    a step, beside its convolutions alone
python benchmarks/training.py ideas [KEY=VALUE ...]    a step in float32, beside forms of it

`steps`: after every step of a real run (data, augmentation, Lightning, logging), the same network
takes one step in plain eager float32 with contiguous memory, and one bare step as the run computes
it. So all three share the noise of the machine. Printed are medians over the steps.

`limit`: every convolution of the network runs alone, on the maps that it has in a training step,
forward and backward, channels last. Their sum is the least time that a step could take if all else
were free. Whole steps are timed in turn with it, in float32 and bfloat16.

`ideas`: what a step in float32 would take in another form, or without a part. A part that is left
out says how much could be gained by computing it faster.
"""

import copy
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from kornia.losses import dice_loss
from lightning.pytorch import Callback
from torch import Tensor, nn

from unetlite.compare.costs.costs import training_step
from unetlite.network.initialization import initialise
from unetlite.network.unet import UNet
from unetlite.settings.composition import compose_run
from unetlite.timing import interleaved_median
from unetlite.training.run import train

STEPS = 60
WARM_UP = 5  # steps that are not counted
ROUNDS = 5
MEANINGS = {
    "plain": "eager float32, contiguous",
    "bare": "as the run computes, without the loop",
    "run": "the run: data, augmentation, Lightning, logging",
}


class BareStep:
    """Forward, loss, backward, clipping and AdamW on one batch, and nothing around it."""

    def __init__(self, network: nn.Module, *, fast: bool, bfloat16: bool = False):
        memory_format = torch.channels_last if fast else torch.contiguous_format
        self.network = copy.deepcopy(network).to(memory_format=memory_format)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1e-4, fused=fast)
        self.bfloat16 = bfloat16

    def seconds(self, image: Tensor, mask: Tensor, parts: int = 1) -> float:
        """Takes a step, with the gradients of so many parts of the batch added up."""
        start = time.perf_counter()
        self.optimizer.zero_grad()
        for images, masks in zip(image.chunk(parts), mask.chunk(parts), strict=True):
            (self.loss(images, masks) / parts).backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        return time.perf_counter() - start

    def loss(self, image: Tensor, mask: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            logits = self.network(image).float()
            loss = F.cross_entropy(logits, mask, ignore_index=255)
            return loss + dice_loss(logits, mask, average="macro", ignore_index=255)


class StepTimes(Callback):
    """Times every step of a run beside bare steps, and writes all seconds to a JSON file."""

    def __init__(self, file: str):
        self.file = Path(file)
        self.times: dict[str, list[float]] = {name: [] for name in MEANINGS}

    def on_train_start(self, trainer: Any, module: Any) -> None:
        bfloat16 = trainer.precision == "bf16-mixed"
        self.plain = BareStep(module.network, fast=False)
        self.bare = BareStep(module.network, fast=True, bfloat16=bfloat16)
        self.resumed = time.perf_counter()

    def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
        self.resumed = time.perf_counter()  # leaves the validation out

    def on_train_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.times["run"].append(time.perf_counter() - self.resumed)
        mask = batch.mask.long()
        self.times["bare"].append(self.bare.seconds(batch.image, mask))
        self.times["plain"].append(self.plain.seconds(batch.image, mask))
        self.resumed = time.perf_counter()

    def on_train_end(self, trainer: Any, module: Any) -> None:
        self.file.write_text(json.dumps(self.times))


def measure_steps(overrides: Sequence[str]) -> dict[str, float]:
    """Median seconds of a step of a run, and of the same step bare and plain."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "times.json"
        # Hydra finds the class by its name, since the folder of this file is on Python's path.
        callback = {"_target_": "training.StepTimes", "file": str(file)}
        values = {
            "output_dir": directory,
            "trainer.accelerator": "cpu",
            "trainer.callbacks": {"times": callback},
        }
        train(compose_run(overrides, values))
        times = json.loads(file.read_text())
    return {name: median(seconds[WARM_UP:]) for name, seconds in times.items()}


def print_steps(overrides: Sequence[str]) -> None:
    """What a run costs over the bare step, and gains over plain PyTorch."""
    overrides = [f"trainer.max_steps={STEPS}", *overrides]
    batch = compose_run(overrides).data.batch_size
    times = measure_steps(overrides)
    print(f"\nmedian step of {batch} images, {torch.get_num_threads()} threads")
    for name, meaning in MEANINGS.items():
        seconds = times[name]
        print(f"{name:6} {1000 * seconds:6.0f} ms  {batch / seconds:6.1f} images/s   {meaning}")
    print(f"speed-up of the run over plain: {times['plain'] / times['run']:.2f}")
    print(f"cost of the loop over the bare step: {100 * (times['run'] / times['bare'] - 1):+.1f} %")


class ConvolutionPass(NamedTuple):
    """One convolution, forward and backward."""

    run: Callable[[], None]
    operations: int  # in floating point


def record_inputs(network: UNet, images: Tensor) -> list[tuple[Any, Tensor]]:
    """Every convolution that a network computes for `images` (B, C, H, W), with its input."""
    inputs: list[tuple[Any, Tensor]] = []

    def record(module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        inputs.append((module, arguments[0].detach()))

    hooks = []
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            hooks.append(module.register_forward_hook(record))
    # In evaluation mode `nearest` computes what its layers say, and not what it folds them to.
    network.eval()(images)
    for hook in hooks:
        hook.remove()
    return inputs


def convolution_pass(conv: Any, x: Tensor, dtype: torch.dtype, *, first: bool) -> ConvolutionPass:
    """A convolution alone. The `first` of the network needs no gradient of its input."""
    conv = copy.deepcopy(conv).to(dtype).to(memory_format=torch.channels_last)
    x = x.to(dtype).contiguous(memory_format=torch.channels_last).requires_grad_(not first)
    transposed = isinstance(conv, nn.ConvTranspose2d)
    # The class's own forward, without what an operator adds to it.
    forward = nn.ConvTranspose2d.forward if transposed else nn.Conv2d.forward
    gradient = torch.ones_like(forward(conv, x))
    differentiated = list(conv.parameters())
    passes = 2
    if not first:
        differentiated.append(x)
        passes = 3

    def run() -> None:
        torch.autograd.grad(forward(conv, x), differentiated, gradient)

    grid = x if transposed else gradient  # the map whose every pixel meets all weights
    pixels = grid.shape[0] * grid.shape[2] * grid.shape[3]
    return ConvolutionPass(run, passes * 2 * conv.weight.numel() * pixels)


def print_limit(overrides: Sequence[str]) -> None:
    """What share of the convolutions' own rate a training step reaches."""
    settings = compose_run(overrides)
    batch, side = settings.data.batch_size, settings.data.crop_size
    network = UNet(settings.unet_config())
    initialise(network, seed=0)
    inputs = record_inputs(network, 255 * torch.rand(batch, 3, side, side))
    for dtype, precision in ((torch.float32, "32-true"), (torch.bfloat16, "bf16-mixed")):
        functions: dict[Any, Callable[[], Any]] = {}
        operations: dict[int, int] = {}
        for number, (conv, x) in enumerate(inputs):
            convolution = convolution_pass(conv, x, dtype, first=number == 0)
            functions[number] = convolution.run
            operations[number] = convolution.operations
        functions["step"] = training_step(network, batch, side, precision)
        times = interleaved_median(functions, ROUNDS)
        step = times.pop("step")
        alone, total = sum(times.values()), sum(operations.values())
        rates = [operations[number] / times[number] / 1e6 for number in operations]
        threads = torch.get_num_threads()
        print(f"{precision}, {threads} threads, {batch} crops of {side} pixels")
        print(
            f"  convolutions alone {alone:6.0f} ms {total / alone / 1e6:6.0f} GFLOP/s, "
            f"{min(rates):.0f} to {max(rates):.0f} by shape"
        )
        print(
            f"  a training step    {step:6.0f} ms {total / step / 1e6:6.0f} GFLOP/s, "
            f"{alone / step:.0%} of the limit, {1000 * batch / step:.0f} images/s"
        )


def without(network: UNet, *kinds: type[nn.Module]) -> UNet:
    """A copy in which layers of these kinds do nothing."""
    network = copy.deepcopy(network)
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, kinds):
                setattr(module, name, nn.Identity())
    return network


def print_ideas(overrides: Sequence[str]) -> None:
    """Forms of a training step in float32, as parts of the time of the step as a run takes it."""
    settings = compose_run(overrides)
    batch, side = settings.data.batch_size, settings.data.crop_size
    image = 255 * torch.rand(batch, 3, side, side)
    mask = torch.randint(0, 2, (batch, side, side))
    network = UNet(settings.unet_config())
    initialise(network, seed=0)
    as_run = BareStep(network, fast=True)
    norms = (nn.BatchNorm2d, nn.GroupNorm, nn.InstanceNorm2d)
    steps = {
        "as a run": as_run,
        "contiguous maps, an optimiser that is not fused": BareStep(network, fast=False),
        "without normalisation": BareStep(without(network, *norms), fast=True),
        "without normalisation and ReLU": BareStep(without(network, *norms, nn.ReLU), fast=True),
    }
    functions: dict[str, Callable[[], Any]] = {}
    for name, step in steps.items():
        functions[name] = partial(step.seconds, image, mask)
    for parts in (2, 4, batch):
        functions[f"the batch in {parts} parts"] = partial(as_run.seconds, image, mask, parts)
    times = interleaved_median(functions, ROUNDS)
    print(f"{batch} crops of {side} pixels, float32, {torch.get_num_threads()} threads")
    for name, milliseconds in times.items():
        print(f"{milliseconds:6.0f} ms  {milliseconds / times['as a run']:.2f}  {name}")
    print_weight_gradients(network, image)


def print_weight_gradients(network: UNet, image: Tensor) -> None:
    """The gradients of weights after skip connections: of all input channels, and of halves."""
    functions: dict[Any, Callable[[], Any]] = {}
    for conv, x in record_inputs(network, image):
        channels, height = x.shape[1:3]
        if isinstance(conv, nn.Conv2d) and channels == 2 * conv.out_channels:
            gradient = torch.ones_like(conv(x)).detach()
            for halves in (1, 2):
                inputs = x.chunk(halves, 1)
                weights = conv.weight.detach().chunk(halves, 1)
                functions[height, halves] = partial(weight_gradients, inputs, weights, gradient)
    times = interleaved_median(functions, ROUNDS)
    for height, halves in times:
        if halves == 2:
            whole = times[height, 1]
            half = times[height, 2]
            print(f"weights after the skip at {height} pixels: {whole:.0f} ms, halves {half:.0f}")


def weight_gradients(inputs: Sequence[Tensor], weights: Sequence[Tensor], gradient: Tensor) -> None:
    """The gradients of 3 x 3 kernels, for parts of the input's channels one after the other."""
    for x, weight in zip(inputs, weights, strict=True):
        x = x.contiguous(memory_format=torch.channels_last)
        torch.nn.grad.conv2d_weight(x, weight.shape, gradient, padding=1)


if __name__ == "__main__":
    tables = {"steps": print_steps, "limit": print_limit, "ideas": print_ideas}
    if len(sys.argv) < 2 or sys.argv[1] not in tables:
        sys.exit(__doc__)
    tables[sys.argv[1]](sys.argv[2:])
