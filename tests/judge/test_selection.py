"""One table may hold several data sets: one is judged at a time, and the message says how."""

import pytest

from unetlite.errors import UsageError
from unetlite.judge.judgement import judge


def make_rows(column, alike):
    """Two data sets, whose images have the same names or not."""
    rows = []
    for name in ("crack", "nuclei"):
        for variant in ("a", "b"):
            for seed in range(3):
                for image in range(6):
                    label = f"{image}" if alike else f"{name}{image}"
                    score = 0.5 + 0.01 * ((7 * seed + 3 * image + (variant == "b")) % 5)
                    row = {"model": variant, "seed": seed, "image": label, column: name}
                    rows.append({**row, "dice": score + 0.1 * (name == "crack")})
    return rows


@pytest.mark.parametrize("column", ["set", "Data Set", "site"])
@pytest.mark.parametrize("alike", [True, False])
def test_several_sets_are_refused_and_the_option_selects_one(column, alike):
    rows = make_rows(column, alike)
    if column != "site" or alike:
        with pytest.raises(UsageError, match=r"crack, nuclei.*") as error:
            judge(rows)
        assert "--where" in str(error.value)
        assert f"{column}=crack" in str(error.value)
    chosen = judge(rows, where={column.lower(): "nuclei"})
    alone = judge([row for row in rows if row[column] == "nuclei"])
    assert chosen.regret == alone.regret
    assert chosen.scores.images == alone.scores.images
    assert any(f"{column.lower()} = nuclei" in text for text in chosen.reading)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"set": "crak"}, "--where set=crak: the table has no such row; the set is crack, nuclei"),
        ({"sett": "crack"}, "--where sett=crack: the table has no column 'sett'; did you mean set"),
    ],
)
def test_a_selection_of_nothing_is_refused(where, message):
    with pytest.raises(UsageError, match=message):
        judge(make_rows("set", True), where=where)
