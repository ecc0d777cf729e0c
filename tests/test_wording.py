"""Words of sentences."""

from unetlite.wording import counted, join_names, list_first


def test_names_in_a_sentence():
    assert join_names(["a"]) == "a"
    assert join_names(["a", "b"]) == "a and b"
    assert join_names(["a", "b", "c"], "or") == "a, b or c"
    assert [counted(number, "seed") for number in (0, 1, 2)] == ["0 seeds", "1 seed", "2 seeds"]


def test_the_first_of_many():
    assert list_first([3, 1], 2) == "3, 1"
    assert list_first(["a", "b", "c"], 2) == "a, b, ..."
    assert list_first([], 2) == ""
