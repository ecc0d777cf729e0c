"""The run directory: the one place that knows what lies where, and when it may be written."""

import csv
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from unetlite.checkpoint import KEY, load_checkpoint
from unetlite.errors import UsageError

MAY_DIFFER = {"resume", "data.num_workers"}
"""Keys of the configuration that do not change what a resumed run computes."""


class RunDirectory:
    """`outputs/<experiment>/<upsample>/seed<k>/`, with everything that a run leaves.

    `metrics.json` is written last, so a directory that has it is a finished run.

    Args:
        path: the directory.
        config: the run's resolved configuration; its key `resume` is False, True for this run's last checkpoint,
            or the path of a checkpoint.

    Raises:
        UsageError: the directory holds other files, a finished run, or an interrupted one that is not to be resumed;
            or the checkpoint to resume from is missing or of another run.
    """

    def __init__(self, path: Path, config: Mapping[str, Any]):
        self.path = path
        self.config = config
        self.config_file = path / "config.yaml"
        self.log = path / "train.log"
        self.best = path / "best.ckpt"
        self.last = path / "last.ckpt"
        self.metrics = path / "metrics.json"
        self.partial_metrics = path / "metrics.partial"
        self.per_image = path / "per_image.csv"
        if path.exists() and not path.is_dir():
            raise UsageError(f"run_dir={path} is a file; a run needs a directory of its own.")
        if foreign := [file.name for file in self._files() if not self._is_own(file)]:
            raise UsageError(
                f"run_dir={path} holds files of something else ({foreign[0]}); a run needs a directory of its own."
            )
        resume = config["resume"]
        if self.metrics.exists():
            raise UsageError(
                f"{path} holds a finished run. Choose another seed=K or experiment=NAME, or delete the directory."
            )
        if self.last.exists() and not resume:
            raise UsageError(
                f"{path} holds an interrupted run. Continue it with resume=true, "
                "choose another seed=K or experiment=NAME, or delete the directory."
            )
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
        return sorted(self.path.iterdir()) if self.path.exists() else []

    def _is_own(self, file: Path) -> bool:
        own = (self.config_file, self.log, self.best, self.last, self.metrics, self.partial_metrics, self.per_image)
        return file in own or file.name.startswith("events.out.tfevents.")

    def write_per_image(self, names: Sequence[str], columns: Mapping[str, Tensor]) -> None:
        """`per_image.csv`: one row a test image; the cell of an absent class is empty."""
        with self.per_image.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["image", *columns])
            for name, *values in zip(names, *(column.tolist() for column in columns.values()), strict=True):
                writer.writerow([name, *("" if value != value else f"{value:.6f}" for value in values)])

    def finish(self, metrics: Mapping[str, float]) -> None:
        """Writes `metrics.json`, which marks the run as finished."""
        self.partial_metrics.write_text(json.dumps(metrics, indent=2) + "\n")
        os.replace(self.partial_metrics, self.metrics)


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
