"""Oxford-IIIT Pet: cats and dogs with their outlines (Parkhi et al. 2012), by torchvision."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.data.images import Pair, hold_out, read_sample
from unetlite.data.source import DATASETS, IGNORE, Sample, palette
from unetlite.errors import UsageError

PET, BACKGROUND, BORDER = 1, 2, 3  # values of the trimaps


@DATASETS.register("pets")
class Pets:
    """7349 photographs, 37 breeds, as a task of pet against background.

    Args:
        root: where the archive is, or is downloaded to (800 MB).
        download: fetch it if it is not there.
        border: what the uncertain rim of the pets is: "ignore", "pet", or "class" for a class of its own.
        val_fraction: share of the official trainval list held out for validation, drawn by `split_seed`.
        resize: shorter side in pixels to scale to; None keeps every size.
    """

    def __init__(
        self,
        *,
        root: str,
        download: bool = True,
        border: str = "ignore",
        val_fraction: float = 0.15,
        split_seed: int = 0,
        resize: int | None = None,
    ):
        from torchvision.datasets import OxfordIIITPet

        border_index = {"ignore": IGNORE, "pet": 1, "class": 2}
        if border not in border_index:
            raise UsageError(f"data.border={border}: choose one of {', '.join(border_index)}.")
        self.classes = ("background", "pet", "border") if border == "class" else ("background", "pet")
        self.colours = palette(len(self.classes))
        self.index_of = {BACKGROUND: 0, PET: 1, BORDER: border_index[border]}
        self.resize = resize
        pairs = {}
        for split in ("trainval", "test"):
            try:
                listed = OxfordIIITPet(root, split, target_types="segmentation", download=download)
            except (RuntimeError, OSError) as error:
                raise UsageError(
                    f"data.root={root}: Oxford-IIIT Pet is not there and could not be fetched ({error}). "
                    "Put images/ and annotations/ into its folder oxford-iiit-pet, or set data.download=true."
                ) from None
            files = zip(listed._images, listed._segs, strict=True)
            pairs[split] = [Pair(Path(image).stem, Path(image), Path(mask)) for image, mask in files]
        train, val = hold_out(pairs["trainval"], val_fraction, split_seed)
        self.pairs = {"train": train, "val": val, "test": pairs["test"]}

    def key(self) -> dict[str, Any]:
        files = [(split, pair.name, str(pair.image)) for split, pairs in self.pairs.items() for pair in pairs]
        return {"name": "pets", "files": files, "indices": list(self.index_of.values()), "resize": self.resize}

    def samples(self) -> dict[str, Iterable[Sample]]:
        read = partial(read_sample, to_indices=self._indices, shorter_side=self.resize)
        return {split: map(read, pairs) for split, pairs in self.pairs.items()}

    def _indices(self, trimap: np.ndarray, path: Path) -> np.ndarray:
        if unknown := set(np.unique(trimap).tolist()) - set(self.index_of):
            raise UsageError(
                f"{path} holds the value {min(unknown)}, but a trimap has 1 (pet), 2 (background), 3 (border)."
            )
        table = np.full(BORDER + 1, IGNORE, np.uint8)
        for value, index in self.index_of.items():
            table[value] = index
        return table[trimap]
