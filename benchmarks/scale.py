"""How time and memory grow: python benchmarks/scale.py [--quick] [images side batch width threads]

Tables of the time of an image and the largest memory of a process against one thing each, all else as by default:
images in the set, side of the image, batch, width of the network, threads. Images are synthetic and written to a
temporary folder, as any data set is. Every row is a process of its own, so that its memory is its own.

In the table `images` memory is what the process itself holds, and beside it what the system keeps of mapped files,
which it gives back when others need it. The row "from the disk" drops all of the set from memory before every step, as
it is where the set is larger than memory: what was read is shown. To give it too little memory in earnest, where
systemd is:

systemd-run --user --scope -p MemoryMax=2G -p MemorySwapMax=0 python benchmarks/scale.py images
"""

import argparse
import json
import mmap
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from unetlite.compare.costs import training_step
from unetlite.data.batches import SegmentationData
from unetlite.data.samples import DATASETS, SPLITS, Sample
from unetlite.hardware import keep_memory
from unetlite.inference.metadata import Metadata
from unetlite.inference.model import Model, in_memory
from unetlite.inference.pytorch import PyTorch
from unetlite.network.measures import receptive_field
from unetlite.network.unet import UNet, initialise
from unetlite.settings import compose_run, loader_options, network_config

STEPS, QUICK = 5, 3  # after one that is not counted
IMAGE_SIDE = 96  # of the table `images`, so that 100,000 of them are 3.7 GB
MIB = 2**20


class Synthetic:
    """Discs on noise, the same noise for all: what an image shows says nothing here."""

    classes = ("background", "disc")
    colours = ((0, 114, 178), (230, 159, 0))

    def __init__(self, *, count: int, side: int):
        self.count, self.side = count, side

    def key(self) -> dict[str, Any]:
        return {"name": "synthetic", "count": self.count, "side": self.side}

    def samples(self) -> dict[str, Iterator[Sample]]:
        return {split: self.discs(split, self.count if split == "train" else 2) for split in SPLITS}

    def discs(self, split: str, count: int) -> Iterator[Sample]:
        random, side = np.random.default_rng(0), self.side
        noise = random.integers(0, 128, (3, side, side), np.uint8)
        y, x = np.ogrid[:side, :side]
        for k in range(count):
            top, left = random.integers(0, side, 2)
            mask = ((y - top) ** 2 + (x - left) ** 2 < (side / 4) ** 2).astype(np.uint8)
            yield Sample(f"{split}{k}", noise + 100 * mask, mask, f"{split}{k}")


class Rates:
    """Seconds of steps, and what of the process is in memory."""

    def __init__(self, steps: int):
        self.steps = steps

    def measure(self, function: Any, images: int) -> dict[str, float]:
        function()
        times = []
        for _ in range(self.steps):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
        return {"ms": 1000 * median(times) / images, **held()}


def held() -> dict[str, float]:
    """MiB: the most that the process has had, and where the system tells, what is its own and what is of files."""
    unit = 1 if sys.platform == "darwin" else 2**10
    found = {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB}
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    values = {key: value.split() for key, _, value in (line.partition(":") for line in lines)}
    for key, name in (("RssAnon", "own"), ("RssFile", "files")):
        if key in values:
            found[name] = int(values[key][0]) / 2**10
    return found


def read_bytes() -> int:
    """That this process has had read from a disk; 0 where the system does not tell."""
    file = Path("/proc/self/io")
    lines = file.read_text().splitlines() if file.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("read_bytes")), 0)


def network_of(config: dict[str, Any]) -> UNet:
    network = UNet(network_config(config))
    initialise(network, 0)
    return network.to(memory_format=torch.channels_last)


def images(rates: Rates, count: int, cold: bool, home: str) -> dict[str, float]:
    """Training steps, each after a batch of this many images was read; it computes with one of its own."""
    DATASETS.register("synthetic")(Synthetic)
    config = compose_run([])
    loader = loader_options({**config["data"], "crop_size": IMAGE_SIDE, "num_workers": 0})
    start = time.perf_counter()
    data = SegmentationData({"name": "synthetic", "count": count, "side": IMAGE_SIDE}, Path(home), loader, seed=0)
    opened, split = time.perf_counter() - start, data.store.splits["train"]
    data_config = {**config["data"], "crop_size": IMAGE_SIDE}
    step = training_step(network_of(config), {**config, "data": data_config})
    batches = endless(data)
    reads: list[int] = []

    def both() -> None:
        before = read_bytes()
        next(batches)
        step()
        reads.append(read_bytes() - before)
        if cold:
            for mapped in (split.images, split.masks):
                drop(mapped)

    # The first of these reads what is not in memory yet, which is not counted; then each but the last drops it again.
    found = rates.measure(both, loader.batch_size)
    size = (split.images.size + split.masks.size) / MIB
    return {**found, "opening": opened, "set": size, "read": median(reads[1:]) / MIB}


def endless(data: SegmentationData) -> Iterator[Any]:
    loader: Any = data.train_dataloader()
    epoch = 0
    while True:
        loader.sampler.set_epoch(epoch)
        for batch in loader:
            yield data.augment(*batch, seed=0)
        epoch += 1


