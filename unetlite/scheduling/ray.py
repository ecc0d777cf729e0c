"""Trainings on a cluster of Ray, or on a Ray of this machine."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unetlite.errors import UsageError, first_line, require_extra
from unetlite.scheduling.base import Scheduler, T, WorkerLost, call_in_worker, run_training
from unetlite.settings.schema import Settings

END_SECONDS = 20  # that a training may take to save
ANSWER_SECONDS = 5  # that the head of a cluster may take to answer


class RayScheduler(Scheduler):
    """Runs each training on `threads` cores, and on a GPU if it may and the cluster has some.

    Ray places it wherever they are free, and keeps its processes for the next one. `parallel` None
    runs as many at once as the cluster has room for. Workers must see the `shared` files. Raises
    UsageError if the cluster has no room for any.
    """

    def __init__(
        self,
        threads: int,
        uses_gpus: bool,
        parallel: int | None,
        shared: Sequence[Path],
    ):
        self.ray = connect()
        self.head = self.ray.get_runtime_context().gcs_address
        self.threads = threads
        self.shared = shared
        self.tasks: list[RayTask] = []
        resources = self.ray.cluster_resources()
        cores = int(resources.get("CPU", 0))
        gpus = int(resources.get("GPU", 0)) if uses_gpus else 0
        room = cores // threads
        if gpus > 0:
            room = min(room, gpus)
        if room == 0:
            raise UsageError(
                f"--on ray: a training takes {threads} core(s), and the cluster has {cores}. Add a "
                "node to it."
            )
        self.slots = min(room, parallel or room)
        self.remote = self.ray.remote(
            num_cpus=threads,
            num_gpus=min(gpus, 1),
            max_retries=0,
            max_calls=0,
        )

    def start(self, settings: Settings) -> "RayTask":
        task = RayTask(self.ray, self._submit(run_training, settings, self.shared), self.head)
        self.tasks.append(task)
        return task

    def call(self, function: Callable[..., T], *arguments: object) -> T:
        return self.ray.get(self._submit(function, *arguments))

    def _submit(self, function: Callable[..., object], *arguments: object) -> Any:
        """Gives a call to the cluster, and returns Ray's reference to its result."""
        return self.remote(call_in_worker).remote(function, self.threads, arguments)

    def close(self, at_once: bool) -> None:
        if not answers(self.head):  # Ray would wait for it, and end this process
            return
        references = [task.reference for task in self.tasks if not task.done()]
        if at_once and references:
            for reference in references:
                self.ray.cancel(reference)  # SIGINT: a training saves at the end of its step
            self.ray.wait(references, num_returns=len(references), timeout=END_SECONDS)
        self.ray.shutdown()


@dataclass(frozen=True)
class RayTask:
    """A training that Ray has taken."""

    ray: Any
    reference: Any
    head: str  # host:port

    def done(self) -> bool:
        finished, _ = self.ray.wait([self.reference], timeout=0)
        return bool(finished)

    def result(self) -> Exception | None:
        try:
            return self.ray.get(self.reference)
        except self.ray.exceptions.RayError as error:
            if not answers(self.head):
                return UsageError(
                    f"--on ray: the head of the cluster, {self.head}, is gone. Start a cluster, "
                    "and the same command goes on: no training is lost."
                )
            cause = getattr(error, "cause", None) or error
            return WorkerLost(f"Ray lost it ({type(error).__name__}: {first_line(cause)})")


def answers(head: str) -> bool:
    """True if something listens at host:port."""
    host, _, port = head.rpartition(":")
    try:
        socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
    except OSError:
        return False
    return True


def connect() -> Any:
    """Ray, connected to the cluster that RAY_ADDRESS or this machine has, else to a new one.

    A new one listens on this machine alone.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else Ray reports to its makers
    with require_extra("ray"):
        import ray
    is_main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.WARNING}
    try:
        ray.init(address="auto", **quiet)
    except ConnectionError:
        if "RAY_ADDRESS" in os.environ:
            raise UsageError(
                f"RAY_ADDRESS={os.environ['RAY_ADDRESS']}: no cluster answers there; start one by "
                "`ray start --head`, or unset it."
            ) from None
        ray.init(
            address="local",
            include_dashboard=False,
            _node_ip_address="127.0.0.1",
            **quiet,
        )
    if is_main:
        signal.signal(signal.SIGTERM, handler)  # Ray's own would end this process at once
    return ray
