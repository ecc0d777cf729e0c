"""Trainings as jobs of Slurm, by submitit."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unetlite.errors import UsageError, first_line, require_extra
from unetlite.scheduling.base import Scheduler, T, WorkerLost, call_in_worker, run_training
from unetlite.settings.schema import Settings

DEFAULT_SLOTS = 32  # jobs in the queue and running
DEFAULT_MINUTES = 240  # of a job
QUEUE_SECONDS = 15  # between two looks at the queue
ACTIVE_STATES = ("PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "REQUEUED")
SHARED_OPTIONS = ("timeout_min", "mem_gb", "nodes", "cpus_per_task", "gpus_per_node", "name")
"""Options of submitit with one name for all clusters. Others are Slurm's own."""


class SlurmScheduler(Scheduler):
    """Runs each training as a job with `threads` cores, and a GPU if it needs one.

    `options` are those of `parse_options`. Logs and results of the jobs are in `folder`. Workers
    must see the `shared` files. Raises UsageError without Slurm, or for an option that it has not.
    """

    def __init__(
        self,
        options: Mapping[str, str | int],
        threads: int,
        uses_gpu: bool,
        parallel: int | None,
        folder: Path,
        shared: Sequence[Path],
    ):
        with require_extra("slurm"):
            import submitit
        self.shared = shared
        self.tasks: list[SlurmTask] = []
        self.slots = parallel or DEFAULT_SLOTS
        parameters = {"timeout_min": DEFAULT_MINUTES, "cpus_per_task": threads, **options}
        self.threads = int(parameters["cpus_per_task"])
        if uses_gpu:
            parameters.setdefault("gpus_per_node", 1)
        cluster = parameters.pop("cluster", "slurm")
        self.is_queued = cluster == "slurm"
        try:
            self.executor = submitit.AutoExecutor(folder, cluster=cluster)
            self.executor.update_parameters(**parameters)
        except (RuntimeError, ValueError, TypeError, NameError, KeyError) as error:
            raise UsageError(f"--on slurm: {first_line(error)}") from None

    def start(self, settings: Settings) -> "SlurmTask":
        task = SlurmTask(self._submit(run_training, settings, self.shared), self.is_queued)
        self.tasks.append(task)
        return task

    def call(self, function: Callable[..., T], *arguments: object) -> T:
        return self._submit(function, *arguments).result()

    def _submit(self, function: Callable[..., object], *arguments: object) -> Any:
        """Gives a call to the cluster, and returns its job of submitit."""
        return self.executor.submit(call_in_worker, function, self.threads, arguments)

    def close(self, at_once: bool) -> None:
        for task in self.tasks:
            if at_once and not task.done():
                task.job.cancel(check=False)


@dataclass
class SlurmTask:
    """A training that is a job."""

    job: Any
    is_queued: bool  # by Slurm, whose queue tells even where it keeps no accounts
    next_look: float = 0  # at the queue, by time.monotonic()

    def done(self) -> bool:
        if self.is_queued:
            return self.job.paths.result_pickle.exists() or self.has_left_queue()
        return self.job.done()

    def has_left_queue(self) -> bool:
        """True if the queue does not have the job any more."""
        now = time.monotonic()
        if now < self.next_look:
            return False
        self.next_look = now + QUEUE_SECONDS
        command = [
            "squeue",
            "--noheader",
            "--format=%T",
            "--states=all",
            f"--jobs={self.job.job_id}",
        ]
        answer = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
        )
        state = answer.stdout.strip()
        if state:
            return state not in ACTIVE_STATES
        return "Invalid job id" in answer.stderr

    def result(self) -> Exception | None:
        from submitit.core.utils import FailedJobError, UncompletedJobError

        lost = WorkerLost(f"job {self.job.job_id} was lost (see {self.job.paths.stderr})")
        if not self.job.paths.result_pickle.exists():
            return lost
        try:
            return self.job.result()
        except (FailedJobError, UncompletedJobError):
            return lost


def parse_options(text: str | None) -> dict[str, str | int]:
    """Options such as "partition=gpu,timeout_min=120", by the names of submitit.

    Raises UsageError for what is not a list of such pairs.
    """
    words = text.split(",") if text else []
    options: dict[str, str | int] = {}
    for word in words:
        key, separator, value = word.strip().partition("=")
        is_shared = key in SHARED_OPTIONS or key == "cluster"
        name = key if is_shared else f"slurm_{key}"
        if not separator or not key.isidentifier() or not value or name in options:
            raise UsageError(
                f"--slurm {text}: {word!r} is not understood; expected different options of "
                "sbatch, such as partition=gpu,timeout_min=120."
            )
        options[name] = int(value) if value.isdigit() else value
    return options
