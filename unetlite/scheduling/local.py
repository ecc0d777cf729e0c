"""Trainings in processes of this machine, which stay alive between them."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any

from unetlite.scheduling.base import Scheduler, WorkerLost, run_training, set_threads
from unetlite.scheduling.devices import Device
from unetlite.settings.schema import Settings

END_SECONDS = 10  # that a worker may take to end


class LocalScheduler(Scheduler):
    """A worker for each of the devices, with so many threads. Their output goes to a file `log`.

    A device that is given twice has two workers. They also end if this process is killed.
    """

    def __init__(self, devices: Sequence[Device], threads: int, log: Path):
        self.devices = devices
        self.threads = threads
        self.log = log
        self.slots = len(devices)
        self.workers: dict[int, Worker] = {}  # by slot, started when they are needed

    def start(self, settings: Settings) -> "Worker":
        for slot, device in enumerate(self.devices):
            worker = self.workers.get(slot)
            if worker is None or not worker.process.is_alive():
                worker = self.workers[slot] = Worker(device, self.threads, self.log)
            if not worker.is_busy:
                worker.start(settings)
                return worker
        raise AssertionError("no slot is free")

    def close(self, at_once: bool) -> None:
        for worker in self.workers.values():
            if at_once:
                worker.process.terminate()  # SIGTERM: a training saves at the end of its step
            with suppress(OSError):  # it may have ended
                worker.connection.send(None)
        for worker in self.workers.values():
            worker.process.join()


class Worker:
    """A process on one device, and the training that it has."""

    def __init__(self, device: Device, threads: int, log: Path):
        # A forked process could not use the threads of libraries that this one has loaded.
        context = multiprocessing.get_context("spawn")
        self.connection, remote = context.Pipe()
        self.process = context.Process(
            target=serve,
            args=(remote, device.environment(), threads, str(log)),
        )
        self.process.start()
        remote.close()
        self.is_busy = False

    def start(self, settings: Settings) -> None:
        """Gives it a training."""
        self.is_busy = True
        try:
            self.connection.send(settings)
        except OSError:  # it has just ended, as `done` notices
            self.process.join(END_SECONDS)

    def done(self) -> bool:
        return self.connection.poll() or not self.process.is_alive()

    def result(self) -> Exception | None:
        self.is_busy = False
        try:
            if self.connection.poll():
                error = self.connection.recv()
                if isinstance(error, WorkerLost):
                    self.process.join(END_SECONDS)
                return error
        except (EOFError, OSError):
            pass
        self.process.join(END_SECONDS)
        return WorkerLost(describe_exit(self.process.exitcode))


def describe_exit(code: int | None) -> str:
    """How a worker ended, by its exit code: negative for a signal."""
    if code is not None and code < 0:
        return f"its process was killed by {signal.Signals(-code).name}"
    return f"its process ended with exit code {code}"


def serve(connection: Connection, environment: dict[str, str], threads: int, log: str) -> None:
    """The life of a worker: one training after another, until it gets None in place of one.

    A signal, or a lack of memory, ends it.
    """
    if hasattr(os, "setsid"):  # Ctrl+C is for the process that started it, which ends its workers
        os.setsid()
    redirect_output(log)
    os.environ.update(environment)
    set_threads(threads)
    Thread(target=end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        settings = connection.recv()
        while settings is not None:
            error = run_training(settings)
            connection.send(error)
            if isinstance(error, WorkerLost):
                return
            settings = connection.recv()


def redirect_output(log: str) -> None:
    """Sends the output of this process to a file."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    streams: list[Any] = [sys.stdout, sys.stderr]
    for stream in streams:
        stream.flush()
        os.dup2(file, stream.fileno())
        stream.reconfigure(line_buffering=True, errors="backslashreplace")


def end_with_parent() -> None:
    """Ends this process as soon as the one that started it is gone."""
    parent: Any = multiprocessing.parent_process()
    parent.join()
    os._exit(1)