def drop(mapped: Any) -> None:
    """Takes a mapped file out of memory, so that it is read from the disk again."""
    if not hasattr(os, "posix_fadvise"):
        raise SystemExit("this system cannot be asked to forget a file")
    mapped._mmap.madvise(mmap.MADV_DONTNEED)
    descriptor = os.open(mapped.filename, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def side(rates: Rates, pixels: int, train: bool) -> dict[str, float]:
    """One image: a training step, or a prediction by the library, which cuts what is large into tiles."""
    config = compose_run(["data.batch_size=1", f"data.crop_size={pixels}"])
    network = network_of(config)
    if train:
        return rates.measure(training_step(network, config), 1)
    metadata = Metadata(
        network=network.config, classes=Synthetic.classes, colours=Synthetic.colours, config=config, environment={},
        metrics={}, receptive_field=receptive_field(network.config),
    )  # fmt: skip
    model = Model(PyTorch(network.eval(), metadata, "cpu"))
    picture = in_memory(np.random.default_rng(0).integers(0, 256, (3, pixels, pixels), np.uint8))
    return rates.measure(lambda: [band.classes for band in model.bands(picture)], 1)


def step_of(rates: Rates, words: list[str]) -> dict[str, float]:
    """Training steps with these settings."""
    config = compose_run(words)
    return rates.measure(training_step(network_of(config), config), config["data"]["batch_size"])


KINDS = {"images": images, "side": side, "step": step_of}


def measured(home: str, kind: str, steps: int, threads: int | None = None, **options: Any) -> dict[str, float]:
    """One row, in a process of its own."""
    environment = os.environ | ({} if threads is None else {"OMP_NUM_THREADS": str(threads)})
    if kind == "images":
        options["home"] = home
    task = json.dumps({"kind": kind, "steps": steps, "options": options})
    done = subprocess.run([sys.executable, __file__, "--row", task], env=environment, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "killed", file=sys.stderr)
        return {}
    return json.loads(done.stdout.strip().splitlines()[-1])


def show(head: list[str], rows: Iterator[tuple[str, dict[str, float]]], columns: list[str]) -> None:
    print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for title, row in rows:
        cells = (
            f"{row[key]:.3g}" if key in row and row[key] < 100 else f"{row.get(key, np.nan):.0f}" for key in columns
        )
        print(f"| {title} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", default=[], help="of images, side, batch, width, threads")
    parser.add_argument("--quick", action="store_true", help="fewer and smaller rows")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.row:
        task = json.loads(given.row)
        keep_memory()
        print(json.dumps(KINDS[task["kind"]](Rates(task["steps"]), **task["options"])))
        return
    steps, wanted = QUICK if given.quick else STEPS, given.tables or ["images", "side", "batch", "width", "threads"]
    with tempfile.TemporaryDirectory() as home:

        def rows(kind: str, cases: dict[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, float]]]:
            for title, options in cases.items():
                yield title, measured(home, kind, **{"steps": steps, **options})

        time_and_memory = ["ms an image", "peak MiB"]
        if "images" in wanted:
            counts = [100, 1000, 5000] if given.quick else [100, 1000, 10_000, 100_000]
            cases = {f"{count:,}": {"count": count, "cold": False} for count in counts}
            cases[f"{counts[-1]:,}, from the disk"] = {"count": counts[-1], "cold": True, "steps": 2 * steps}
            head = [
                "images",
                "set, MiB",
                "read in a step, MiB",
                "ms an image",
                "own MiB",
                "of files, MiB",
                "opening, s",
            ]
            show(head, rows("images", cases), ["set", "read", "ms", "own", "files", "opening"])
        if "side" in wanted:
            sides = [64, 128, 256, 512] if given.quick else [64, 128, 256, 512, 1024, 2048, 4096]
            for title, train in (("predicted", False), ("trained", True)):
                cases = {str(n): {"pixels": n, "train": train} for n in sides if n <= 1024 or not train}
                show([f"side, pixels: {title}", *time_and_memory], rows("side", cases), ["ms", "peak"])
        tables = {
            "batch": [
                ([f"data.batch_size={n}"], str(n), None) for n in ([4, 16] if given.quick else [1, 2, 4, 8, 16, 32, 64])
            ],
            "width": [
                ([f"model.widths=[{','.join(str(n * 2**k) for k in range(5))}]"], f"{n} to {16 * n}", None)
                for n in ([8, 16] if given.quick else [8, 16, 32, 64])
            ],
            "threads": [([], str(n), n) for n in powers(torch.get_num_threads())],
        }
        for name, cases in tables.items():
            if name in wanted:
                chosen = {title: {"words": words, "threads": threads} for words, title, threads in cases}
                show([name, *time_and_memory], rows("step", chosen), ["ms", "peak"])


def powers(most: int) -> list[int]:
    """1, 2, 4 and so on, and the most."""
    return sorted({2**k for k in range(most.bit_length())} | {most})


if __name__ == "__main__":
    main()
