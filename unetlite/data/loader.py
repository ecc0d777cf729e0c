"""The LightningDataModule: which crops make a batch, in which order, and their augmentation."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Sampler

from unetlite.data import coast, folder, public  # noqa: F401  each registers itself in DATASETS
from unetlite.data.augmentation import Augmentation
from unetlite.data.cache import Batch, Crop, Split, open_decoded
from unetlite.data.samples import DATASETS
from unetlite.errors import UsageError
from unetlite.seeding import derive_seed
from unetlite.settings.schema import DataOptions


class RandomCrops(Sampler[Crop]):
    """Square crops for training, of every image that is not held out equally often in an epoch.

    Order and places depend on (seed, epoch) alone.
    """

    def __init__(self, split: Split, options: DataOptions, seed: int):
        self.sizes = split.sizes
        held_out = set(held_out_images(split, options.held_out))
        self.images = [index for index in range(len(split)) if index not in held_out]
        self.crop_size = options.crop_size
        self.seed = seed
        self.count = len(self.images) * options.crops_per_image
        self.epoch = 0
        self.resumed_epoch = 0  # the epoch that was interrupted
        self.resumed_crops = 0  # how many of its crops were seen before

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Crop]:
        first = self.resumed_crops if self.epoch == self.resumed_epoch else 0
        return islice(self.crops_of(self.epoch), first, None)

    def crops_of(self, epoch: int) -> Iterator[Crop]:
        """All crops of an epoch, in their order."""
        # "windows" is part of the seed of all published results.
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "windows", epoch))
        order = torch.randperm(self.count, generator=generator).tolist()
        places = torch.rand(self.count, 2, generator=generator).tolist()
        for number, (down, right) in zip(order, places, strict=True):
            image = self.images[number % len(self.images)]
            height, width = self.sizes[image]
            # Down and right are fractions, in [0, 1), of the room that the image leaves the crop.
            top = int(down * (max(0, height - self.crop_size) + 1))
            left = int(right * (max(0, width - self.crop_size) + 1))
            yield Crop(image, top, left, self.crop_size, self.crop_size)


def held_out_images(split: Split, part: str | None) -> list[int]:
    """The images in a part of a split, such as "1/2" for the first of two; none without a part.

    Groups are dealt out in turn, so none is in two parts. Raises UsageError for more parts than
    groups.
    """
    if part is None:
        return []
    number, parts = map(int, part.split("/"))
    groups = list(dict.fromkeys(split.groups))
    if parts > len(groups):
        raise UsageError(
            f"data.held_out={part}: the training images are of {len(groups)} groups, and no group "
            "is in two parts; give fewer parts."
        )
    chosen = set(groups[number - 1 :: parts])
    return [index for index, group in enumerate(split.groups) if group in chosen]


def full_crops(split: Split, max_pixels: int) -> list[list[Crop]]:
    """Batches for evaluation: whole images, unpadded, so a batch has images of one size."""
    by_size: dict[tuple[int, int], list[Crop]] = {}
    for index, size in enumerate(split.sizes):
        by_size.setdefault(size, []).append(split.full_crop(index))
    batches = []
    for (height, width), crops in by_size.items():
        count = max(1, max_pixels // (height * width))
        for start in range(0, len(crops), count):
            batches.append(crops[start : start + count])
    return batches


class SegmentationData(LightningDataModule):
    """Batches of a data set of DATASETS, decoded once into `directory`.

    `seed` decides crops, order and augmentation. `steps` were taken before an interruption.
    """

    def __init__(
        self,
        options: DataOptions,
        directory: Path,
        *,
        seed: int,
        steps: int = 0,
    ):
        super().__init__()
        self.options = options
        self.seed = seed
        self.steps = steps
        name = options.dataset["name"]
        self.directory = directory / name  # of decoded data
        source = DATASETS.build(options.dataset)
        self.remarks: list[str] = getattr(source, "remarks", [])  # how a folder was read
        table = getattr(source, "table", None)
        self.mask_values = None if table is None else table.settings()
        self.dataset = open_decoded(
            source,
            self.directory,
            f"data={name}",
            options.display,
        )
        statistics = self.dataset.statistics
        self.augment = Augmentation(options.augment, statistics.low, statistics.high)
        # Without gradients, a batch may hold twice the pixels of a training batch.
        max_pixels = 2 * options.batch_size * options.crop_size**2
        self.val_batches = full_crops(self.dataset.splits["val"], max_pixels)
        self.test_batches = full_crops(self.dataset.splits["test"], max_pixels)

    def train_dataloader(self) -> DataLoader:
        crops = RandomCrops(self.dataset.splits["train"], self.options, self.seed)
        batch_size = min(self.options.batch_size, len(crops))
        steps_per_epoch = len(crops) // batch_size
        crops.resumed_epoch = self.steps // steps_per_epoch
        crops.resumed_crops = self.steps % steps_per_epoch * batch_size
        return self._loader(
            "train",
            sampler=crops,
            batch_size=batch_size,
            drop_last=True,
        )

    def val_dataloader(self) -> DataLoader:
        return self._loader("val", batch_sampler=self.val_batches)

    def test_dataloader(self) -> DataLoader:
        return self._loader("test", batch_sampler=self.test_batches)

    @property
    def tested(self) -> dict[str, list[str]]:
        """Name and group of the test images in the order of `test_dataloader`."""
        return self._rows("test", self.test_batches)

    @property
    def validated(self) -> dict[str, list[str]]:
        """Name and group of the validation images in the order of `val_dataloader`."""
        return self._rows("val", self.val_batches)

    def _rows(self, name: str, batches: list[list[Crop]]) -> dict[str, list[str]]:
        split = self.dataset.splits[name]
        names, groups = [], []
        for batch in batches:
            for crop in batch:
                names.append(split.names[crop.image])
                groups.append(split.groups[crop.image])
        return {"image": names, "group": groups}

    def images_of_step(self, step: int) -> list[str]:
        """Names of the images in the training batch of a step."""
        loader: Any = self.train_dataloader()
        crops = loader.sampler.crops_of(step // len(loader))
        first = step % len(loader) * loader.batch_size
        batch = islice(crops, first, first + loader.batch_size)
        return [self.dataset.splits["train"].names[crop.image] for crop in batch]

    def _loader(self, split: str, **batching: Any) -> DataLoader:
        workers = self.options.num_workers
        return DataLoader(
            self.dataset.splits[split],
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available(),
            **batching,
        )

    def on_after_batch_transfer(
        self,
        batch: Batch,
        dataloader_idx: int,
    ) -> Batch:
        if self.trainer is None or not self.trainer.training:
            return batch
        # The number of steps stands for (epoch, batch number), and survives an interruption.
        seed = derive_seed(self.seed, "augment", self.trainer.global_step)
        image, mask = self.augment(batch.image, batch.mask, seed=seed)
        return Batch(image, mask)
