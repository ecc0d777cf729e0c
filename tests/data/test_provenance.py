"""The data of a run: found where they are, and refused if they are others, with what changed."""

import shutil

import pytest
from helpers import add_images, invert_masks, turn_masks

from unetlite.data.cache import open_folder
from unetlite.data.provenance import load_run_data
from unetlite.errors import UsageError


def make_config(name, root, tmp_path):
    return {
        "data": {"name": name, "root": str(root), "batch_size": 4, "crop_size": 16,
                 "crops_per_image": 2, "num_workers": 0, "augment": {}},
        "data_dir": str(tmp_path),
        "seed": 3,
    }  # fmt: skip


def test_the_data_of_a_run_are_opened_by_its_stored_configuration(discs, tmp_path):
    data = load_run_data(make_config("folder", discs, tmp_path), None)
    assert data.seed == 3
    assert data.dataset.classes == ("background", "foreground")


def test_the_data_of_a_run_are_not_downloaded(tmp_path, monkeypatch):
    monkeypatch.setattr("unetlite.data.public.PublicDataset.fetch", None)  # a call would fail
    config = make_config("nuclei", tmp_path, tmp_path)
    config["data"]["download"] = True
    with pytest.raises(UsageError, match="is not there"):
        load_run_data(config, None)


def test_data_that_moved_are_found_by_their_content(discs, tmp_path):
    config = make_config("folder", discs, tmp_path)
    content_hash = load_run_data(config, None).dataset.content_hash
    moved = shutil.copytree(discs, tmp_path / "moved", copy_function=shutil.copy)
    shutil.rmtree(discs)
    with pytest.raises(UsageError, match="no such directory"):
        load_run_data(config, content_hash)
    found = load_run_data(config, content_hash, moved)
    assert found.dataset.content_hash == content_hash
    del config["data"]["root"]
    config["data"]["name"] = "coast"
    with pytest.raises(UsageError, match="coast is not read from a folder"):
        load_run_data(config, None, moved)


def remove_images(root):
    for kind in ("images", "masks"):
        (root / kind / "7.png").unlink()


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (invert_masks, "the masks differ"),
        (turn_masks, "the pixels of images or masks differ"),
        (add_images, r"1 image \(8\) added"),
        (remove_images, r"1 image \(7\) removed"),
    ],
)
def test_data_that_changed_are_refused_with_what_changed(discs, tmp_path, change, words, cached):
    config = make_config("folder", discs, tmp_path / "data")
    (tmp_path / "data").mkdir()
    content_hash = load_run_data(config, None).dataset.content_hash
    change(discs)
    if not cached:
        shutil.rmtree(tmp_path / "data" / "folder")
        open_folder.cache_clear()
        words = rf"{discs} holds now\. Give"
    with pytest.raises(UsageError, match=words):
        load_run_data(config, content_hash)
