"""Names and colours of classes."""

import pytest

from unetlite.classes import check_names, palette
from unetlite.errors import UsageError


def test_palette_colours_differ():
    assert len(set(palette(40))) == 40
    assert palette(3) == palette(40)[:3]


@pytest.mark.parametrize("name", ["", "a" * 101, "a\nb", "\x1b[2J", "<script>", "[red]", "a&b"])
def test_names_that_terminals_or_pages_would_interpret_are_refused(name):
    with pytest.raises(UsageError, match="the class name"):
        check_names(["water", name])


def test_names_of_any_language_are_accepted():
    check_names(["water", "Straße", "木 (high)", "a" * 100])
