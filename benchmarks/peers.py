"""unetlite beside other networks, each in the settings that its own documentation gives: pip install ".[bench]"

python benchmarks/peers.py                                  all, 60 s of training each, one seed
python benchmarks/peers.py --seeds 3 --json peers.json      medians of three
python benchmarks/peers.py --recipe ours                    peers with unetlite's loss, optimiser and schedule
python benchmarks/peers.py --recipe all                     and in its bfloat16 and memory format, too
python benchmarks/peers.py --only unetlite,monai --seconds 5 upsample=nearest    settings of train.py at the end

One process, on the processor: the same images, splits, windows, flips and batches for all (coast), and the same mean
and deviation of the pixels. They train in turn, a slice of two seconds each, so that what else the machine does falls
on all alike. `--seconds` are of steps alone, data and augmentation included, evaluation not. Every schedule is
stretched over them, which is what somebody with so much time would do. Validation images are scored four times an
epoch; "s to" is the first time at which their mean IoU is there, and > where it never was. All weights are those after
the last step. No weights are pre-trained. unetlite runs in this loop, not in its own, which costs 4 % more.

Memory is how much the largest size of a process of its own grows by three steps. Latencies are of one image of
256 x 256, raw pixels to logits, medians in turn. Every network is exported in float32, bfloat16 and int8 alike, and is
given the fastest of all: "int8" is unetlite's own quantisation of convolutions, which the peers' documentations do not
have. The mean IoU of what was exported is measured, too, since that is what pays for it.
"""

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from latencies import measure_latencies  # the files beside this one
from recipes import NAMES, PEERS, TICKS, Normalised, Recipe, ours
from torch import Tensor, nn

from unetlite.data.batches import Batch, SegmentationData
from unetlite.hardware import environment, keep_memory
from unetlite.metrics.boundary import BoundaryIoU
from unetlite.metrics.overlap import SegmentationScores
from unetlite.network.measures import parameters
from unetlite.network.unet import UNet, initialise
from unetlite.seeding import derive_seed
from unetlite.settings import compose_run, network_config, read_settings

TARGETS = (0.95, 0.96)  # of the validation images' mean IoU
SLICE = 2.0  # seconds of training at a time
EVALUATIONS = 4  # in an epoch
MEMORY_STEPS = 3


class Task(NamedTuple):
    """What all are trained on."""

    data: SegmentationData
    config: dict[str, Any]
    options: Any  # of the trainer
    seed: int


def make_task(words: list[str], seed: int) -> Task:
    config = compose_run([*words, f"seed={seed}"])
    settings = read_settings(config)
    data = SegmentationData(settings.source, Path(settings.data_dir), settings.loader, seed=seed)
    return Task(data, config, settings.trainer, seed)


