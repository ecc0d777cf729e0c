"""The errors that a user reads."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PARSE_ERRORS = (
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    MemoryError,
)
"""What reading unexpected content raises."""


class UsageError(Exception):
    """A mistake of the user. The message gives the value, what was expected and the remedy."""


class InUse(UsageError):
    """Another process writes to the directory."""


class RunFailed(Exception):
    """A run that was asked for rightly and did not work out, such as a training that diverged."""


class Interrupted(BaseException):
    """A signal asked for the end. No Exception, so that no handler of errors goes on after it."""

    def __init__(self, number: int, note: str = ""):
        super().__init__(f"stopped by {signal.Signals(number).name}{note}")
        self.number = number
        self.note = note

    def __reduce__(self) -> tuple[Any, ...]:  # it comes back from another process
        return Interrupted, (self.number, self.note)


@contextmanager
def require_extra(extra: str) -> Iterator[None]:
    """Names the extra to install if an import in the block fails."""
    try:
        yield
    except ImportError as error:
        raise UsageError(
            f'the package {error.name} is missing: pip install "unetlite[{extra}]"'
        ) from None


def first_line(error: BaseException) -> str:
    """The first line of an error's message, at most 200 characters."""
    lines = str(error).strip().splitlines()
    if not lines:
        return type(error).__name__
    return lines[0][:200]
