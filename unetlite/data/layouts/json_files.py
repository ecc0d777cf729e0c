"""JSON that tools write."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from unetlite.errors import PARSE_ERRORS, UsageError, first_line

MAX_JSON_FILES = 20
"""A folder with more JSON files has one for each image, and the first shows of which kind."""


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises UsageError if it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{path} is damaged: it is no JSON in UTF-8 ({first_line(error)}). "
            "Export it again, or remove it if it holds no labels."
        ) from None


class JsonFiles(NamedTuple):
    """JSON files of some folders."""

    contents: dict[Path, Any]
    damaged: list[UsageError]  # which name the file and the cause

    def add(self, path: Path) -> None:
        """Reads a file."""
        try:
            self.contents[path] = read_json(path)
        except UsageError as error:
            self.damaged.append(error)

    def matching(self, condition: Callable[[Any], bool]) -> dict[Path, Any]:
        """The contents that a condition holds for."""
        return {path: content for path, content in self.contents.items() if condition(content)}

    def check(self) -> None:
        """Raises UsageError if a file is damaged: it may hold a part of the labels."""
        for error in self.damaged:
            raise error


def peek_json(folders: Iterable[Path]) -> JsonFiles:
    """The JSON files of folders, of many in one folder the first."""
    files = JsonFiles({}, [])
    for folder in folders:
        paths = sorted(folder.glob("*.json"))
        if len(paths) > MAX_JSON_FILES:
            paths = paths[:1]
        for path in paths:
            files.add(path)
    return files


@contextmanager
def expect_export(source: Path | str, tool: str) -> Iterator[None]:
    """Turns what unexpected content raises in the block into a UsageError."""
    try:
        yield
    except PARSE_ERRORS as error:
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise UsageError(
            f"{source} is not as {tool} writes it ({reason}). Export it again."
        ) from None
