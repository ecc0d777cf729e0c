"""Options and arguments that several commands share, and what reads them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from unetlite.compare.metrics import METRICS
from unetlite.errors import UsageError
from unetlite.scheduling.resources import Resources
from unetlite.settings.composition import compose_run
from unetlite.settings.overrides import select_overrides

DataArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA", help="A folder of images and masks, or a data set such as coast."
    ),
]
SettingsArgument = Annotated[
    list[str] | None, typer.Argument(help="Settings of train.py, as data.resize=256.")
]
ParallelOption = Annotated[
    int | None, typer.Option(min=1, help="Trainings at once; measured by default.")
]
DevicesOption = Annotated[
    str | None, typer.Option(help="GPUs by number, as 0,1; cpu; mps; or all of one kind.")
]
OnOption = Annotated[str, typer.Option(help="local, ray or slurm: this machine, or a cluster.")]
SlurmOption = Annotated[
    str | None, typer.Option(help="Options of sbatch, as partition=gpu,timeout_min=120.")
]
CostsOption = Annotated[
    Path | None,
    typer.Option(help="costs.json of the device that predicts, which decides: see unetlite kit."),
]
OperatorsOption = Annotated[
    str | None,
    typer.Option(help="ONNX operators of the device, as Conv,Resize; leaves out who needs others."),
]
RuntimeOption = Annotated[
    str | None,
    typer.Option(help="onnxruntime or openvino; leaves out what it cannot load."),
]

CHOSEN_HERE = {
    "upsample": "operators are chosen by --operators",
    "data": "the data set is the first argument",
    "data.root": "the folder is the first argument",
    "seed": "a race takes its seeds itself",
    "test": "test images are looked at by a race, and by nothing else",
    "resume": "the same command goes on by itself",
    "experiment": "runs go where UNETLITE_HOME=DIR says",
    "output_dir": "runs go where UNETLITE_HOME=DIR says",
    "run_dir": "runs go where UNETLITE_HOME=DIR says",
}
"""Keys that a user of `choose` and `levers` cannot set, and the reason."""


def read_overrides(settings: Sequence[str], model: str | None, resources: Resources) -> list[str]:
    """The settings of all trainings. Raises UsageError for one that a race chooses itself.

    It raises UsageError, too, if there are no such resources.
    """
    for override in settings:
        key = override.partition("=")[0].lstrip("+~")
        if key == "model" and model is not None:
            raise UsageError(f"{override} --model {model}: give one of them.")
        if key in CHOSEN_HERE:
            raise UsageError(f"{override} cannot be given here: {CHOSEN_HERE[key]}.")
    overrides = list(settings)
    if resources.devices in ("cpu", "mps"):
        overrides.append(f"trainer.accelerator={resources.devices}")
    of_device = select_overrides(overrides, "trainer.accelerator=")
    resources.check(compose_run(of_device).trainer.accelerator)
    return overrides


def check_criteria(metric: str | None, margin: float | None) -> None:
    """Raises UsageError for an unknown metric, or a margin that no scores can differ by."""
    if margin is not None and not 0 <= margin <= 1:
        raise UsageError(f"--margin {margin}: scores are from 0 to 1; expected such as 0.003.")
    if metric is not None and metric not in METRICS:
        raise UsageError(f"--metric {metric}: choose one of {', '.join(METRICS)}.")


def parse_size(size: str) -> tuple[int, int]:
    """Height and width of "128" or "96x128". Raises UsageError for anything else."""
    match = re.fullmatch(r"([1-9]\d*)(?:x([1-9]\d*))?", size.lower())
    if match is None:
        raise UsageError(
            f"--size {size}: expected a number of pixels such as 128, "
            "or height x width such as 96x128."
        )
    height, width = match.groups(default=match[1])
    return int(height), int(width)
