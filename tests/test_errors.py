"""Errors come back from worker processes, and are one line."""

import pickle
import signal

import pytest

from unetlite.errors import Interrupted, RunFailed, UsageError, first_line, require_extra


@pytest.mark.parametrize(
    "error",
    [UsageError("a"), RunFailed("b"), Interrupted(signal.SIGTERM, " at step 3")],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_back_from_another_process(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_a_missing_package_names_the_extra():
    with pytest.raises(UsageError, match=r'nothing is missing: pip install "unetlite\[demo\]"'):  # noqa: SIM117
        with require_extra("demo"):
            raise ImportError(name="nothing")


@pytest.mark.parametrize(
    ("message", "expected"),
    [("", "ValueError"), ("one\ntwo", "one"), ("x" * 300, "x" * 200)],
)
def test_the_first_line_of_an_error_is_short(message, expected):
    assert first_line(ValueError(message)) == expected
