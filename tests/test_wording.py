"""Words of sentences."""

from unetlite.wording import counted, join_names


def test_names_in_a_sentence():
    assert join_names(["a"]) == "a"
    assert join_names(["a", "b"]) == "a and b"
    assert join_names(["a", "b", "c"], "or") == "a, b or c"
    assert [counted(number, "seed") for number in (0, 1, 2)] == ["0 seeds", "1 seed", "2 seeds"]
