"""unetlite beside other networks, each trained as its own documentation says.

pip install ".[bench]"                                    the peers
python benchmarks/peers.py                                all, 60 s of training each, one seed
python benchmarks/peers.py --seeds 3 --json peers.json    medians of three
python benchmarks/peers.py --recipe ours                  unetlite's loss, optimiser and schedule
python benchmarks/peers.py --recipe all                   its bfloat16 and memory format, too
python benchmarks/peers.py --only unetlite,monai --seconds 5 upsample=nearest

All train in one process on the processor, on the same images, splits, crops, flips and batches
(coast), and the same mean and deviation of the pixels. They take turns of two seconds, so that the
load of the machine falls on all alike. `--seconds` are of steps alone: data and augmentation count,
evaluation does not. Every schedule is stretched over them, as somebody with so much time would do.
Validation images are scored four times an epoch. "s to" is the first time at which their mean IoU
is reached, and > where it never was. All weights are those after the last step. No weights are
pre-trained. unetlite runs in this loop, not in its own, which costs 4 % more.

Memory is how much the largest size of a process of its own grows by three steps. Latencies are of
one image of 256 x 256, raw pixels to logits, medians in turn. Every network is exported in float32,
bfloat16 and int8 alike, and the fastest counts: "int8" is unetlite's own quantisation of
convolutions, which the peers' documentations do not have. What it costs in mean IoU is measured.
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
from recipes import NAMES, PEERS, TICKS, Normalised, Recipe, unetlite_recipe
from torch import Tensor, nn

from unetlite.data.cache import Batch
from unetlite.data.loader import SegmentationData
from unetlite.device import environment, keep_memory
from unetlite.metrics.boundary import BoundaryIoU
from unetlite.metrics.overlap import SegmentationScores
from unetlite.network.complexity import count_parameters
from unetlite.network.initialization import initialise
from unetlite.network.unet import UNet
from unetlite.seeding import derive_seed
from unetlite.settings.composition import compose_run
from unetlite.settings.schema import Settings

TARGETS = (0.95, 0.96)  # of the validation images' mean IoU
TURN = 2.0  # seconds of training at a time
EVALUATIONS = 4  # in an epoch
MEMORY_STEPS = 3


class Task(NamedTuple):
    """What all are trained on."""

    data: SegmentationData
    settings: Settings


def make_task(overrides: list[str], seed: int) -> Task:
    settings = compose_run([*overrides, f"seed={seed}"])
    data = SegmentationData(settings.data, Path(settings.data_dir), seed=seed)
    return Task(data, settings)


def training_batches(task: Task) -> Iterator[Batch]:
    """The batches of a run with this seed, without end: the same for all."""
    loader: Any = task.data.train_dataloader()
    steps = count()
    for epoch in count():
        loader.sampler.set_epoch(epoch)
        for batch in loader:
            seed = derive_seed(task.settings.seed, "augment", next(steps))
            yield Batch(*task.data.augment(batch.image, batch.mask, seed=seed))


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
    curve: list[tuple[float, float]] = field(default_factory=list)  # seconds, validation mean IoU

    def __post_init__(self) -> None:
        if self.recipe.channels_last:
            self.network.to(memory_format=torch.channels_last)
        self.optimizer = self.recipe.optimizer(self.network.parameters())
        self.schedule = self.recipe.schedule(self.optimizer)
        self.batches = training_batches(self.task)
        self.steps_per_epoch = len(self.task.data.train_dataloader())

    def logits(self, image: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.bfloat16):
            return self.network(image)

    def step(self) -> None:
        start = time.perf_counter()
        batch = next(self.batches)
        loss = self.recipe.loss(self.logits(batch.image).float(), batch.mask.long())
        self.optimizer.zero_grad()
        loss.backward()
        if self.recipe.clip > 0:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        self.optimizer.step()
        seconds = time.perf_counter() - start
        self.times.append(seconds)
        self.seconds += seconds
        # Schedules are functions of their step, which here is the share of the time that is spent.
        tick = min(TICKS - 1, int(TICKS * self.seconds / self.limit))
        self.schedule.last_epoch = tick - 1
        self.schedule.step()

    def train(self, until: float) -> None:
        """Steps until so many seconds are spent, scored four times an epoch and at the end."""
        self.network.train()
        while self.seconds < min(until, self.limit):
            before = EVALUATIONS * len(self.times) // self.steps_per_epoch
            self.step()
            if EVALUATIONS * len(self.times) // self.steps_per_epoch > before:
                self.validate()
        if self.seconds >= self.limit:
            self.validate()

    def validate(self) -> None:
        miou, _ = self.scores("val")
        self.curve.append((self.seconds, miou))
        self.network.train()

    @torch.inference_mode()
    def scores(self, split: str) -> tuple[float, float]:
        """Mean IoU and boundary IoU of a split, "val" or "test"."""
        self.network.eval()
        data = self.task.data
        overlap = SegmentationScores(data.dataset.classes)
        boundary = BoundaryIoU(data.dataset.classes, width=1)
        loader = data.val_dataloader() if split == "val" else data.test_dataloader()
        for image, mask in loader:
            classes = self.logits(image.float()).argmax(1)
            overlap.update(classes, mask)
            boundary.update(classes, mask)
        return float(overlap.compute()["miou"]), float(boundary.compute())

    def seconds_to(self, target: float) -> float | None:
        """Seconds until the validation mean IoU was reached; None if it never was."""
        for seconds, miou in self.curve:
            if miou >= target:
                return seconds
        return None


def make_contender(name: str, task: Task, limit: float, recipe: str) -> Contender:
    """The contender of this name, with weights drawn by the seed."""
    dataset = task.data.dataset
    options = task.settings.trainer
    shared_recipe = unetlite_recipe(options, fast=recipe == "all")
    if name in PEERS:
        peer = PEERS[name]
        torch.manual_seed(task.settings.seed)
        network = Normalised(peer.build(), dataset.mean, dataset.std.clamp(min=1), peer.key)
        chosen = peer.recipe() if recipe == "own" else shared_recipe
        return Contender(peer.title, network, chosen, task, limit)
    settings = task.settings
    if name == "classic":
        settings = compose_run(["model=classic", f"seed={settings.seed}"])
    unet = UNet(settings.unet_config(dataset.channels, len(dataset.classes)))
    initialise(unet, settings.seed)
    unet.set_normalisation(dataset.mean, dataset.std)
    if name == "classic":
        # Its authors' optimiser is for batches of one image and no norm, so it gets unetlite's.
        return Contender("the classic U-Net, plain PyTorch", unet, shared_recipe, task, limit)
    title = f"unetlite mini, {unet.config.upsample['name']}"
    return Contender(title, unet, unetlite_recipe(options, fast=True), task, limit)


def train_all(names: list[str], task: Task, limit: float, recipe: str) -> dict[str, Contender]:
    """All of them, in turn."""
    contenders = {name: make_contender(name, task, limit, recipe) for name in names}
    until = 0.0
    while until < limit:
        until = min(until + TURN, limit)
        scores = []
        for name, contender in contenders.items():
            contender.train(until)
            if contender.curve:
                scores.append(f"{name} {contender.curve[-1][1]:.4f}")
        print(f"{until:4.0f} s  {'  '.join(scores)}", file=sys.stderr, flush=True)
    return contenders


def memory_of_training(name: str, recipe: str, overrides: list[str]) -> float:
    """MiB by which the largest size of this process grows when it trains the network."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    task = make_task(overrides, 0)
    if name == "unetlite":
        keep_memory()  # as a run does
    if name in PEERS:
        PEERS[name].recipe()  # imports the library
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    contender = make_contender(name, task, math.inf, recipe)
    for _ in range(MEMORY_STEPS):
        contender.step()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / unit


