"""The run directory: the one place that knows what lies where, and when it may be written."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import yaml
from filelock import FileLock, Timeout

from unetlite.errors import UsageError
from unetlite.files import read_mapping, write_text
from unetlite.settings import KEY, MAY_DIFFER, flatten

# What the system leaves, and what lies beside a checkpoint under its name, such as an export.
NOT_IN_THE_WAY = (".", "Thumbs.db", "desktop.ini", "best.", "last.")


class RunFiles:
    """What lies where in a run directory. `metrics.json` is written last, so one that has it is a finished run."""

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
    def judged(self) -> Path:
        """The checkpoint whose test scores are the run's, see trainer.judge; before there was that key, the best."""
        judge = self.stored_config()["trainer"].get("judge") if self.config_file.exists() else None
        return self.last if judge == "last" else self.best

    def stored_metrics(self) -> dict[str, Any]:
        metrics = read_mapping(self.metrics, ("test/miou", "val/miou"), self.remedy)
        if not all(value is None or isinstance(value, (int, float)) for value in metrics.values()):
            raise UsageError(f"{self.metrics} is damaged. {self.remedy}")
        return metrics

    def stored_config(self) -> dict[str, Any]:
        return read_mapping(self.config_file, ("seed", "data", "upsample", "trainer"), self.remedy, yaml.safe_load)


class RunDirectory(RunFiles):
    """`outputs/<experiment>/<upsample>/seed<k>/`, with everything that a run of the configuration leaves.

    `resume` is False, True for this run's last checkpoint, or "auto" for that if there is one. With "auto" a run can be
    `finished`: nothing is left to do. A UsageError says what is in the way: other files, a finished run, an interrupted
    one that is not to be resumed, or a checkpoint that is missing or of another run.
    """

    def __init__(self, path: Path, config: Mapping[str, Any], resume: Literal[False, True, "auto"]):
        super().__init__(path)
        self.config, self.resume = config, resume
        if path.exists() and not path.is_dir():
            raise UsageError(f"run_dir={path} is a file; a run needs a directory of its own.")
        self.finished = self.metrics.exists() and resume == "auto"
        self.resume_from: Path | None = None  # the checkpoint to go on from
        self.steps = 0  # that it has taken
        if self.finished:
            check_same_run(self.path, self.stored_config(), config)
            return
        remedy = "choose another seed=K or output_dir=DIR, or delete the directory."
        if self.metrics.exists():
            raise UsageError(f"{path} holds a finished run; {remedy}")
        files = sorted(path.iterdir()) if path.exists() else []
        own = [file for file in files if file in vars(self).values() or file.name.startswith("events.out.tfevents.")]
        if others := [file.name for file in files if file not in own and not file.name.startswith(NOT_IN_THE_WAY)]:
            found = f"run_dir={path} holds files of something else ({others[0]})"
            raise UsageError(f"{found}; a run needs a directory of its own.")
        if self.last.exists() and not resume:
            raise UsageError(f"{path} holds an interrupted run; continue it with resume=true, {remedy}")
        if resume is True or (resume == "auto" and self.last.exists()):
            from unetlite.network.checkpoint import load_checkpoint

            self.resume_from = self.last
            checkpoint = load_checkpoint(self.last)
            self.steps = checkpoint["global_step"]
            check_same_run(self.last, checkpoint[KEY]["config"], config)
        self.leftovers = own if self.resume_from is None else []

    @contextmanager
    def open(self, environment: Mapping[str, Any], typed: Sequence[str]) -> Iterator[None]:
        """Makes the directory, with configuration and environment, for this process alone as long as the block runs.

        `typed` are the words of the command line that the configuration came of.

        What a run without a checkpoint left is removed. Raises UsageError if another process writes to it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.path / ".lock", blocking=False):
                now = RunDirectory(self.path, self.config, self.resume)
                if (now.finished, now.steps) != (self.finished, self.steps):
                    raise UsageError(f"{self.path} was written by another process just now; start again.")
                for file in now.leftovers:
                    file.unlink(missing_ok=True)
                write_text(self.config_file, yaml.safe_dump(dict(self.config), sort_keys=False))
                write_text(self.overrides_file, yaml.safe_dump(list(typed)))
                write_text(self.environment_file, json.dumps(environment, indent=2) + "\n")
                yield
        except Timeout:
            remedy = "wait for it, or choose another seed=K or output_dir=DIR."
            raise UsageError(f"{self.path} is being written by another process; {remedy}") from None

    def finish(self, metrics: Mapping[str, Any]) -> None:
        """Writes `metrics.json`, which marks the run as finished."""
        write_text(self.metrics, json.dumps(metrics, indent=2) + "\n")


def check_same_run(there: Path, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raises UsageError, naming the keys, if a stored configuration is not that of the wanted run."""
    old, new = flatten(stored), flatten(wanted)
    keys = [key for key in sorted((old.keys() | new.keys()) - MAY_DIFFER) if old.get(key) != new.get(key)]
    if keys:
        differences = ", ".join(f"{key} ({old.get(key)} there, {new.get(key)} here)" for key in keys)
        remedy = "Resume with the same settings, or start a new run with another output_dir=DIR."
        raise UsageError(f"{there} does not fit this run; it differs in {differences}. {remedy}")
