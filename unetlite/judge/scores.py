"""Scores of variants: a value for every variant, seed and test image."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np


@dataclass(frozen=True)
class Scores:
    """The same S seeds and N images for every variant. The mean of a table is its variant's score.

    A score of a whole data set, such as mean IoU, is no mean over images. Its tables hold the
    influence of each image, whose mean it is.
    """

    values: dict[str, np.ndarray]  # by variant: (S, N)
    seeds: list[int]
    images: list[str]
    groups: list[str]  # of each image, such as a region or a patient

    def complete(self) -> "Scores":
        """Without the images that have no value (NaN) in some run."""
        has_value = np.ones(len(self.images), bool)
        for table in self.values.values():
            has_value &= ~np.isnan(table).any(0)
        return self._with_images(has_value)

    def without(self, variants: Collection[str], seeds: Collection[int]) -> "Scores":
        """The same without these variants and seeds."""
        kept = [seed not in seeds for seed in self.seeds]
        values = {}
        for name, table in self.values.items():
            if name not in variants:
                values[name] = table[kept]
        return replace(self, values=values, seeds=list(compress(self.seeds, kept)))

    def without_image(self, image: str) -> "Scores":
        """The same without this image."""
        return self._with_images(np.array(self.images) != image)

    def _with_images(self, kept: np.ndarray) -> "Scores":
        """The same with the images that are kept, true in (N,)."""
        return replace(
            self,
            values={name: table[:, kept] for name, table in self.values.items()},
            images=list(compress(self.images, kept)),
            groups=list(compress(self.groups, kept)),
        )

    def means(self) -> dict[str, float]:
        """The score of every variant."""
        return {name: table.mean() for name, table in self.values.items()}

    def by_run(self) -> dict[str, dict[int, float]]:
        """The score of every training, by variant and seed."""
        runs = {}
        for name, table in self.values.items():
            runs[name] = dict(zip(self.seeds, table.mean(1).tolist(), strict=True))
        return runs

    def by_group(self, variants: Iterable[str]) -> dict[str, np.ndarray]:
        """Tables (S, G) of these variants with the same means, a column for each group."""
        return {name: sum_by_group(self.values[name], self.groups) for name in variants}


def sum_by_group(table: np.ndarray, groups: Sequence[str]) -> np.ndarray:
    """(S, N) -> (S, G) with the same mean: the share of each group, in the order of their names."""
    names, group_of_image = np.unique(groups, return_inverse=True)
    membership = np.eye(len(names))[group_of_image]  # (N, G)
    return table @ membership * len(names) / table.shape[1]
