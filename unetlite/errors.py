"""How a command ends otherwise than well: by a user's mistake, by a machine that cannot, or by a signal."""

import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

MALFORMED = (RuntimeError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, MemoryError)
"""What reading content raises that is not what was expected."""


class UsageError(Exception):
    """A mistake in what was asked for. The message gives the value, what was expected and the remedy."""


class Failure(Exception):
    """What was asked for makes sense, and did not work out, such as a training that diverged; ends with exit code 1."""


class Stopped(BaseException):
    """A signal asked for the end. Not an Exception, so that nothing takes it for an error and goes on."""

    def __init__(self, number: int, note: str = ""):
        super().__init__(f"stopped by {signal.Signals(number).name}{note}")
        self.number = number


NO_MEMORY = "can't allocate memory", "not enough memory", "out of memory"  # in a RuntimeError of PyTorch
STOPPING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def mistakes_in_one_line() -> Iterator[None]:
    """Ends a command in one line for what its user can mend, and with the exit code that shells expect.

    2 for a mistake, and for what the machine refuses; 1 for a failure; 128 and the number of the signal that ended it.
    Any other exception is a defect, and keeps its traceback.
    """
    for stream in (sys.stdout, sys.stderr):  # a file's name need not be UTF-8, nor a terminal be able to show it
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        with raising_stopped():
            yield
    except (UsageError, Failure) as error:
        leave(str(error), 1 if isinstance(error, Failure) else 2)
    except Stopped as stopped:
        leave(str(stopped), 128 + stopped.number, "")
    except (OSError, MemoryError, RuntimeError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            leave(f"{os.fsdecode(error.filename)}: {error.strerror}.", 2)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            leave(f"{error.strerror}; make room, and start the same command again.", 2)
        if isinstance(error, MemoryError) or any(words in str(error) for words in NO_MEMORY):
            leave("this needs more memory than there is; take smaller images, windows or batches.", 2)
        raise


def leave(message: str, code: int, prefix: str = "error: ") -> None:
    """Ends the process."""
    print(f"{prefix}{message}", file=sys.stderr)
    sys.exit(code)


@contextmanager
def raising_stopped(handler: Any = None) -> Iterator[None]:
    """Signals that ask for the end raise Stopped in the block, or are given to `handler(number, frame)`."""

    def stop(number: int, frame: object) -> None:
        raise Stopped(number)

    if threading.current_thread() is not threading.main_thread():  # only that one may say what signals do
        yield
        return
    before = {number: signal.signal(number, handler or stop) for number in STOPPING}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


class TracebackOfDefect(AbstractContextManager[None]):
    """Prints the traceback of a defect where it happens: from a job in another process it does not come back."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, (UsageError, Failure)):
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
            choices += '; submitit and ray come with pip install "unetlite[launchers]"'
        raise UsageError(f"{group}={name} is not known; {choices}.") from None
    except MissingMandatoryValue as error:
        raise UsageError(f"{error.full_key} has no value; give {error.full_key}=...") from None
    except (HydraException, OmegaConfBaseException) as error:
        raise UsageError(" ".join(str(error).split())) from None
