"""What all schedulers share: which training is next, what is tried again, and how each ended."""

import os
import platform
import signal
import sys
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from unetlite.errors import Interrupted, InUse, RunFailed, UsageError, first_line
from unetlite.exit_codes import KILLED, machine_error
from unetlite.files import name_full_disk
from unetlite.run_directory import is_in_use
from unetlite.settings.schema import Settings

T = TypeVar("T")

POLL = 0.02  # seconds
PATIENCE = 1  # seconds until a directory in use is looked at again
TRIES = 3  # of a training whose worker is lost; in the last one no other training runs


@dataclass(frozen=True)
class Outcome:
    """How a training ended. What it found is in its run directory."""

    settings: Settings
    failure: str | None = None  # why it has no result; None if it is finished


class WorkerLost(Exception):
    """A worker ended before its training, which goes on from its checkpoint."""


class MemoryLacking(WorkerLost):
    """A training did not get the memory that it needs. It may do so with no other beside it."""


class Task(Protocol):
    """A training that a worker has taken."""

    def done(self) -> bool:
        """True if it has ended, in whatever way."""

    def result(self) -> Exception | None:
        """What `run_training` returned, or a WorkerLost."""


@dataclass(eq=False)
class Attempt:
    """A training on its way to an outcome."""

    settings: Settings
    tries: int = 0
    alone: bool = False  # no other training may run beside it
    not_before: float = 0  # by time.monotonic()
    task: Task | None = None

    @property
    def name(self) -> str:
        return f"upsample={self.settings.upsample['name']} seed={self.settings.seed}"

    def may_begin(self) -> bool:
        """True if it can begin. It waits while another process writes its directory."""
        if time.monotonic() < self.not_before:
            return False
        if is_in_use(Path(self.settings.run_dir)):
            self.wait()
            return False
        return True

    def wait(self) -> None:
        """Notes that its directory is in use."""
        if self.not_before == 0:
            print(f"{self.name}: another process trains it; waiting for that", flush=True)
        self.not_before = time.monotonic() + PATIENCE


@dataclass
class Agenda:
    """The trainings that are running, and those that wait."""

    jobs: Iterator[Settings]  # not begun yet; asked for one when a slot is free
    waiting: list[Attempt] = field(default_factory=list)
    running: list[Attempt] = field(default_factory=list)
    exhausted: bool = False  # the jobs

    @property
    def is_over(self) -> bool:
        return self.exhausted and not self.waiting and not self.running

    def next(self) -> Attempt | None:
        """The training to begin now, None if there is none."""
        if any(attempt.alone for attempt in self.running):
            return None
        for attempt in self.waiting:
            is_possible = not attempt.alone or not self.running
            if is_possible and attempt.may_begin():
                self.waiting.remove(attempt)
                return attempt
        if self.exhausted or any(attempt.alone for attempt in self.waiting):
            return None
        settings = next(self.jobs, None)
        if settings is None:
            self.exhausted = True
            return None
        attempt = Attempt(settings)
        if attempt.may_begin():
            return attempt
        self.waiting.append(attempt)
        return None


class Scheduler(ABC):
    """Runs trainings, `slots` at once. Use it as a context manager.

    However it is left, by an error or a signal too, its workers end: a training that runs saves its
    checkpoint first.
    """

    slots: int

    @abstractmethod
    def start(self, settings: Settings) -> Task:
        """Gives a training to a free worker."""

    def call(self, function: Callable[..., T], *arguments: object) -> T:
        """What a function returns where trainings run. Raises what it raises."""
        return function(*arguments)

    @abstractmethod
    def close(self, at_once: bool) -> None:
        """Ends the workers, `at_once` those that train, too."""

    def __enter__(self) -> "Scheduler":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.close(at_once=error is not None)

    def run(self, jobs: Iterable[Settings]) -> Iterator[Outcome]:
        """Trains all jobs, and yields the outcome of each. A job is taken when a slot is free.

        A training whose worker is lost goes on from its checkpoint with another one, TRIES times at
        most. Raises UsageError and OSError of a training, which concern the others as well.
        """
        agenda = Agenda(iter(jobs))
        while not agenda.is_over:
            self._fill(agenda)
            time.sleep(POLL)
            for attempt in list(agenda.running):
                assert attempt.task is not None
                if attempt.task.done():
                    agenda.running.remove(attempt)
                    outcome = conclude(attempt, attempt.task.result())
                    if outcome is None:
                        agenda.waiting.append(attempt)
                    else:
                        yield outcome

    def _fill(self, agenda: Agenda) -> None:
        """Begins trainings while there are free slots."""
        while len(agenda.running) < self.slots:
            attempt = agenda.next()
            if attempt is None:
                return
            attempt.tries += 1
            attempt.task = self.start(attempt.settings)
            agenda.running.append(attempt)


def conclude(attempt: Attempt, error: Exception | None) -> Outcome | None:
    """The outcome of a training by what ended it; None if it is to be tried again."""
    if isinstance(error, InUse):
        attempt.tries -= 1
        attempt.wait()
        return None
    if isinstance(error, WorkerLost):
        return retry(attempt, error)
    if error is None or isinstance(error, RunFailed):
        return Outcome(attempt.settings, None if error is None else str(error))
    raise error


def retry(attempt: Attempt, lost: WorkerLost) -> Outcome | None:
    """Prepares another try of a training, or gives its outcome if it had enough."""
    if attempt.alone:
        return Outcome(
            attempt.settings,
            f"{lost}, in try {attempt.tries} and with no other training beside it. Take a smaller "
            "data.batch_size or data.crop_size if memory ran out",
        )
    attempt.alone = isinstance(lost, MemoryLacking) or attempt.tries == TRIES - 1
    beside = ", with no other beside it" if attempt.alone else ""
    print(f"{attempt.name}: {lost}; it goes on from its checkpoint{beside}", flush=True)
    return None


def set_threads(threads: int) -> None:
    """The threads of this process, whether PyTorch is loaded or not."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


def call_in_worker(function: Callable[..., T], threads: int, arguments: Sequence[object]) -> T:
    """What a function returns in a process of a cluster."""
    set_threads(threads)
    return function(*arguments)


def run_training(settings: Settings, shared: Sequence[Path] = ()) -> Exception | None:
    """One training, in a worker which must see the `shared` files.

    Returns what ended it, None if it is finished. RunFailed concerns this training alone.
    """
    try:
        check_shared(shared)
        from unetlite.training.run import train

        with name_full_disk(Path(settings.run_dir)):
            train(settings)
    except (UsageError, RunFailed) as error:
        return error
    except Interrupted as interrupted:
        print(interrupted)
        return WorkerLost(f"its process was stopped by {signal.Signals(interrupted.number).name}")
    except Exception as error:
        with suppress(OSError):  # the disk of the log may be full, too
            traceback.print_exception(error)
        return translate(error)
    return None


def translate(error: Exception) -> Exception:
    """What an unexpected error of a training means for it. It leaves no tensor referred to."""
    if isinstance(error, OSError):
        return error.with_traceback(None)
    message = machine_error(error)
    if message == KILLED:
        return WorkerLost("a process that loads its data was killed")
    if message is not None:
        return MemoryLacking("it needs more memory than there is")
    return RunFailed(f"{type(error).__name__}: {first_line(error)}")


def check_shared(paths: Sequence[Path]) -> None:
    """Raises UsageError for a path that this machine does not see."""
    for path in paths:
        if not path.exists():
            raise UsageError(
                f"the worker on {platform.node()} does not see {path}. Workers need the folders of "
                "runs and data on a file system that all machines share: choose it by "
                "UNETLITE_HOME=DIR."
            )
