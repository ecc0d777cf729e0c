"""Values that are checked against a schema."""

from collections.abc import Callable, Mapping
from inspect import signature
from itertools import islice
from json import JSONEncoder, dumps
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from unetlite.errors import PARSE_ERRORS, UsageError, first_line
from unetlite.files import read_mapping

T = TypeVar("T")

STRICT = ConfigDict(
    strict=True,
    extra="forbid",
    allow_inf_nan=False,
    arbitrary_types_allowed=True,
)
"""No text for a number, no unknown key, no NaN."""

MAX_PIECES = 300_000
"""Of JSON, about three a value: the limit for what a file holds beside a network's weights."""


def validate(schema: type[T], values: object, prefix: str) -> T:
    """`values` as an object of a pydantic class.

    Raises UsageError with the first wrong key, its value and what is expected.
    """
    if not isinstance(values, Mapping):
        raise UsageError(
            f"{prefix}={values}: expected a group of settings, such as one of configs/{prefix}."
        )
    try:
        return schema(**values)
    except ValidationError as error:
        raise UsageError(describe_error(schema, error, prefix)) from None


def read_if_valid(path: Path, schema: type[T]) -> T | None:
    """The content of a JSON file as an object of a pydantic class; None if missing or damaged."""
    if not path.exists():
        return None
    try:
        return read_record(path, schema, "")
    except UsageError:
        return None


def read_record(
    path: Path,
    schema: type[T],
    remedy: str,
    upgrade: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
) -> T:
    """The content of a JSON file, upgraded, as an object of a pydantic class.

    Raises UsageError with the remedy if the file is damaged or missing.
    """
    content = read_mapping(path, (), remedy)
    try:
        return TypeAdapter(schema).validate_json(dumps(upgrade(content)))
    except ValidationError as error:
        reason = describe_error(schema, error, "").rstrip(".")
    except (UsageError, *PARSE_ERRORS) as error:
        reason = first_line(error).rstrip(".")
    reason = " ".join(reason.split())[:300]  # it quotes the file
    raise UsageError(f"{path} is damaged ({reason}). {remedy}")


def describe_error(schema: type, error: ValidationError, prefix: str) -> str:
    """The first error of pydantic in one sentence, with the key as a user types it."""
    first = error.errors()[0]
    path = [prefix, *first["loc"]]
    key = ".".join(str(part) for part in path if part)
    if first["type"] in ("missing", "missing_argument"):
        return f"{key} has no value; give {key}=..."
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        options = [name for name in signature(schema).parameters if name not in ("args", "kwargs")]
        return f"{key} is not known; there are {', '.join(options) or 'no options'}."
    message = first.get("ctx", {}).get("error")
    if message is None:
        message = first["msg"].removeprefix("Input ")
    message = str(message).replace("tuple", "list")
    return f"{key}={first['input']}: {message}."


def is_small_json(value: Any) -> bool:
    """True if JSON can hold the value in MAX_PIECES or fewer.

    A list that holds itself, or is twice in each of many lists, is small in a file and endless when
    it is walked. So the pieces are encoded one at a time.
    """
    try:
        pieces = JSONEncoder().iterencode(value)
        too_many = next(islice(pieces, MAX_PIECES, None), None)
    except (TypeError, ValueError, RecursionError):
        return False
    return too_many is None
