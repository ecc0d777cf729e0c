"""Classes that are chosen by name in a configuration, and settings that are checked against a schema."""

from collections.abc import Callable, Mapping
from inspect import signature
from itertools import islice
from json import JSONEncoder
from typing import Any, TypeVar

from pydantic import ConfigDict, ValidationError, create_model

from unetlite.errors import UsageError

T = TypeVar("T")

STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True)
"""No word for a number, no unknown key, no NaN."""

MOST_PIECES = 300_000  # of JSON, about three a value, of what a file may hold beside a network's numbers


class Registry(dict[str, type]):
    """Names to classes of one kind, such as "upsampling operator", chosen by a key of the configuration."""

    def __init__(self, kind: str, key: str):
        super().__init__()
        self.kind, self.key = kind, key

    def register(self, name: str) -> Callable[[type[T]], type[T]]:
        """Class decorator: make the class known under `name`."""

        def add(cls: type[T]) -> type[T]:
            options = [p for p in signature(cls).parameters.values() if p.kind is p.KEYWORD_ONLY]
            if name in self or any(p.annotation is p.empty for p in options):
                raise TypeError(f"{self.kind} {name!r}: names are given once, and every option needs an annotation.")
            self[name] = cls
            return cls

        return add

    def build(self, choice: Mapping[str, Any], *args: Any) -> Any:
        """The class called `choice["name"]`, built with `args` and, as keywords, the rest of `choice`."""
        options = self.options(choice)  # which may not be
        return self[choice["name"]](*args, **options)

    def options(self, choice: Mapping[str, Any]) -> dict[str, Any]:
        """The keyword arguments of a choice, or a UsageError; the annotations of the class are their schema."""
        options = dict(choice)
        name = options.pop("name", None)
        if not isinstance(name, str) or name not in self:
            raise UsageError(f"{self.kind} {name!r} is not known; choose one of {', '.join(sorted(self))}.")
        keywords = [p for p in signature(self[name]).parameters.values() if p.kind is p.KEYWORD_ONLY]
        known: dict[str, Any] = {p.name: (p.annotation, ... if p.default is p.empty else p.default) for p in keywords}
        return vars(checked(create_model(name, __config__=STRICT, **known), options, self.key))


def checked(schema: type[T], values: object, prefix: str) -> T:
    """`values` as an object of a pydantic class, or a UsageError with the first wrong key, its value and what fits."""
    if not isinstance(values, Mapping):
        raise UsageError(f"{prefix}={values}: expected a group of settings, such as one of configs/{prefix}.")
    try:
        return schema(**values)
    except ValidationError as error:
        first = error.errors()[0]
    key = ".".join(str(part) for part in (prefix, *first["loc"]) if part)
    if first["type"] in ("missing", "missing_argument"):
        raise UsageError(f"{key} has no value; give {key}=...")
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        known = [name for name in signature(schema).parameters if name not in ("args", "kwargs")]
        raise UsageError(f"{key} is not known; there are {', '.join(known) or 'no options'}.")
    message = str(first.get("ctx", {}).get("error") or first["msg"].removeprefix("Input ")).replace("tuple", "list")
    raise UsageError(f"{key}={first['input']}: {message}.")


def is_plain(value: Any) -> bool:
    """Whether a value is one of JSON, and not too long.

    A list that is in itself, or twice in each of many lists, is small in a file and endless when it is walked.
    """
    try:
        pieces = JSONEncoder().iterencode(value)  # as they are asked for
        return next(islice(pieces, MOST_PIECES, None), None) is None
    except (TypeError, ValueError, RecursionError):
        return False
