"""Arrays of NumPy: which axis has the channels."""

import numpy as np
import pytest
from helpers import noise

from unetlite.data.formats.npy import NumpyFile
from unetlite.errors import UsageError


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_channels_are_the_first_axis_or_the_last(tmp_path, dtype):
    values = noise(5, 9, 8).astype(dtype)
    for array in (values, values.transpose(1, 2, 0)):
        np.save(tmp_path / "a.npy", array)
        file = NumpyFile(tmp_path / "a.npy")
        assert (file.channels, file.height, file.width, file.dtype) == (5, 9, 8, dtype)
        assert np.array_equal(file.read(2, 6), values[:, 2:6])
    np.save(tmp_path / "grey.npy", values[0])
    assert np.array_equal(NumpyFile(tmp_path / "grey.npy").read(0, 9), values[:1])


@pytest.mark.parametrize(
    "array",
    [noise(9, 9, 9), noise(4, 9, 8, 3), np.zeros((0, 4)), noise(6, 8) * 1j, np.array([["a"]])],
    ids=["uncertain axis", "four axes", "empty", "complex", "text"],
)
def test_what_is_no_image_is_refused_in_words(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UsageError, match=r"a\.npy (holds|has the shape)"):
        NumpyFile(tmp_path / "a.npy")


def test_objects_are_never_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[{}]], object), allow_pickle=True)
    with pytest.raises(UsageError, match=r"a\.npy"):
        NumpyFile(tmp_path / "a.npy")


def test_a_damaged_file_is_refused_in_words(tmp_path, damage):
    np.save(tmp_path / "a.npy", noise(24, 30, 3))
    messages = damage(tmp_path / "a.npy", lambda: NumpyFile(tmp_path / "a.npy").read(0, 24))
    assert len(messages) > 20
