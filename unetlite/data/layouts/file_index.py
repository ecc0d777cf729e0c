"""The image files below a folder, by the paths that annotations give."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote

from unetlite.data.image_files import is_image, list_files, nfc
from unetlite.data.layouts.base import split_of_words
from unetlite.errors import UsageError

UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")
"""What Label Studio puts before the name of a file that is uploaded."""


def file_name(address: str) -> str:
    """The name of a file, of which an export gives a path or an address."""
    return nfc(re.split(r"[/\\=]", unquote(address))[-1])


class FoundImages(NamedTuple):
    """The images that a file of annotations names."""

    paths: dict[str, Path]  # by the names that it gives them
    by_name: bool = False  # no path of it is there, so files were found by their names alone


class FileIndex:
    """The image files below a directory, by the relative path in Unicode NFC and by file name."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.paths: dict[str, Path] = {}
        self.by_name: dict[str, list[str]] = {}
        for path in list_files(directory):
            if is_image(path):
                relative = nfc(path.relative_to(directory).as_posix())
                self.paths[relative] = path
                self.by_name.setdefault(PurePosixPath(relative).name, []).append(relative)

    def find_images(self, file: Path, names: Sequence[str]) -> FoundImages:
        """The images that a file of annotations names.

        They are relative to one folder, whichever has them all. Of several it is that of the file,
        or that which is named after the file's split. If no path is there, as after an export from
        a server, images are found by file name. Raises UsageError if there is none, or if it is
        unclear.
        """
        if not names:
            raise UsageError(f"{file} describes no image; export it again.")
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise UsageError(f"{file} describes the image {twice} twice; export it again.")
        relative = {name: nfc(name.replace("\\", "/")).removeprefix("./") for name in names}
        folders = []
        missing = ""
        for folder in self.folders_with(relative[names[0]]):
            absent = [path for path in relative.values() if folder + path not in self.paths]
            if absent:
                missing = missing or folder + absent[0]
            else:
                folders.append(folder)
        if len(folders) > 1:
            folders = self.nearest(file, folders)
        if len(folders) > 1:
            raise UsageError(
                f"{file} names {names[0]}, which is in {' and '.join(folders)}; keep one of them."
            )
        if not folders and not any(map(self.folders_with, relative.values())):
            return FoundImages(self.match_names(file, names), by_name=True)
        if not folders:
            raise self.not_found(file, missing or names[0])
        return FoundImages({name: self.paths[folders[0] + path] for name, path in relative.items()})

    def match_names(self, file: Path, names: Sequence[str]) -> dict[str, Path]:
        """The images of these file names, in whatever folder.

        Raises UsageError unless each name has one file, and each file one name.
        """
        images: dict[str, Path] = {}
        name_of: dict[Path, str] = {}
        for name in names:
            matches = self.find_by_name(file_name(name))
            if not matches:
                raise self.not_found(file, name)
            if len(matches) > 1:
                raise UsageError(
                    f"{file} names the image {name}; {' and '.join(map(str, matches))} have that "
                    "name. Keep one of them, or put the images where the file says."
                )
            images[name] = matches[0]
            other = name_of.setdefault(matches[0], name)
            if other != name:
                raise UsageError(
                    f"{file} names the images {other} and {name}, which may both be {matches[0]}; "
                    "put the images where the file says."
                )
        return images

    def not_found(self, file: Path, name: str) -> UsageError:
        """The error for an image that a file names."""
        return UsageError(
            f"{file} names the image {name}, which is not below {self.directory}; put the images "
            "there."
        )

    def folders_with(self, path: str) -> list[str]:
        """The folders, as text that ends with a slash, that have this relative path."""
        folders = []
        for candidate in self.by_name.get(PurePosixPath(path).name, []):
            if candidate == path or candidate.endswith(f"/{path}"):
                folders.append(candidate.removesuffix(path))
        return folders

    def nearest(self, file: Path, folders: list[str]) -> list[str]:
        """Of several folders those of the file, or else those of its split."""
        own = ""
        if file.parent != self.directory:
            own = nfc(file.parent.relative_to(self.directory).as_posix()) + "/"
        if own in folders:
            return [own]
        split = split_of_words(file.stem)
        return [folder for folder in folders if split_of_words(folder) == split]

    def find_by_name(self, name: str) -> list[Path]:
        """The files of a name in NFC, in whatever folder, or else of the name before an upload."""
        paths = self.by_name.get(name) or self.by_name.get(UPLOAD_PREFIX.sub("", name), [])
        return [self.paths[path] for path in paths]
