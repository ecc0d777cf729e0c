"""Arrays of NumPy, in .npy files."""

from pathlib import Path
from tokenize import TokenError

import numpy as np

from unetlite.data.formats.base import ImageFile
from unetlite.data.formats.pillow import DECODING_ERRORS
from unetlite.errors import UsageError, first_line


class NumpyFile(ImageFile):
    """An array (H, W), (H, W, C) or (C, H, W). Channels are the fewest."""

    def __init__(self, path: Path):
        super().__init__(path)
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (*DECODING_ERRORS, TokenError) as error:
            raise UsageError(f"{path}: {first_line(error)}. Repair it, or leave it out.") from None
        self.values = with_channels_first(array, path)
        self.channels, self.height, self.width = self.values.shape
        self.dtype = self.values.dtype

    def read(self, first: int, end: int) -> np.ndarray:
        return np.array(self.values[:, first:end])


def with_channels_first(array: np.ndarray, path: Path) -> np.ndarray:
    """The array as (C, H, W). Raises UsageError if it is not certain which axis has channels."""
    shape = array.shape
    if 0 in shape or array.dtype.kind not in "buif":
        raise UsageError(f"{path} holds {array.dtype} {shape}, which are no pixels.")
    if array.ndim == 2:
        return array[None]
    if array.ndim == 3 and shape[2] < min(shape[:2]):
        return array.transpose(2, 0, 1)
    if array.ndim == 3 and shape[0] < min(shape[1:]):
        return array
    raise UsageError(
        f"{path} has the shape {shape}; expected (H, W), or (H, W, C) or (C, H, W) "
        "with fewer channels than rows and columns."
    )