def measure_memory(name: str, recipe: str, overrides: list[str]) -> float:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--memory-of", name, "--recipe", recipe, *overrides]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(result.stdout.split()[-1])


def summarise(runs: list[Contender]) -> dict[str, Any]:
    """The runs of a network with several seeds: medians, and the values of each."""
    first = runs[0]
    by_seed: dict[str, list[Any]] = {"images_per_second": [], "test_miou": [], "boundary_iou": []}
    for target in TARGETS:
        by_seed[f"seconds_to_{target}"] = [run.seconds_to(target) for run in runs]
    for run in runs:
        miou, boundary_iou = run.scores("test")
        batch = run.task.data.options.batch_size
        by_seed["images_per_second"].append(batch / median(run.times))
        by_seed["test_miou"].append(miou)
        by_seed["boundary_iou"].append(boundary_iou)
    summary: dict[str, Any] = {key: median_or_never(values) for key, values in by_seed.items()}
    summary["title"] = first.title
    summary["parameters"] = count_parameters(first.network)
    summary["seconds"] = first.limit
    summary["by_seed"] = by_seed
    summary["curves"] = [run.curve for run in runs]
    return summary


def median_or_never(values: list[float | None]) -> float | None:
    """The median, in which what never came is later than all."""
    middle = median(math.inf if value is None else value for value in values)
    return None if middle == math.inf else middle


