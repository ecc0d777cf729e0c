"""Settings as they are typed."""

import pytest

from unetlite.settings.typed import format_setting


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{stem}_m.png", "\"k='{stem}_m.png'\""),
        ("a$b", "'k='\"'\"'a$b'\"'\"''"),
        (True, "k=true"),
        (0.0020, "k=0.002"),
        ([4, 6], "'k=[4,6]'"),
        ({"a": 0, "b": [1, 2]}, "'k={a: 0, b: [1, 2]}'"),
    ],
)
def test_a_setting_is_quoted_for_hydra_and_for_the_shell(value, expected):
    assert format_setting("k", value) == expected
