"""What these scripts share: a clone to read from, and a folder to write for `data=folder`."""

import csv
import hashlib
import io
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from unetlite.files import atomic_path


class Item(NamedTuple):
    """An image of a set, with its mask of class indices."""

    name: str
    split: str  # train, val or test
    group: str
    image: Image.Image
    mask: Image.Image


class Repository:
    """A public repository at one commit. Git's names are checksums, so every file is checked.

    The clone may be bare, and need not have all files: reading a missing one raises an error.
    """

    def __init__(self, clone: str, commit: str):
        self.clone = clone
        self.commit = commit
        self.git("cat-file", "-e", f"{commit}^{{commit}}")

    def git(self, *arguments: str) -> bytes:
        """The output of a git command."""
        command = ["git", "-C", self.clone, *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout

    def list_files(self, folder: str) -> list[str]:
        """The paths below a folder, sorted."""
        output = self.git("ls-tree", "-r", "-z", "--name-only", self.commit, f"{folder}/")
        return sorted(output.decode().rstrip("\0").split("\0"))

    def read(self, path: str) -> bytes:
        """The content of a file."""
        return self.git("show", f"{self.commit}:{path}")

    def open_image(self, path: str) -> Image.Image:
        """The image in a file."""
        return Image.open(io.BytesIO(self.read(path)))


def sort_by_hash(names: Iterable[str]) -> list[str]:
    """An order that depends on the names alone, and on nothing that they mean."""
    return sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())


def choose_split(name: str, test: Collection[str], val: Collection[str]) -> str:
    """What is in neither trains."""
    if name in test:
        return "test"
    if name in val:
        return "val"
    return "train"


def write_set(target: Path, items: Iterable[Item]) -> None:
    """Writes images/, masks/ and splits.csv, all or nothing, to a folder that is not there yet."""
    if target.exists():
        sys.exit(f"{target} is there. Remove it, or give another folder.")
    with atomic_path(target) as partial:
        for folder in ("images", "masks"):
            (partial / folder).mkdir(parents=True)
        with (partial / "splits.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "split", "group"])
            for item in items:
                item.image.save(partial / "images" / f"{item.name}.png")
                item.mask.save(partial / "masks" / f"{item.name}.png")
                writer.writerow([item.name, item.split, item.group])


def main(list_items: Callable[[Repository], Iterable[Item]], commit: str) -> None:
    """`python SCRIPT CLONE DIR`: reads a clone of the repository, and writes the set to DIR."""
    clone, target = sys.argv[1:]
    repository = Repository(clone, commit)
    write_set(Path(target), list_items(repository))
