"""Where trainings run: worker processes of this machine, which stay alive between trainings."""

import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any

from unetlite.errors import Interrupted, RunFailed
from unetlite.settings.schema import Settings


class LocalScheduler:
    """Runs trainings in `workers` processes with `threads` each, whose output goes to a file `log`.

    Use it as a context manager. However it is left, by an error or a signal too, the workers end: a
    training that runs saves its checkpoint first. They also end if this process is killed.
    """

    def __init__(self, workers: int, threads: int, log: Path):
        self.log = log
        # A forked process could not use the threads of libraries that this one has loaded.
        self.pool = ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=start_worker,
            initargs=(threads, str(log)),
        )

    def __enter__(self) -> "LocalScheduler":
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            for worker in multiprocessing.active_children():
                worker.terminate()  # SIGTERM: a training saves at the end of its step
        self.pool.shutdown(wait=True, cancel_futures=True)

    def run(self, jobs: Sequence[Settings]) -> Iterator[Settings]:
        """Trains all jobs, and yields each when it is finished.

        Raises what a training raised, and RunFailed if a worker was killed.
        """
        futures: dict[Future[None], Settings] = {}
        for settings in jobs:
            futures[self.pool.submit(run_training, settings)] = settings
        try:
            for future in as_completed(futures):
                future.result()
                yield futures[future]
        except BrokenProcessPool:
            raise RunFailed(
                f"a training process was killed, perhaps for lack of memory (see {self.log}). "
                "The same command goes on."
            ) from None


interruptions: list[Interrupted] = []
"""In a worker: the signal that ended its training, after which it takes no other."""


def start_worker(threads: int, log: str) -> None:
    """Prepares a worker: its output, its threads, and its end with the process that started it."""
    if hasattr(os, "setsid"):  # Ctrl+C is for the process that started it, which ends its workers
        os.setsid()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    streams: list[Any] = [sys.stdout, sys.stderr]
    for stream in streams:
        stream.flush()
        os.dup2(file, stream.fileno())
        stream.reconfigure(line_buffering=True, errors="backslashreplace")
    os.environ["OMP_NUM_THREADS"] = str(threads)  # PyTorch, which is not loaded yet, reads it
    Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Ends this process as soon as the one that started it is gone."""
    parent: Any = multiprocessing.parent_process()
    parent.join()
    os._exit(1)


def run_training(settings: Settings) -> None:
    """One training, in a worker."""
    from unetlite.exit_codes import print_unexpected
    from unetlite.training.run import train

    if interruptions:  # this training waited in the queue of the worker
        raise interruptions[0]
    try:
        with print_unexpected():
            train(settings)
    except Interrupted as interrupted:
        print(interrupted)
        interruptions.append(interrupted)
        raise
