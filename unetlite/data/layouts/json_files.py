"""JSON that tools write."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from unetlite.errors import PARSE_ERRORS, UsageError, first_line

MOST_JSON_FILES = 20
"""A folder with more JSON files has one for each image, and the first shows of which kind."""


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises UsageError if it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{path} is no JSON in UTF-8 ({first_line(error)}). Export it again."
        ) from None


def peek_json(folder: Path) -> list[tuple[Path, Any]]:
    """JSON files of a folder with their content, of many the first. Damaged ones do not count."""
    if not folder.is_dir():
        return []
    files = sorted(folder.glob("*.json"))
    if len(files) > MOST_JSON_FILES:
        files = files[:1]
    contents = []
    for file in files:
        with suppress(UsageError):
            contents.append((file, read_json(file)))
    return contents


@contextmanager
def expect_export(path: Path, tool: str) -> Iterator[None]:
    """Turns what unexpected content raises in the block into a UsageError."""
    try:
        yield
    except PARSE_ERRORS as error:
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise UsageError(
            f"{path} is not as {tool} writes it ({reason}). Export it again."
        ) from None
