"""Training, validation and test images: disjoint, repeatable, and never through a group."""

from pathlib import Path

import pytest

from unetlite.data.layouts.base import Pair
from unetlite.data.layouts.masks import MaskFile
from unetlite.data.samples import SPLITS
from unetlite.data.splits import (
    Draw,
    check_split_groups,
    complete_splits,
    hold_out,
    split_by_share,
    split_by_table,
)
from unetlite.errors import UsageError


def make_pairs(count, groups=None):
    """Image K of group K, or of one of so many groups."""
    pairs = []
    for k in range(count):
        group = f"{k}" if groups is None else f"group{k % groups}"
        mask = MaskFile(Path(f"masks/{k}.png"))
        pairs.append(Pair(f"{k}", (Path(f"images/{k}.png"),), mask, group))
    return pairs


def names(splits):
    return {split: [pair.name for pair in pairs] for split, pairs in splits.items()}


def test_splits_by_share_are_disjoint_repeatable_and_follow_their_seed():
    pairs = make_pairs(40)
    splits = split_by_share(pairs, Draw(0.15, 0.15, 0))
    assert {split: len(members) for split, members in splits.items()} == {
        "train": 28,
        "val": 6,
        "test": 6,
    }
    assert len({name for members in names(splits).values() for name in members}) == 40
    assert splits == split_by_share(pairs[::-1], Draw(0.15, 0.15, 0))
    assert splits["test"] != split_by_share(pairs, Draw(0.15, 0.15, 1))["test"]


def test_the_draw_of_a_seed_is_that_of_earlier_versions():
    """Published results depend on it."""
    _, held_out = hold_out(make_pairs(20), 3, seed=0)
    assert [pair.name for pair in held_out] == ["12", "15", "3"]


@pytest.mark.parametrize("count", [3, 4, 7])
def test_every_split_of_a_small_set_has_an_image(count):
    splits = split_by_share(make_pairs(count), Draw(0.45, 0.45, 0))
    assert min(map(len, splits.values())) >= 1
    assert sum(map(len, splits.values())) == count


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_never_cut_by_a_split_that_is_drawn(seed):
    pairs = make_pairs(24, groups=6)
    splits = split_by_share(pairs, Draw(0.15, 0.15, seed))
    groups = [{pair.group for pair in members} for members in splits.values()]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 6
    assert [len(splits[split]) for split in SPLITS] == [16, 4, 4]
    assert all(split_by_share(pairs, Draw(0.49, 0.49, seed)).values())


@pytest.mark.parametrize(
    ("pairs", "val", "test", "message"),
    [
        (make_pairs(9), 0.6, 0.5, "val_fraction=0.6, data.test_fraction=0.5: leave"),
        (make_pairs(2), 0.1, 0.1, r"2 images: at least 3 are needed"),
        (make_pairs(6, groups=1), 0.1, 0.1, r"6 images in 1 group: at least 3"),
    ],
)
def test_shares_that_leave_a_split_empty_are_refused(pairs, val, test, message):
    with pytest.raises(UsageError, match=message):
        split_by_share(pairs, Draw(val, test, 0))


@pytest.mark.parametrize("missing", ["val", "test"])
def test_a_split_that_is_missing_is_drawn_from_train_by_groups(missing):
    pairs = make_pairs(20, groups=10)
    (given,) = {"val", "test"} - {missing}
    other = make_pairs(30)[20:]
    splits, (note,) = complete_splits({given: other, "train": pairs}, Draw(0.2, 0.2, 0))
    assert list(splits) == list(SPLITS)
    assert splits[given] == other
    assert len(splits[missing]) == 4
    check_split_groups(splits)
    assert note == (f"there is no {missing} split; drawn for it: 4 of 20 train images, by groups")
    with pytest.raises(UsageError, match=f"at least 2 are needed, one each to train, {missing}"):
        complete_splits({given: other, "train": pairs[:1]}, Draw(0.2, 0.2, 0))


def test_splits_are_drawn_from_train_alone_and_never_from_others():
    splits, notes = complete_splits({"train": make_pairs(20)}, Draw(0.1, 0.2, 0))
    assert [len(splits[split]) for split in SPLITS] == [14, 2, 4]
    assert notes == ["the val and test splits are drawn from train"]
    with pytest.raises(UsageError, match="there are val and test images, but no train images"):
        complete_splits({"val": make_pairs(9), "test": make_pairs(9)}, Draw(0.1, 0.2, 0))


def test_a_group_in_two_splits_is_refused():
    pairs = make_pairs(4, groups=2)
    check_split_groups({"train": pairs[::2], "val": pairs[1::2]})
    with pytest.raises(UsageError, match=r"images/2\.png: its group group0 is in train and in val"):
        check_split_groups({"train": pairs[:2], "val": pairs[2:]})


@pytest.mark.parametrize("column", ["id", "name", "image", "file"])
def test_splits_by_a_table(tmp_path, column):
    table = tmp_path / "splits.csv"
    table.write_text(f"{column},split\n0,test\n1.png,train\n2,val\n3,train\n")
    splits = split_by_table(make_pairs(4), table, with_groups=True)
    assert names(splits) == {"train": ["1", "3"], "val": ["2"], "test": ["0"]}
    assert splits["train"][1].group == "3"


def test_a_table_of_splits_may_name_groups(tmp_path):
    table = tmp_path / "splits.csv"
    table.write_text("id,split,group\n0,test,a\n1,train, b\n2,val,c\n3,train,b\n")
    splits = split_by_table(make_pairs(4), table, with_groups=True)
    assert [pair.group for pair in splits["train"]] == ["b", "b"]
    splits = split_by_table(make_pairs(4), table, with_groups=False)
    assert [pair.group for pair in splits["train"]] == ["1", "3"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,split\n0,test\n1,train\n2,holdout\n", "line 4: split 'holdout' of 2 is not one of"),
        ("id,split\n0,test\n1,train\n", r"which split images/2.png is \(1 image not"),
        ("id,split\n0,test\n1\n2,val\n", "line 3 has 1 cells, but the header 2"),
        ("id,split\n0,test\n1,train\n2,val\n7,val\n", "line 5: there is no image 7"),
        ("id,split\n0,test\n1,train\n2,val\n2.png,test\n", "2 is in val and in test"),
        ("id,split,group\n0,test,a\n1,train,\n2,val,c\n", "line 3: the group of 1 is empty"),
        ("picture,part\n0,test\n", "has the columns picture, part; it needs id and split"),
        ("", "holds no rows below a header"),
        (b"id,split\n\xff,test\n", "cannot be read as CSV in UTF-8"),
    ],
)
def test_a_table_that_does_not_say_all_splits_is_refused(tmp_path, content, message):
    table = tmp_path / "splits.csv"
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=rf"splits\.csv.*{message}"):
        split_by_table(make_pairs(3), table, with_groups=True)
