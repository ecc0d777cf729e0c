"""The devices of this machine, and which of them each worker has."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Literal

from unetlite.errors import UsageError
from unetlite.threads import available_cores

VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Device:
    """What one training computes on."""

    kind: Literal["cuda", "mps", "cpu"]
    name: str = ""  # of a CUDA device, as CUDA_VISIBLE_DEVICES calls it

    def environment(self) -> dict[str, str]:
        """The variables that bind a process to it, if PyTorch is not loaded yet."""
        return {} if self.kind == "mps" else {VISIBLE: self.name}


def list_devices(accelerator: str = "auto") -> list[Device]:
    """The devices of one kind that `trainer.accelerator` chooses here: GPUs before processors.

    There is one device for all cores. CUDA_VISIBLE_DEVICES counts.
    """
    import torch

    devices = []
    if accelerator in ("auto", "gpu"):
        names = os.environ.get(VISIBLE, "").split(",")
        for index in range(torch.cuda.device_count()):
            name = names[index].strip() if VISIBLE in os.environ else str(index)
            devices.append(Device("cuda", name))
    if not devices and accelerator != "cpu" and torch.backends.mps.is_available():
        devices = [Device("mps")]
    return devices or [Device("cpu")]


def choose_devices(text: str | None, accelerator: str) -> list[Device]:
    """The devices that `--devices` names: "all", "cpu", "mps", or numbers of CUDA devices.

    Raises UsageError for others than there are, or than `trainer.accelerator` allows.
    """
    devices = list_devices(accelerator)
    if text is None or text == "all":
        return devices
    if text in ("cpu", "mps") and devices[0].kind == text:
        return devices
    words = text.split(",")
    numbers = [int(word) for word in words if re.fullmatch(r"\d{1,4}", word)]
    are_different = len(set(numbers)) == len(words)
    if devices[0].kind == "cuda" and are_different and max(numbers) < len(devices):
        return [devices[number] for number in numbers]
    known: str = devices[0].kind
    if known == "cuda":
        known = ", ".join(map(str, range(len(devices))))
    raise UsageError(
        f"--devices {text}: with trainer.accelerator={accelerator} there is {known} here; take of "
        "these, as 0,1, or all. One race is trained on devices of one kind."
    )


def make_slots(devices: Sequence[Device], parallel: int) -> list[Device]:
    """The device of each of so many trainings at once, spread evenly.

    Raises UsageError for more of them than there are cores, on a processor.
    """
    cores = available_cores()
    if devices[0].kind == "cpu" and parallel > cores:
        raise UsageError(
            f"--parallel {parallel}: {cores} core(s) may be used here, and a training takes one at "
            "least."
        )
    return list(islice(cycle(devices), parallel))
