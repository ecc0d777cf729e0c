"""How a command ends: in one line, with the exit code that a shell expects."""

import os
import sys
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress

from unetlite.errors import Interrupted, RunFailed, UsageError
from unetlite.files import DISK_FULL
from unetlite.signals import raise_on_signal

FAILED, USAGE = 1, 2  # exit codes; a signal ends with 128 and its number

OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")
"""Parts of PyTorch's RuntimeError for a lack of memory."""

KILLED = (
    "a worker process was killed, as systems do when memory runs out; take fewer workers, or "
    "smaller crops or batches. The same command with resume=auto goes on."
)


@contextmanager
def cli_errors() -> Iterator[None]:
    """Ends the program in one line for what its user can mend.

    The exit code is 2 for a mistake and for what the machine refuses, 1 for a run that failed, 128
    and the number of the signal that ended it. Any other exception is a defect and keeps its
    traceback.
    """
    for stream in (sys.stdout, sys.stderr):
        # The name of a file need not be UTF-8, and a terminal need not be able to show it.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    threading.excepthook = print_thread_error
    try:
        with raise_on_signal():
            yield
    except UsageError as error:
        exit_with_error(f"error: {error}", USAGE)
    except RunFailed as error:
        exit_with_error(f"error: {error}", FAILED)
    except Interrupted as interrupted:
        exit_with_error(str(interrupted), 128 + interrupted.number)
    except BrokenProcessPool:
        exit_with_error(f"error: {KILLED}", FAILED)
    except (OSError, MemoryError, RuntimeError) as error:
        stopped = interruption_behind(error)
        if stopped is not None:
            exit_with_error(str(stopped), 128 + stopped.number)
        message = machine_error(error)
        if message is None:
            raise
        exit_with_error(f"error: {message}", USAGE)


def print_thread_error(arguments: threading.ExceptHookArgs) -> None:
    """Prints what ended a thread, but for a full disk: who waits for the thread meets it, too."""
    error = arguments.exc_value
    if not (isinstance(error, OSError) and error.errno in DISK_FULL):
        threading.__excepthook__(arguments)


def machine_error(error: Exception) -> str | None:
    """What a machine lacks, in words; None for a defect of the program."""
    if isinstance(error, OSError):
        place = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        if error.errno in DISK_FULL:
            return f"{place}{error.strerror}; make room there, and start again."
        if place and isinstance(error, (FileExistsError, NotADirectoryError)):
            return f"{place}a file is where a folder is needed; choose another place."
        if place:
            return f"{place}{error.strerror}."
    if isinstance(error, RuntimeError) and str(error).startswith("DataLoader worker"):
        return KILLED
    if isinstance(error, MemoryError) or any(words in str(error) for words in OUT_OF_MEMORY):
        return "this needs more memory than there is; take smaller images, crops or batches."
    return None


def interruption_behind(error: BaseException) -> Interrupted | None:
    """The signal to stop that hides behind an error, or None.

    When a terminal is closed it sends a signal, and what is printed on the way out fails.
    """
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, Interrupted):
        behind = behind.__context__
    return behind


def exit_with_error(message: str, code: int) -> None:
    """Prints a message on stderr, if that is there, and ends the process."""
    with suppress(OSError):
        print(message, file=sys.stderr)
    sys.exit(code)


@contextmanager
def print_unexpected() -> Iterator[None]:
    """Prints the traceback of a defect where it happens: from another process it is lost.

    An error on the way out after a signal to stop is no defect: the signal ends a sweep.
    """
    try:
        yield
    except (UsageError, RunFailed):
        raise
    except Exception as error:
        stopped = interruption_behind(error)
        if stopped is not None:
            raise stopped from None
        traceback.print_exception(error)
        raise