@dataclass
class Contender:
    """A network that is trained by its recipe, and what it has reached."""

    title: str
    network: nn.Module
    recipe: Recipe
    task: Task
    limit: float  # seconds
    seconds: float = 0.0
    times: list[float] = field(default_factory=list)  # seconds of each step
    curve: list[tuple[float, float]] = field(default_factory=list)  # seconds, and mean IoU of the validation images

    def __post_init__(self) -> None:
        if self.recipe.channels_last:
            self.network.to(memory_format=torch.channels_last)
        self.optimizer = self.recipe.optimizer(self.network.parameters())
        self.schedule = self.recipe.schedule(self.optimizer)
        self.batches = self.endless()
        self.per_epoch = len(self.task.data.train_dataloader())

    def endless(self) -> Iterator[Batch]:
        """The batches of a run with this seed: the same for all."""
        loader: Any = self.task.data.train_dataloader()
        step = count()
        for epoch in count():
            loader.sampler.set_epoch(epoch)
            for batch in loader:
                augmented = self.task.data.augment(*batch, seed=derive_seed(self.task.seed, "augment", next(step)))
                yield Batch(*augmented)

    def run(self, image: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.bfloat16):
            return self.network(image)

    def step(self) -> None:
        start = time.perf_counter()
        batch = next(self.batches)
        loss = self.recipe.loss(self.run(batch.image).float(), batch.mask.long())
        self.optimizer.zero_grad()
        loss.backward()
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        self.optimizer.step()
        self.times.append(time.perf_counter() - start)
        self.seconds += self.times[-1]
        # Schedules are functions of their step, which here is the share of the time that is spent.
        self.schedule.last_epoch = min(TICKS - 1, int(TICKS * self.seconds / self.limit)) - 1
        self.schedule.step()

    def train(self, until: float) -> None:
        """Steps until so many seconds of them are spent, scored four times an epoch and at the end."""
        self.network.train()
        while self.seconds < min(until, self.limit):
            self.step()
            steps = len(self.times)
            if EVALUATIONS * steps // self.per_epoch > EVALUATIONS * (steps - 1) // self.per_epoch:
                self.validate()
        if self.seconds >= self.limit:
            self.validate()

    def validate(self) -> None:
        self.curve.append((self.seconds, self.scores("val")[0]))
        self.network.train()

    @torch.inference_mode()
    def scores(self, split: str) -> tuple[float, float]:
        """Mean IoU and boundary IoU of a split."""
        self.network.eval()
        data = self.task.data
        overlap, boundary = SegmentationScores(data.store.classes), BoundaryIoU(data.store.classes, width=1)
        for image, mask in data.val_dataloader() if split == "val" else data.test_dataloader():
            classes = self.run(image.float()).argmax(1)
            overlap.update(classes, mask)
            boundary.update(classes, mask)
        return float(overlap.compute()["miou"]), float(boundary.compute())

    def reached(self, target: float) -> float | None:
        return next((seconds for seconds, value in self.curve if value >= target), None)


def make(name: str, task: Task, limit: float, recipe: str) -> Contender:
    """The contender of this name, with weights drawn by the seed."""
    store = task.data.store
    if name in PEERS:
        title, build, own, key = PEERS[name]
        torch.manual_seed(task.seed)
        network: nn.Module = Normalised(build(), store.mean, store.std.clamp(min=1), key)
        chosen = own() if recipe == "own" else ours(task.options, fast=recipe == "all")
        return Contender(title, network, chosen, task, limit)
    config = task.config
    if name == "classic":
        config = compose_run(["model=classic", f"seed={task.seed}"])
    unet = UNet(network_config(config, in_channels=store.channels, num_classes=len(store.classes)))
    initialise(unet, task.seed)
    unet.set_normalisation(store.mean, store.std)
    operator = unet.config.upsample["name"]
    if (
        name == "classic"
    ):  # its authors' optimiser is for batches of one image and no norm: it gets ours, in plain eager
        fast = recipe == "all"
        return Contender("the classic U-Net, plain PyTorch", unet, ours(task.options, fast=fast), task, limit)
    return Contender(f"unetlite mini, {operator}", unet, ours(task.options, fast=True), task, limit)


def train(names: list[str], task: Task, limit: float, recipe: str) -> dict[str, Contender]:
    """All of them, in turn."""
    contenders = {name: make(name, task, limit, recipe) for name in names}
    until = 0.0
    while until < limit:
        until = min(until + SLICE, limit)
        for contender in contenders.values():
            contender.train(until)
        shown = "  ".join(f"{name} {c.curve[-1][1]:.4f}" for name, c in contenders.items() if c.curve)
        print(f"{until:4.0f} s  {shown}", file=sys.stderr, flush=True)
    return contenders


