"""Where trainings run: worker processes of this machine, which stay alive between trainings."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any

from unetlite.errors import Interrupted, RunFailed
from unetlite.files import name_full_disk
from unetlite.settings.schema import Settings

END_SECONDS = 10  # that a worker may take to end


class LocalScheduler:
    """Runs trainings in `workers` processes with `threads` each, whose output goes to a file `log`.

    Use it as a context manager. However it is left, by an error or a signal too, the workers end: a
    training that runs saves its checkpoint first. They also end if this process is killed.
    """

    def __init__(self, workers: int, threads: int, log: Path):
        self.log = log
        # A forked process could not use the threads of libraries that this one has loaded.
        context = multiprocessing.get_context("spawn")
        self.started: Any = context.SimpleQueue()  # of pairs: worker, and the training it began
        self.trainings: dict[int | None, str] = {}  # the last that each worker began
        self.pool = ProcessPoolExecutor(
            workers,
            mp_context=context,
            initializer=start_worker,
            initargs=(threads, str(log), self.started),
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

        Raises what a training raised, and RunFailed, which names the training, if a worker was
        killed.
        """
        futures: dict[Future[None], Settings] = {}
        for settings in jobs:
            futures[self.pool.submit(run_training, settings)] = settings
        workers = multiprocessing.active_children()
        try:
            for future in as_completed(futures):
                self.note_started()
                future.result()
                yield futures[future]
        except BrokenProcessPool:
            raise RunFailed(self.describe_kill(workers)) from None

    def note_started(self) -> None:
        """Notes which trainings the workers began."""
        while not self.started.empty():
            worker, training = self.started.get()
            self.trainings[worker] = training

    def describe_kill(self, workers: Sequence[BaseProcess]) -> str:
        """Which training was killed, by which signal, and what to do."""
        self.note_started()
        killed = []
        for process in workers:
            number = -exit_code(process)
            # The others were sent SIGTERM since, by the pool.
            if number > 0 and number != signal.SIGTERM and process.pid in self.trainings:
                killed.append(f"{self.trainings[process.pid]} by {signal.Signals(number).name}")
        return (
            f"a training process was killed: {', '.join(killed) or 'it is not known which'} (see "
            f"{self.log}). Systems do so when memory runs out: take fewer trainings at once by "
            "--parallel, or a smaller data.batch_size or data.crop_size. The same command goes on."
        )


def exit_code(process: BaseProcess) -> int:
    """The exit code of a worker that ends, negative for a signal; 0 if it does not end.

    The pool's thread waits for it as well. What one thread was told, the other sees a little later.
    """
    deadline = time.monotonic() + END_SECONDS
    while process.exitcode is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return process.exitcode or 0


interruptions: list[Interrupted] = []
"""In a worker: the signal that ended its training, after which it takes no other."""


started_trainings: list[Any] = []
"""In a worker: the queue that tells the scheduler which training begins here."""


def start_worker(threads: int, log: str, started: Any) -> None:
    """Prepares a worker: its output, its threads, and its end with the process that started it."""
    started_trainings.append(started)
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
    for started in started_trainings:
        training = f"upsample={settings.upsample['name']} seed={settings.seed}"
        started.put((os.getpid(), training))
    try:
        with print_unexpected(), name_full_disk(Path(settings.run_dir)):
            train(settings)
    except Interrupted as interrupted:
        print(interrupted)
        interruptions.append(interrupted)
        raise
