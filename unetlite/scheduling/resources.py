"""Where the trainings of a race run, as a user asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from unetlite.errors import UsageError, require_extra
from unetlite.scheduling.base import Scheduler
from unetlite.scheduling.devices import choose_devices, make_slots
from unetlite.scheduling.local import LocalScheduler
from unetlite.scheduling.ray import RayScheduler
from unetlite.scheduling.slurm import SlurmScheduler, parse_options
from unetlite.threads import available_cores

CLUSTER_PACKAGES = {"ray": "ray", "slurm": "submitit"}
"""What a cluster is reached by, of the extra with its name."""


@dataclass(frozen=True)
class Resources:
    """The request. It may differ from start to start, since it changes no result."""

    on: str = "local"  # or ray, slurm
    devices: str | None = None  # of this machine; None takes all of one kind
    parallel: int | None = None  # trainings at once; None for as many as planned, or have room
    slurm: str | None = None  # options of sbatch

    def __post_init__(self) -> None:
        if self.on != "local" and self.on not in CLUSTER_PACKAGES:
            raise UsageError(f"--on {self.on}: expected local, ray or slurm.")
        if self.devices is not None and self.on != "local":
            raise UsageError(
                f"--devices {self.devices} --on {self.on}: a cluster assigns devices itself; leave "
                "--devices out. trainer.accelerator=cpu or gpu says which kind."
            )
        if self.slurm is not None and self.on != "slurm":
            raise UsageError(f"--slurm {self.slurm}: this needs --on slurm.")
        parse_options(self.slurm)

    def check(self, accelerator: str) -> None:
        """Raises UsageError for what this machine does not have, before anything is planned."""
        if self.on in CLUSTER_PACKAGES:
            with require_extra(self.on):
                import_module(CLUSTER_PACKAGES[self.on])
        elif self.devices is not None or self.parallel is not None:
            make_slots(choose_devices(self.devices, accelerator), self.parallel or 1)


@dataclass(frozen=True)
class Share:
    """What was planned for this machine."""

    parallel: int  # trainings at once on its cores
    threads: int  # of all of them together

    @property
    def of_training(self) -> int:
        """Threads of one training."""
        return max(1, self.threads // self.parallel)


def make_scheduler(
    resources: Resources,
    accelerator: str,
    planned: Share,
    log: Path,
    shared: Sequence[Path],
) -> Scheduler:
    """The scheduler of a race whose settings have this `trainer.accelerator`.

    Raises UsageError if there is none such here.
    """
    if resources.on == "ray":
        return RayScheduler(
            planned.of_training,
            accelerator != "cpu",
            resources.parallel,
            shared,
        )
    if resources.on == "slurm":
        return SlurmScheduler(
            parse_options(resources.slurm),
            planned.of_training,
            accelerator == "gpu",
            resources.parallel,
            log.parent / "slurm",
            shared,
        )
    devices = choose_devices(resources.devices, accelerator)
    parallel = len(devices)
    if devices[0].kind == "cpu":
        parallel = min(planned.parallel, available_cores())
    slots = make_slots(devices, resources.parallel or parallel)
    threads = min(planned.threads, available_cores())
    return LocalScheduler(slots, max(1, threads // len(slots)), log)
