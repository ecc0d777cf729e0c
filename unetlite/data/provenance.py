"""Whether data are those that something was made with, and what changed if they are not."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unetlite.data.decoding import INDEX
from unetlite.data.loader import SegmentationData
from unetlite.errors import UsageError
from unetlite.settings.paths import HOME
from unetlite.settings.schema import data_options
from unetlite.wording import counted, list_first

MAX_NAMES = 3  # of images, in a message


def check_content(
    recorded: str | None,
    data: SegmentationData,
    subject: str,
    remedy: str,
) -> None:
    """Raises UsageError if the subject was made with other data than these.

    `recorded` is the hash of its data. None, of an earlier version, is not checked.
    """
    if recorded in (None, data.dataset.content_hash):
        return
    options = data.options.dataset
    place = f"data={options['name']}"
    if "root" in options:
        place = f"data.root={options['root']}"
    raise UsageError(
        f"{subject} was made with other data than {place} holds now"
        f"{describe_change(str(recorded), data)}. {remedy}"
    )


def load_run_data(
    config: Mapping[str, Any],
    data_hash: str | None,
    folder: Path | None = None,
) -> SegmentationData:
    """The data set of a run's stored configuration, where that says or in a folder it moved to.

    Nothing is downloaded. Raises UsageError if the data are not there, or do not have the hash.
    """
    options = data_options(config["data"])
    if folder is not None:
        if "root" not in options.dataset:
            raise UsageError(f"{folder}: data={options.dataset['name']} is not read from a folder.")
        options.dataset["root"] = str(folder.resolve())
    if "download" in options.dataset:
        options.dataset["download"] = False
    directory = Path(config["data_dir"])
    if not directory.is_dir():
        directory = HOME / "data"
    data = SegmentationData(options, directory, seed=config["seed"])
    check_content(
        data_hash,
        data,
        "the run",
        "Give the folder that holds what it was made with, by --images DIR.",
    )
    return data


def describe_change(recorded: str, data: SegmentationData) -> str:
    """What changed since the data had the recorded hash, if they are still in the cache."""
    index = find_index(recorded, data)
    if index is None:
        return ""
    splits = index["splits"]
    splits_now = {split: vars(content) for split, content in data.dataset.splits.items()}
    before = list_places(splits)
    now = list_places(splits_now)
    moved = {name for name in before.keys() & now.keys() if before[name] != now[name]}
    changes = {
        "added": now.keys() - before.keys(),
        "removed": before.keys() - now.keys(),
        "in another split, group or size": moved,
    }
    parts = []
    for change, names in changes.items():
        if names:
            shown = list_first(sorted(names), MAX_NAMES)
            parts.append(f"{counted(len(names), 'image')} ({shown}) {change}")
    if not parts:
        same_labels = all(splits[key]["labels"] == splits_now[key]["labels"] for key in splits)
        differing = "pixels of images or masks" if same_labels else "masks"
        parts = [f"the {differing} differ"]
    return f" ({'; '.join(parts)})"


def find_index(recorded: str, data: SegmentationData) -> dict[str, Any] | None:
    """The index of decoded data with this hash, None if they are not in the cache."""
    for file in data.directory.glob(f"*/{INDEX}"):
        _, _, text = file.read_text(encoding="utf-8").partition("\n")
        if recorded in text:
            return json.loads(text)
    return None


def list_places(splits: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Split, group, height and width of each image by its name."""
    places = {}
    for split, entry in splits.items():
        columns = zip(entry["names"], entry["groups"], entry["sizes"], strict=True)
        for name, group, size in columns:
            places[name] = (split, group, *size)
    return places
