"""The same image is one group, and never in two splits."""

import shutil

import pytest
from helpers import noise, save

from unetlite.data.duplicates import group_duplicates
from unetlite.data.folder import Folder
from unetlite.data.layouts.base import UNSPLIT, Pair
from unetlite.data.layouts.masks import MaskFile
from unetlite.errors import UsageError


def make_pairs(folder, seeds, groups=None):
    """Image k is that of its seed."""
    pairs = []
    for k, seed in enumerate(seeds):
        path = save(folder / f"{k}.png", noise(4, 5, seed=seed))
        group = groups[k] if groups else f"{k}"
        pairs.append(Pair(f"{k}", (path,), MaskFile(path), group))
    return pairs


def groups_of(splits):
    return [pair.group for pairs in splits.values() for pair in pairs]


def test_the_same_image_is_one_group_and_others_keep_theirs(tmp_path):
    splits, notes = group_duplicates({UNSPLIT: make_pairs(tmp_path, [1, 2, 1, 3, 2])})
    assert groups_of(splits) == ["0", "1", "0", "3", "1"]
    assert notes == [
        "4 files hold 2 images more than once, such as 0 and 2; the same image is one group"
    ]
    assert group_duplicates({UNSPLIT: make_pairs(tmp_path, [1, 2, 3])})[1] == []


def test_groups_that_share_an_image_become_one(tmp_path):
    pairs = make_pairs(tmp_path, [1, 1, 2, 2, 3, 4], "abbcdc")
    splits, _ = group_duplicates({UNSPLIT: pairs})
    assert groups_of(splits) == ["a", "a", "a", "a", "d", "a"]


def test_an_image_in_two_splits_is_refused_with_the_names(tmp_path):
    first = make_pairs(tmp_path / "a", [1, 2, 2])
    second = make_pairs(tmp_path / "b", [3, 2])
    message = r"a/1\.png and .*b/1\.png are the same image, in train and in test; keep one"
    with pytest.raises(UsageError, match=message):
        group_duplicates({"train": first, "test": second})
    with pytest.raises(UsageError, match="are the same image, in train and in test"):
        group_duplicates({"train": first, "test": first[:1]})  # one file in two lists
    splits, _ = group_duplicates({"train": first, "test": second[:1]})  # 0 is in both, and another
    assert groups_of(splits) == ["0", "1", "1", "0"]


@pytest.mark.parametrize("seed", range(5))
def test_a_draw_does_not_cut_what_is_the_same_and_a_table_must_not(tmp_path, seed):
    for k in range(8):
        save(tmp_path / "images" / f"{k}.png", noise(4, 5, seed=k))
        save(tmp_path / "masks" / f"{k}.png", noise(4, 5, seed=k) % 2)
        for part in ("images", "masks"):
            shutil.copy(tmp_path / part / f"{k}.png", tmp_path / part / f"again{97 - k}.png")
    folder = Folder(root=str(tmp_path), split_seed=seed)
    split_of = {pair.name: split for split, pairs in folder.pairs.items() for pair in pairs}
    assert all(split_of[f"{k}"] == split_of[f"again{97 - k}"] for k in range(8))
    split_of["0"] = "val" if split_of["0"] == "test" else "test"
    rows = [f"{name},{split}" for name, split in split_of.items()]
    (tmp_path / "splits.csv").write_text("\n".join(["id,split", *rows]))
    with pytest.raises(UsageError, match="are the same image"):
        Folder(root=str(tmp_path))
