"""The run directory: the one place that knows what lies where, and when it may be written."""

import csv
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import yaml
from torch import Tensor

from unetlite.checkpoint import KEY, load_checkpoint
from unetlite.errors import UsageError

MAY_DIFFER = {"resume", "experiment", "data.num_workers", "data_dir", "output_dir", "run_dir"}
"""Keys of the configuration that do not change what a run computes."""


EXPORTS = {"onnx": ".onnx", "openvino": ".openvino", "torch-export": ".pt2", "safetensors": ".safetensors"}
"""By format of `unetlite export`, how the name of what it lays beside a checkpoint ends."""


class RunFiles:
    """What lies where in a run directory. `metrics.json` is written last, so one that has it is a finished run."""

    def __init__(self, path: Path):
        self.path = path
        self.config_file = path / "config.yaml"
        self.log = path / "train.log"
        self.best = path / "best.ckpt"
        self.last = path / "last.ckpt"
        self.metrics = path / "metrics.json"
        self.partial_metrics = path / "metrics.partial"
        self.per_image = path / "per_image.csv"
        self.counts = path / "counts.csv"
        self.spectrum = path / "spectrum.csv"


class RunDirectory(RunFiles):
    """`outputs/<experiment>/<upsample>/seed<k>/`, with everything that a run leaves.

    Args:
        path: the directory.
        config: the run's resolved configuration; its key `resume` is False, True for this run's last checkpoint,
            "auto" for that if there is one, or the path of a checkpoint.

    Attributes:
        finished: whether there is nothing left to do; only with `resume` "auto".

    Raises:
        UsageError: the directory holds other files, a finished run, or an interrupted one that is not to be resumed;
            or the checkpoint to resume from is missing or of another run.
    """

    def __init__(self, path: Path, config: Mapping[str, Any]):
        super().__init__(path)
        self.config = config
        if path.exists() and not path.is_dir():
            raise UsageError(f"run_dir={path} is a file; a run needs a directory of its own.")
        if foreign := [file.name for file in self._files() if not self._is_own(file)]:
            raise UsageError(
                f"run_dir={path} holds files of something else ({foreign[0]}); a run needs a directory of its own."
            )
        resume = config["resume"]
        self.finished = self.metrics.exists() and resume == "auto"
        if self.finished:
            check_same_run(self.path, yaml.safe_load(self.config_file.read_text()), config)
        elif self.metrics.exists():
            raise UsageError(
                f"{path} holds a finished run. Choose another seed=K or experiment=NAME, or delete the directory."
            )
        if self.last.exists() and not resume:
            raise UsageError(
                f"{path} holds an interrupted run. Continue it with resume=true, "
                "choose another seed=K or experiment=NAME, or delete the directory."
            )
        if resume == "auto":
            resume = self.last.exists() and not self.finished
        self.resume_from = None if not resume else self.last if resume is True else Path(resume)
        if self.resume_from is not None:
            stored = load_checkpoint(self.resume_from)[KEY]
            check_same_run(self.resume_from, stored["config"], config)

    def create(self) -> None:
        """Makes the directory, with the configuration in it; what a run without a checkpoint left is removed."""
        if not self.last.exists() and self.resume_from is None:
            for file in self._files():
                file.unlink()
        self.path.mkdir(parents=True, exist_ok=True)
        self.config_file.write_text(yaml.safe_dump(dict(self.config), sort_keys=False))

    def _files(self) -> list[Path]:
        files = sorted(self.path.iterdir()) if self.path.exists() else []
        return [file for file in files if file.suffix not in EXPORTS.values()]

    def _is_own(self, file: Path) -> bool:
        own = {value for value in vars(self).values() if isinstance(value, Path)}
        return file in own or file.name.startswith("events.out.tfevents.")

    def finish(self, metrics: Mapping[str, float]) -> None:
        """Writes `metrics.json`, which marks the run as finished."""
        self.partial_metrics.write_text(json.dumps(metrics, indent=2) + "\n")
        os.replace(self.partial_metrics, self.metrics)

    def stored_metrics(self) -> dict[str, Any]:
        """The scores of a finished run."""
        return cast(dict[str, Any], json.loads(self.metrics.read_text()))


def write_table(file: Path, columns: Mapping[str, Tensor], names: Sequence[str] | None = None) -> None:
    """A CSV file of columns (N,), the first being `image` with these names if there are; NaN is an empty cell."""
    lists = [column.tolist() for column in columns.values()]
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow([*(["image"] if names else []), *columns])
        for row in zip(*([names] if names else []), *lists, strict=True):
            writer.writerow([cell(value) for value in row])


def cell(value: str | float) -> str:
    """What stands in a table for a value."""
    if isinstance(value, float):
        return "" if value != value else f"{value:.9g}"
    return str(value)


def check_same_run(checkpoint: Path, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raises UsageError, naming the keys, if a checkpoint's configuration is not that of the wanted run."""
    there, here = flatten(stored), flatten(wanted)
    differing = [
        f"{key} ({there.get(key)} there, {here.get(key)} here)"
        for key in sorted(there.keys() | here.keys())
        if there.get(key) != here.get(key) and key not in MAY_DIFFER
    ]
    if differing:
        raise UsageError(
            f"{checkpoint} does not fit this run; it differs in {', '.join(differing)}. "
            "Resume with the same settings, or start a new run under another experiment=NAME."
        )


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat
