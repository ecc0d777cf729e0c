"""The run directory: the one place that knows its files, and when they may be written."""

import hashlib
import json
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from unetlite.errors import InUse, UsageError
from unetlite.files import read_mapping, sha256, write_text
from unetlite.settings.schema import (
    LOCATION_KEYS,
    METADATA_KEY,
    NON_RESULT_KEYS,
    Settings,
    flatten,
    upgrade_config,
)

IGNORED_FILES = (".", "Thumbs.db", "desktop.ini", "best.", "last.")
"""Beginnings of names: the system's files, and exports beside a checkpoint."""

LOCK = ".lock"  # of a directory, held by the process that writes to it

OTHER_RUN = "choose another seed=K, experiment=NAME or output_dir=DIR"
OTHER_HOME = "choose another folder by UNETLITE_HOME=DIR"


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
        self.val_counts = path / "val_counts.csv"  # of validation images; as with the curve
        self.curve = path / "curve.csv"  # of the validation score; earlier versions have none
        self.sums = path / "SHA256SUMS"  # of the results, for `sha256sum -c` too

    @property
    def is_started(self) -> bool:
        """True if the run is finished, or can be resumed."""
        return self.metrics.exists() or self.last.exists()

    def stored_environment(self) -> dict[str, Any]:
        """Machine, versions and the hash of the data; runs of earlier versions may have none."""
        if not self.environment_file.exists():
            return {}
        return read_mapping(self.environment_file, (), self.remedy)

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
        metrics = read_mapping(self.metrics, ("val/miou",), self.remedy)
        for value in metrics.values():
            if value is not None and not isinstance(value, (int, float)):
                raise UsageError(f"{self.metrics} is damaged. {self.remedy}")
        return metrics

    def results(self) -> list[Path]:
        """The files whose content a finished run vouches for, besides `metrics.json`."""
        return [
            self.counts,
            self.per_image,
            self.val_counts,
            self.curve,
            self.best,
            self.last,
        ]

    def check_sums(self, files: Collection[Path]) -> None:
        """Raises UsageError if one of these files is not as the run wrote it.

        Runs of earlier versions have no sums, and are not checked.
        """
        if not self.sums.exists():
            return
        sums = {}
        for line in self.sums.read_text(encoding="utf-8").splitlines():
            digest, _, name = line.partition("  ")
            sums[name] = digest
        for file in files:
            if file.exists() and sha256(file) != sums.get(file.name):
                raise UsageError(
                    f"{file} is not as the run wrote it: it differs from {self.sums.name}. "
                    f"Put the original back, or delete {self.path} and train again."
                )

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
    checkpoint that is missing or of another run. Whether the data are those of the run is for
    `check_data` of training.fit, which has decoded them.
    """

    def __init__(self, settings: Settings):
        super().__init__(Path(settings.run_dir).resolve())
        self.settings = settings
        self.finished = False
        self.recorded: dict[str, Any] = {}  # environment of the run that is there
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
                f"{self.path} holds a finished run{self._other_root()}; {OTHER_RUN}, "
                "or delete the directory."
            )
        self.finished = True
        self.recorded = self.stored_environment()
        self._check_same_run(self.path, self.stored_config())

    def _open_unfinished(self) -> None:
        files = self._own_files()
        resume = self.settings.resume
        if self.last.exists() and not resume:
            raise UsageError(
                f"{self.path} holds an interrupted run{self._other_root()}; "
                f"continue it with resume=auto, {OTHER_RUN}, or delete the directory."
            )
        if resume is True or (resume == "auto" and self.last.exists()):
            self._resume()
        else:
            self.leftovers = files

    def _other_root(self) -> str:
        """Names the folder of the run that is there, if this one reads another."""
        root = self.settings.data.dataset.get("root")
        stored = self.stored_config()["data"].get("root")
        return "" if stored == root else f" of data.root={stored}"

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
        metadata = checkpoint[METADATA_KEY]
        self.recorded = metadata.get("environment", {})
        self._check_same_run(self.last, metadata["config"])
        self.resume_from = self.last
        self.steps = checkpoint["global_step"]

    def _check_same_run(self, path: Path, stored: Mapping[str, Any]) -> None:
        """Raises UsageError, naming the keys, if a stored configuration is that of another run."""
        differences = config_differences(stored, self.settings.as_dict(), self.data_hash)
        if differences:
            raise UsageError(
                f"{path} does not fit this run; it differs in {', '.join(differences)}. "
                "Resume with the same settings, or start a new run with another output_dir=DIR."
            )

    @property
    def data_hash(self) -> str | None:
        """Of the data that the run was started with; None if there are none, or not recorded."""
        return self.recorded.get("data_hash")

    def recorded_data(self) -> dict[Path, str]:
        """Hashes of the data that this run and others of its experiment were started with."""
        recorded = {self.path: self.data_hash}
        experiment = Path(self.settings.output_dir).resolve() / self.settings.experiment
        if self.path.is_relative_to(experiment):
            for file in sorted(experiment.glob("*/*/environment.json")):
                run = RunFiles(file.parent)
                if run.path != self.path and run.is_started:
                    recorded[run.path] = run.stored_environment().get("data_hash")
        return {path: digest for path, digest in recorded.items() if digest is not None}

    @contextmanager
    def open(self, environment: Mapping[str, Any]) -> Iterator[None]:
        """Makes the directory, for this process alone while the block runs.

        What an attempt without a checkpoint left is removed. Raises InUse if another process writes
        to it.
        """
        with lock(self.path, OTHER_RUN):
            self._check_unchanged()
            for file in self.leftovers:
                file.unlink(missing_ok=True)
            self._write_settings(environment)
            yield

    def _check_unchanged(self) -> None:
        now = RunDirectory(self.settings)
        if now.finished != self.finished or now.steps != self.steps:
            raise InUse(f"{self.path} was written by another process just now; start again.")
        self.leftovers = now.leftovers

    def _write_settings(self, environment: Mapping[str, Any]) -> None:
        config = self.settings.as_dict()
        overrides = list(self.settings.overrides)
        write_text(self.config_file, yaml.safe_dump(config, sort_keys=False))
        write_text(self.overrides_file, yaml.safe_dump(overrides))
        write_text(self.environment_file, json.dumps(environment, indent=2) + "\n")

    def finish(self, metrics: Mapping[str, Any]) -> None:
        """Writes the sums, and `metrics.json`, which marks the run as finished."""
        text = json.dumps(metrics, indent=2) + "\n"
        sums = {self.metrics.name: hashlib.sha256(text.encode()).hexdigest()}
        for file in self.results():
            if file.exists():
                sums[file.name] = sha256(file)
        lines = [f"{digest}  {name}\n" for name, digest in sums.items()]
        write_text(self.sums, "".join(lines))
        write_text(self.metrics, text)


@contextmanager
def lock(directory: Path, alternative: str = OTHER_HOME) -> Iterator[None]:
    """Makes a directory, for this process alone while the block runs; it goes if it stays empty.

    Raises InUse if another process has it; `alternative` to waiting is part of the message.
    """
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / LOCK
    try:
        with FileLock(file, blocking=False):
            try:
                yield
            finally:
                if list(directory.iterdir()) == [file]:
                    shutil.rmtree(directory)
    except Timeout:
        raise InUse(
            f"{directory} is being written by another process; wait for it, or {alternative}."
        ) from None


def is_in_use(directory: Path) -> bool:
    """True if a process has the lock of a directory."""
    file = directory / LOCK
    if not file.exists():
        return False
    try:
        with FileLock(file, blocking=False):
            return False
    except Timeout:
        return True


def config_differences(
    there: Mapping[str, Any], here: Mapping[str, Any], data_hash: str | None
) -> list[str]:
    """The keys in which two configurations are those of different runs, with both values.

    Where the data are does not matter if their hash is known.
    """
    ignored = NON_RESULT_KEYS
    if data_hash is not None:
        ignored = NON_RESULT_KEYS | LOCATION_KEYS
    old = flatten(there)
    new = flatten(here)
    differences = []
    for key in sorted((old.keys() | new.keys()) - ignored):
        if old.get(key) != new.get(key):
            differences.append(f"{key} ({old.get(key)} there, {new.get(key)} here)")
    return differences