def table(results: dict[str, dict[str, Any]]) -> str:
    """Markdown, a row a network."""
    rows = [table_row(summary) for summary in results.values()]
    head = list(rows[0])
    lines = [head, ["---"] * len(head), *(list(row.values()) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def table_row(summary: dict[str, Any]) -> dict[str, str]:
    """The cells of a network by heading, empty where nothing was measured."""
    row = {"network": summary["title"], "parameters": f"{summary['parameters'] / 1e6:.2f} M"}
    for target in TARGETS:
        seconds = summary[f"seconds_to_{target}"]
        cell = f"> {summary['seconds']:.0f}" if seconds is None else f"{seconds:.1f}"
        row[f"s to {target:.2f}"] = cell
    row["images/s"] = f"{summary['images_per_second']:.1f}"
    row["test mIoU"] = f"{summary['test_miou']:.4f}"
    row["boundary IoU"] = f"{summary['boundary_iou']:.4f}"
    row["memory, MiB"] = f"{summary['memory']:.0f}" if "memory" in summary else ""
    headings = ("eager, ms", "best float32 export, ms", "best export, ms", "its test mIoU")
    row.update(dict.fromkeys(headings, ""))
    if "best" in summary:
        runtime = summary["float32"].removesuffix(" float32")
        row["eager, ms"] = f"{summary['eager_ms']:.1f}"
        row["best float32 export, ms"] = f"{summary['float32_ms']:.1f} ({runtime})"
        row["best export, ms"] = f"{summary['best_ms']:.1f} ({summary['best']})"
        row["its test mIoU"] = f"{summary['best_test_miou']:.4f}"
    return row


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="settings of train.py")
    parser.add_argument("--seconds", type=float, default=60, help="of training, for each")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", default=",".join(NAMES), help=f"of {','.join(NAMES)}")
    recipes = ("own", "ours", "all")
    parser.add_argument("--recipe", choices=recipes, default="own", help="of the peers")
    rounds = "of latencies; 0 leaves them and the memory out"
    parser.add_argument("--rounds", type=int, default=15, help=rounds)
    parser.add_argument("--json", type=Path, help="where the figures go")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    return parser.parse_intermixed_args()


def main() -> None:
    options = parse_arguments()
    if options.memory_of:
        print(memory_of_training(options.memory_of, options.recipe, options.overrides))
        return
    names = [name for name in NAMES if name in options.only.split(",")]
    memory = {}
    if options.rounds:
        for name in names:
            memory[name] = measure_memory(name, options.recipe, options.overrides)
    keep_memory()  # for all of them: in one process there is no other way
    runs: dict[str, list[Contender]] = {name: [] for name in names}
    for seed in range(options.seeds):
        task = make_task(options.overrides, seed)
        for name, contender in train_all(names, task, options.seconds, options.recipe).items():
            runs[name].append(contender)
    results = {name: summarise(by_seed) for name, by_seed in runs.items()}
    if options.rounds:
        latencies = measure_latencies({name: runs[name][0] for name in names}, options.rounds)
        for name in names:
            results[name]["memory"] = memory[name]
            results[name].update(latencies[name])

    machine = environment()
    print(f"\n{machine['processor']}, {machine['threads']} threads, PyTorch {machine['torch']}")
    print(
        f"{options.seconds:g} s of training each, seeds: {options.seeds}, "
        f"recipe of the peers: {options.recipe}\n\n{table(results)}"
    )
    if options.json:
        arguments = {**vars(options), "json": str(options.json)}
        record = {"environment": machine, "arguments": arguments, "networks": results}
        options.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
