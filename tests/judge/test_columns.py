"""Columns are those that are named, or those whose names leave no doubt."""

import pytest

from unetlite.errors import UsageError
from unetlite.judge.columns import find_columns, is_higher_better
from unetlite.judge.tables import read_table

ROLES = ("variant", "seed", "unit", "group", "score", "cost")


def columns_of(names, **options):
    cells = {name: "a" if name in ("Model", "net", "case") else "1" for name in names}
    return find_columns(read_table([cells]), {role: options.get(role) for role in ROLES})


def test_known_names_in_any_case_are_enough_and_the_rest_is_said_to_be_unused():
    names = ["Model", "Random Seed", "case-id", "Patient", "Dice", "epoch"]
    columns = columns_of(names)
    assert columns.used == {
        "variant": "Model",
        "seed": "Random Seed",
        "unit": "case-id",
        "group": "Patient",
        "score": "Dice",
    }
    table = read_table([dict.fromkeys(names, "1")])
    assert columns.reading(table).endswith("score = Dice; not used: epoch")
    assert columns.title == "Dice"


def test_what_is_named_wins_over_what_is_known():
    columns = columns_of(
        ["Model", "net", "s", "iou", "dice", "ms"],
        variant="NET",
        seed="s",
        score="iou",
        cost="ms",
    )
    assert (columns.variant, columns.seed, columns.score, columns.cost) == ("net", "s", "iou", "ms")


def test_a_table_without_variant_and_score_is_wide_if_all_the_rest_are_numbers():
    assert columns_of(["seed", "image", "ResNet", "nearest"]).wide == ("ResNet", "nearest")
    assert columns_of(["", "seed", "x", "y"]).wide == ("x", "y")  # an index has no name
    named = columns_of(["seed", "image", "dice", "loss", "n"], variant="dice, loss")
    assert named.wide == ("dice", "loss")


@pytest.mark.parametrize(
    "names", [["seed", "a", "epoch"], ["seed", "a", "b_latency"], ["seed", "a", "net"]]
)
def test_a_column_that_may_be_no_variant_makes_no_wide_table(names):
    with pytest.raises(UsageError, match=r"may be no variant; give --variant COLUMN .* A,B,"):
        columns_of(names)


def test_a_unit_can_be_its_own_group():
    for options in ({"group": "case"}, {"group": "case", "unit": "case"}):
        columns = columns_of(["Model", "seed", "case", "dice"], **options)
        assert (columns.unit, columns.group) == ("case", None)


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["Model", "method", "dice"], {}, "Model and method could each be the variant; say --vari"),
        (["Model", "dice", "mean iou"], {}, "--score dice or --score 'mean iou'"),
        (["seed", "dice"], {}, "which column names the variants"),
        (["Model", "x"], {}, "which column holds the scores"),
        (["Model", "dice"], {"score": "dise"}, "no column 'dise'; did you mean dice"),
        (["Model", "dice"], {"score": ""}, "no column ''"),
        (["Model", "dice"], {"seed": "Model"}, None),
        (["Model", "dice"], {"seed": "dice", "score": "dice"}, "--seed and --score are both dice"),
        (["seed", "a", "b"], {"variant": "a,b", "cost": "seed"}, "which has no column of a cost"),
        (["seed", "a", "b"], {"variant": "a,seed", "seed": "seed"}, "seed is read as another"),
        (["seed", "a", "b"], {"variant": "a,c"}, "no column 'c'"),
    ],
)
def test_what_is_in_doubt_is_refused_with_the_option(names, options, message):
    with pytest.raises(UsageError, match=message):
        columns_of(names, **options)


def test_an_error_is_not_taken_for_a_score_to_raise():
    for name in ("hd95", "val_loss", "Mean Error"):
        columns = columns_of(["Model", name], score=name)
        with pytest.raises(UsageError, match="may be an error; say --lower-is-better or"):
            is_higher_better(columns, None)
        assert is_higher_better(columns, True)
        assert not is_higher_better(columns, False)
    assert is_higher_better(columns_of(["Model", "dice"]), None)