def memory(name: str, recipe: str, words: list[str]) -> float:
    """MiB by which the largest size of this process grows when it trains the network."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    task = make_task(words, 0)
    if name == "unetlite":
        keep_memory()  # as a run does
    if name in PEERS:
        PEERS[name][2]()  # imports it
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    contender = make(name, task, math.inf, recipe)
    for _ in range(MEMORY_STEPS):
        contender.step()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / unit


def measure_memory(name: str, recipe: str, words: list[str]) -> float:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--memory-of", name, "--recipe", recipe, *words]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def table(results: dict[str, dict[str, Any]]) -> str:
    """Markdown, a row a network."""
    head = ["network", "parameters", *(f"s to {target:.2f}" for target in TARGETS), "images/s", "test mIoU"]
    head += ["boundary IoU", "memory, MiB", "eager, ms", "best float32 export, ms", "best export, ms", "its test mIoU"]
    rows = [head, ["---"] * len(head)]
    for each in results.values():
        reached = (each[f"seconds_to_{target}"] for target in TARGETS)
        row = [each["title"], f"{each['parameters'] / 1e6:.2f} M"]
        row += [f"> {each['seconds']:.0f}" if value is None else f"{value:.1f}" for value in reached]
        row += [f"{each['images_per_second']:.1f}", f"{each['test_miou']:.4f}", f"{each['boundary_iou']:.4f}"]
        row += [f"{each['memory']:.0f}" if "memory" in each else ""]
        if "best" in each:
            row += [f"{each['eager_ms']:.1f}", f"{each['float32_ms']:.1f} ({each['float32'].rpartition(' ')[0]})"]
            row += [f"{each['best_ms']:.1f} ({each['best']})", f"{each['best_test_miou']:.4f}"]
        rows.append(row + [""] * (len(head) - len(row)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def middle(values: list[float | None]) -> float | None:
    """The median, in which what never came is later than all."""
    found = median(math.inf if value is None else value for value in values)
    return None if found == math.inf else found


def summary(runs: list[Contender]) -> dict[str, Any]:
    """Of the runs of a network with several seeds: medians, and each."""
    tests = [run.scores("test") for run in runs]
    batch = runs[0].task.data.loader.batch_size
    each: dict[str, list[Any]] = {f"seconds_to_{target}": [run.reached(target) for run in runs] for target in TARGETS}
    each["images_per_second"] = [batch / median(run.times) for run in runs]
    each["test_miou"], each["boundary_iou"] = ([test[k] for test in tests] for k in (0, 1))
    found = {key: middle(values) for key, values in each.items()}
    of_first = {"title": runs[0].title, "parameters": parameters(runs[0].network), "seconds": runs[0].limit}
    return {**of_first, **found, "by_seed": each, "curves": [run.curve for run in runs]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="KEY=VALUE", help="settings of train.py, for unetlite and the data")
    parser.add_argument("--seconds", type=float, default=60, help="of training, for each")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", default=",".join(NAMES), help=f"of {','.join(NAMES)}")
    parser.add_argument("--recipe", choices=("own", "ours", "all"), default="own", help="of the peers")
    parser.add_argument("--rounds", type=int, default=15, help="of latencies; 0 leaves them and the memory out")
    parser.add_argument("--json", type=Path, help="where the figures go")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    given = parser.parse_intermixed_args()
    if given.memory_of:
        print(memory(given.memory_of, given.recipe, given.words))
        return
    names = [name for name in NAMES if name in given.only.split(",")]
    memories = {name: measure_memory(name, given.recipe, given.words) for name in names if given.rounds}
    keep_memory()  # for all of them: in one process there is no other way
    runs: dict[str, list[Contender]] = {name: [] for name in names}
    for seed in range(given.seeds):
        for name, contender in train(names, make_task(given.words, seed), given.seconds, given.recipe).items():
            runs[name].append(contender)
    results = {name: summary(each) for name, each in runs.items()}
    for name, value in memories.items():
        results[name]["memory"] = value
    if given.rounds:
        for name, found in measure_latencies({name: each[0] for name, each in runs.items()}, given.rounds).items():
            results[name] |= found
    where = environment()
    print(f"\n{where['processor']}, {where['threads']} threads, PyTorch {where['torch']}; {given.seconds:g} s of")
    print(f"training each, seeds: {given.seeds}, recipe of the peers: {given.recipe}\n\n{table(results)}")
    if given.json:
        record = {"environment": where, "arguments": {**vars(given), "json": str(given.json)}, "networks": results}
        given.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
