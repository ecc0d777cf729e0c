"""Mistakes that a user can mend, and how they are told."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

MALFORMED = (RuntimeError, ValueError, TypeError, LookupError, AttributeError)
"""What reading content raises that is not what was expected."""


class UsageError(Exception):
    """A mistake in what was asked for. The message gives the value, what was expected and the remedy."""


@contextmanager
def mistakes_in_one_line() -> Iterator[None]:
    """Ends a user's mistake in one line and exit code 2; any other exception is a defect, and keeps its traceback."""
    try:
        yield
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


class TracebackOfDefect(AbstractContextManager[None]):
    """Prints the traceback of a defect where it happens: from a job in another process it does not come back."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, UsageError):
            traceback.print_exception(error)


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Names the extra to install if an import in the block fails."""
    try:
        yield
    except ImportError as error:
        raise UsageError(f'the package {error.name} is missing: pip install "unetlite[{extra}]"') from None


def first_line(error: BaseException) -> str:
    """The first line of what an error says, shortened to be read."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


@contextmanager
def hydra_mistakes() -> Iterator[None]:
    """Turns Hydra's and OmegaConf's complaints about a command line into a UsageError."""
    from hydra.errors import HydraException, MissingConfigException
    from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

    os.environ["HYDRA_FULL_ERROR"] = "1"  # without it Hydra prints several lines, and exits with code 1
    try:
        yield
    except MissingConfigException as error:
        group, _, name = (error.missing_cfg_file or "").rpartition("/")
        choices = f"choose one of {', '.join(error.options)}" if error.options else "there is no such file"
        if group == "hydra/launcher":
            choices += '; joblib, submitit and ray come with pip install "unetlite[launchers]"'
        raise UsageError(f"{group}={name} is not known; {choices}.") from None
    except MissingMandatoryValue as error:
        raise UsageError(f"{error.full_key} has no value; give {error.full_key}=...") from None
    except (HydraException, OmegaConfBaseException) as error:
        raise UsageError(" ".join(str(error).split())) from None
