"""The run directory: the one place that knows its files, and when they may be written."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from unetlite.errors import UsageError
from unetlite.files import read_mapping, write_text
from unetlite.settings.schema import (
    METADATA_KEY,
    NON_RESULT_KEYS,
    Settings,
    flatten,
    upgrade_config,
)

IGNORED_FILES = (".", "Thumbs.db", "desktop.ini", "best.", "last.")
"""Beginnings of names: the system's files, and exports beside a checkpoint."""

OTHER_RUN = "choose another seed=K or output_dir=DIR"


class RunFiles:
    """The files of a run. `metrics.json` is written last: a run that has it is finished."""

    def __init__(self, path: Path):
        self.path = path
        self.remedy = f"Delete {path}, and train again."
        self.config_file = path / "config.yaml"
        self.overrides_file = path / "overrides.yaml"
        self.environment_file = path / "environment.json"
        self.log = path / "train.log"
        self.best = path / "best.ckpt"
        self.last = path / "last.ckpt"
        self.metrics = path / "metrics.json"
        self.per_image = path / "per_image.csv"
        self.counts = path / "counts.csv"

    @property
    def test_checkpoint(self) -> Path:
        """The checkpoint that the test scores are of, see trainer.test_checkpoint.

        Before that key existed it was the best one.
        """
        if self.config_file.exists():
            trainer = self.stored_config()["trainer"]
            if trainer.get("test_checkpoint") == "last":
                return self.last
        return self.best

    def stored_metrics(self) -> dict[str, float | None]:
        """Scores and times by name, None for an absent class. Raises UsageError if damaged."""
        metrics = read_mapping(self.metrics, ("test/miou", "val/miou"), self.remedy)
        for value in metrics.values():
            if value is not None and not isinstance(value, (int, float)):
                raise UsageError(f"{self.metrics} is damaged. {self.remedy}")
        return metrics

    def stored_config(self) -> dict[str, Any]:
        """The configuration in plain values. Raises UsageError if it is damaged."""
        keys = ("seed", "data", "upsample", "trainer")
        config = read_mapping(
            self.config_file,
            keys,
            self.remedy,
            yaml.safe_load,
        )
        return upgrade_config(config)


class RunDirectory(RunFiles):
    """`outputs/<experiment>/<upsample>/seed<k>/`, written by one run.

    With resume=auto a run can be `finished`: nothing is left to do. Raises UsageError for what is
    in the way: other files, a finished run, an interrupted one that is not to be resumed, or a
    checkpoint that is missing or of another run.
    """

    def __init__(self, settings: Settings):
        super().__init__(Path(settings.run_dir).resolve())
        self.settings = settings
        self.finished = False
        self.resume_from: Path | None = None  # the checkpoint to go on from
        self.steps = 0  # of training before the interruption
        self.leftovers: list[Path] = []  # of an attempt that left no checkpoint
        if "::" in str(self.path):
            raise UsageError(
                f"run_dir={self.path}: Lightning takes :: in a path for an address; choose a name "
                "without it by output_dir=DIR or experiment=NAME."
            )
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"run_dir={self.path} is a file; a run needs a directory of its own.")
        if self.metrics.exists():
            self._open_finished()
        else:
            self._open_unfinished()

    def _open_finished(self) -> None:
        if self.settings.resume != "auto":
            raise UsageError(
                f"{self.path} holds a finished run; {OTHER_RUN}, or delete the directory."
            )
        self.finished = True
        check_same_run(self.path, self.stored_config(), self.settings)

    def _open_unfinished(self) -> None:
        files = self._own_files()
        resume = self.settings.resume
        if self.last.exists() and not resume:
            raise UsageError(
                f"{self.path} holds an interrupted run; continue it with resume=true, "
                f"{OTHER_RUN}, or delete the directory."
            )
        if resume is True or (resume == "auto" and self.last.exists()):
            self._resume()
        else:
            self.leftovers = files

    def _own_files(self) -> list[Path]:
        """The files of an earlier attempt. Raises UsageError for files of something else."""
        files = sorted(self.path.iterdir()) if self.path.exists() else []
        paths = [value for value in vars(self).values() if isinstance(value, Path)]
        own = []
        for file in files:
            if file in paths or file.name.startswith("events.out.tfevents."):
                own.append(file)
            elif not file.name.startswith(IGNORED_FILES):
                raise UsageError(
                    f"run_dir={self.path} holds files of something else ({file.name}); "
                    "a run needs a directory of its own."
                )
        return own

    def _resume(self) -> None:
        from unetlite.checkpoint import load_checkpoint

        checkpoint = load_checkpoint(self.last)
        check_same_run(self.last, checkpoint[METADATA_KEY]["config"], self.settings)
        self.resume_from = self.last
        self.steps = checkpoint["global_step"]

    @contextmanager
    def open(self, environment: Mapping[str, Any]) -> Iterator[None]:
        """Makes the directory, for this process alone while the block runs.

        What an attempt without a checkpoint left is removed. Raises UsageError if another process
        writes to it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.path / ".lock", blocking=False):
                self._check_unchanged()
                for file in self.leftovers:
                    file.unlink(missing_ok=True)
                self._write_settings(environment)
                yield
        except Timeout:
            raise UsageError(
                f"{self.path} is being written by another process; wait for it, or {OTHER_RUN}."
            ) from None

    def _check_unchanged(self) -> None:
        now = RunDirectory(self.settings)
        if now.finished != self.finished or now.steps != self.steps:
            raise UsageError(f"{self.path} was written by another process just now; start again.")
        self.leftovers = now.leftovers

    def _write_settings(self, environment: Mapping[str, Any]) -> None:
        config = self.settings.as_dict()
        overrides = list(self.settings.overrides)
        write_text(self.config_file, yaml.safe_dump(config, sort_keys=False))
        write_text(self.overrides_file, yaml.safe_dump(overrides))
        write_text(self.environment_file, json.dumps(environment, indent=2) + "\n")

    def finish(self, metrics: Mapping[str, Any]) -> None:
        """Writes `metrics.json`, which marks the run as finished."""
        write_text(self.metrics, json.dumps(metrics, indent=2) + "\n")


def check_same_run(path: Path, stored: Mapping[str, Any], settings: Settings) -> None:
    """Raises UsageError, naming the keys, if a stored configuration is that of another run."""
    old = flatten(stored)
    new = flatten(settings.as_dict())
    differences = []
    for key in sorted((old.keys() | new.keys()) - NON_RESULT_KEYS):
        if old.get(key) != new.get(key):
            differences.append(f"{key} ({old.get(key)} there, {new.get(key)} here)")
    if differences:
        raise UsageError(
            f"{path} does not fit this run; it differs in {', '.join(differences)}. "
            "Resume with the same settings, or start a new run with another output_dir=DIR."
        )
