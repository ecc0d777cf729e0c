"""What a reader needs to repeat a comparison, in a line."""

from collections.abc import Mapping, Sequence
from typing import Any

from unetlite.compare.comparison import Comparison
from unetlite.wording import counted, join_names

SPLITS = {"train": "training", "val": "validation", "test": "test"}
PACKAGES = ("torch", "lightning", "kornia", "numpy")
HASH_DIGITS = 12


def protocol(comparison: Comparison, data_name: str, splits: Mapping[str, int]) -> str:
    """Data, splits, seeds, trainings and versions. `splits` are the images of each, if known."""
    first = comparison.runs[0]
    parts = [
        data_text(data_name, first.data_hash),
        split_text(comparison, splits),
        f"{counted(len(comparison.seeds), 'seed')} ({', '.join(map(str, comparison.seeds))})",
        training_text(first.config),
        version_text(comparison.environments),
    ]
    return f"Protocol: {'; '.join(parts)}."


def data_text(name: str, data_hash: str | None) -> str:
    """The data set, and the beginning of the hash of its images, masks and splits."""
    if data_hash is None:
        return f"data set {name} (not recorded which state)"
    return f"data set {name} (SHA-256 {data_hash[:HASH_DIGITS]})"


def split_text(comparison: Comparison, splits: Mapping[str, int]) -> str:
    """The images of each split, and the groups of the test images."""
    first = comparison.runs[0]
    tested = len(first.images)
    counts = {name: splits[name] for name in SPLITS if name in splits} | {"test": tested}
    listed = join_names([f"{count} {SPLITS[name]}" for name, count in counts.items()])
    return f"{listed} images, the test images in {counted(len(set(first.groups)), 'group')}"


def training_text(config: Mapping[str, Any]) -> str:
    """The length of a training, its crops, its precision, and the weights that are tested."""
    trainer = config["trainer"]
    data = config["data"]
    length = counted(trainer["max_epochs"], "epoch")
    if trainer.get("max_steps", -1) > 0:
        length = f"{counted(trainer['max_steps'], 'step')} in {length} at most"
    crop = data["crop_size"]
    weights = "of the best epoch (validation)"
    if trainer.get("test_checkpoint") == "last":
        weights = "after the last step"
    precision = trainer.get("precision", "not recorded")
    if precision == "auto":
        precision = "bf16-mixed where that is native, else 32-true"
    return (
        f"{length}, batches of {data['batch_size']} crops of {crop} x {crop} pixels, precision "
        f"{precision}, weights {weights}"
    )


def version_text(environments: Sequence[Mapping[str, Any]]) -> str:
    """The code and libraries, and where it ran; values that differ between runs stand together."""
    code = recorded(environments, "code_version") or recorded(environments, "unetlite")
    parts = [f"unetlite {code or 'not recorded'} (version and hash of its source)"]
    for package in PACKAGES:
        value = recorded(environments, package)
        if value:
            parts.append(f"{package} {value}")
    for key in ("processor", "accelerator"):
        value = recorded(environments, key)
        if value and value != "none":
            parts.append(value)
    return ", ".join(parts)


def recorded(environments: Sequence[Mapping[str, Any]], key: str) -> str:
    """All different values of a key, such as "2.8.0 or 2.9.0"; empty if there is none."""
    values = dict.fromkeys(str(each[key]) for each in environments if key in each)
    return " or ".join(values)
