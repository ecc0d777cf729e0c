"""Values that are checked against a schema."""

from collections.abc import Mapping
from inspect import signature
from itertools import islice
from json import JSONEncoder
from typing import Any, TypeVar

from pydantic import ConfigDict, ValidationError

from unetlite.errors import UsageError

T = TypeVar("T")

STRICT = ConfigDict(
    strict=True,
    extra="forbid",
    allow_inf_nan=False,
    arbitrary_types_allowed=True,
)
"""No text for a number, no unknown key, no NaN."""

MOST_PIECES = 300_000
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
    """True if JSON can hold the value in MOST_PIECES or fewer.

    A list that holds itself, or is twice in each of many lists, is small in a file and endless when
    it is walked. So the pieces are encoded one at a time.
    """
    try:
        pieces = JSONEncoder().iterencode(value)
        too_many = next(islice(pieces, MOST_PIECES, None), None)
    except (TypeError, ValueError, RecursionError):
        return False
    return too_many is None
