"""The list of a folder's images."""

import pytest
from helpers import noise, save

from unetlite.data.image_files import list_images
from unetlite.errors import UsageError


def test_images_are_named_by_their_relative_path_and_sorted(tmp_path):
    for name in ("b.png", "day/a.JPG", "a.tif"):
        save(tmp_path / name, noise(4, 4))
    (tmp_path / "notes.txt").touch()
    (tmp_path / "folder.png").mkdir()
    assert list(list_images(tmp_path)) == ["a", "b", "day/a"]


def test_hidden_files_and_folders_do_not_count(tmp_path):
    root = tmp_path / ".hidden"  # what lies above does not matter
    for name in ("0.png", ".thumbnails/0.png", ".1.png"):
        save(root / name, noise(4, 4))
    assert list(list_images(root)) == ["0"]


def test_links_to_folders_are_followed_but_not_in_a_circle(tmp_path):
    save(tmp_path / "elsewhere" / "0.png", noise(4, 4))
    root = tmp_path / "root"
    root.mkdir()
    (root / "day").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "again").symlink_to(root)
    assert list(list_images(root)) == ["day/0"]


def test_two_files_of_one_name_are_refused(tmp_path):
    for name in ("2.png", "2.jpg"):
        save(tmp_path / name, noise(4, 4))
    with pytest.raises(UsageError, match=r"2\.png and .*2\.jpg have the same name"):
        list_images(tmp_path)
