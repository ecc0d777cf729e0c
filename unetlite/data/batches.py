"""The LightningDataModule: which samples make a batch, in which order, and what happens to them on the way."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Sampler

from unetlite.data import coast, folders, public  # noqa: F401  each registers itself in DATASETS
from unetlite.data.augmentation import Augmentation
from unetlite.data.cache import Batch, Split, Window, open_store
from unetlite.data.samples import DATASETS
from unetlite.seeding import derive_seed
from unetlite.settings import HOME, LoaderOptions, loader_options, source_options


class RandomWindows(Sampler[Window]):
    """For training: square windows, of every image equally often in an epoch, as (seed, epoch) alone decide."""

    def __init__(self, split: Split, loader: LoaderOptions, seed: int):
        self.sizes, self.crop_size, self.seed = split.sizes, loader.crop_size, seed
        self.count = len(split) * loader.crops_per_image
        self.epoch, self.done = 0, (0, 0)  # an epoch, and its windows that an interrupted run has seen

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Window]:
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "windows", self.epoch))
        order = torch.randperm(self.count, generator=generator).tolist()
        places = torch.rand(self.count, 2, generator=generator).tolist()
        seen = self.done[1] if self.epoch == self.done[0] else 0
        for image, (down, right) in zip(order[seen:], places[seen:], strict=True):
            # The places are fractions, in [0, 1), of the room that the image has.
            height, width = self.sizes[image % len(self.sizes)]
            top = int(down * (max(0, height - self.crop_size) + 1))
            left = int(right * (max(0, width - self.crop_size) + 1))
            yield Window(image % len(self.sizes), top, left, self.crop_size, self.crop_size)


def whole_images(split: Split, max_pixels: int) -> list[list[Window]]:
    """Batches for evaluation: whole images, unpadded, so only images of equal size share a batch."""
    by_size: dict[tuple[int, int], list[Window]] = {}
    for index, size in enumerate(split.sizes):
        by_size.setdefault(size, []).append(split.whole(index))
    batches = []
    for (height, width), windows in by_size.items():
        count = max(1, max_pixels // (height * width))
        batches += [windows[i : i + count] for i in range(0, len(windows), count)]
    return batches


class SegmentationData(LightningDataModule):
    """Batches of a data set of DATASETS, decoded once and kept in `directory`.

    `seed` decides windows, order and augmentation; `steps` is how many of training were taken before an interruption.
    """

    def __init__(self, source: Mapping[str, Any], directory: Path, loader: LoaderOptions, *, seed: int, steps: int = 0):
        super().__init__()
        self.loader, self.seed, self.steps = loader, seed, steps
        self.augment = Augmentation(loader.augment)
        self.store = open_store(DATASETS.build(source), directory / source["name"], f"data={source['name']}")
        # Without gradients, a batch may hold twice the pixels of a training batch.
        pixels, splits = 2 * loader.batch_size * loader.crop_size**2, self.store.splits
        self.evaluated = {split: whole_images(splits[split], pixels) for split in ("val", "test")}

    def train_dataloader(self) -> DataLoader:
        windows = RandomWindows(self.store.splits["train"], self.loader, self.seed)
        batch_size = min(self.loader.batch_size, len(windows))
        epoch, steps = divmod(self.steps, len(windows) // batch_size)
        windows.done = epoch, steps * batch_size
        return self._load("train", sampler=windows, batch_size=batch_size, drop_last=True)

    def val_dataloader(self) -> DataLoader:
        return self._load("val", batch_sampler=self.evaluated["val"])

    def test_dataloader(self) -> DataLoader:
        return self._load("test", batch_sampler=self.evaluated["test"])

    @property
    def tested(self) -> dict[str, list[str]]:
        """Name and group of the test images in the order of `test_dataloader`."""
        order = [window.image for batch in self.evaluated["test"] for window in batch]
        split = self.store.splits["test"]
        return {"image": [split.names[k] for k in order], "group": [split.groups[k] for k in order]}

    def images_of_step(self, step: int) -> list[str]:
        """Names of the images in the training batch of a step."""
        loader: Any = self.train_dataloader()
        loader.sampler.done = (0, 0)
        loader.sampler.epoch, batch = divmod(step, len(loader))
        chosen = list(loader.sampler)[batch * loader.batch_size : (batch + 1) * loader.batch_size]
        return [self.store.splits["train"].names[window.image] for window in chosen]

    def _load(self, split: str, **batching: Any) -> DataLoader:
        workers, pinned = self.loader.num_workers, torch.cuda.is_available()
        batching |= {"num_workers": workers, "persistent_workers": workers > 0, "pin_memory": pinned}
        return DataLoader(self.store.splits[split], **batching)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        if self.trainer is None or not self.trainer.training:
            return batch
        # The number of steps taken stands for (epoch, batch number), and survives an interruption.
        return Batch(*self.augment(*batch, seed=derive_seed(self.seed, "augment", self.trainer.global_step)))


def data_of_run(config: Mapping[str, Any]) -> SegmentationData:
    """The data set of a run's configuration, as it is on this machine; nothing is downloaded."""
    source, directory = source_options(config["data"]), Path(config["data_dir"])
    if "download" in source:
        source["download"] = False
    directory = directory if directory.is_dir() else HOME / "data"
    return SegmentationData(source, directory, loader_options(config["data"]), seed=config["seed"])
