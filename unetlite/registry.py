"""A dictionary of named classes that says what it knows when it is asked for something else."""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any, TypeVar

from unetlite.errors import UsageError

T = TypeVar("T")


class Registry(dict[str, type]):
    """Names to classes of one kind, such as "upsampling operator"; `kind` appears in the errors."""

    def __init__(self, kind: str):
        super().__init__()
        self.kind = kind

    def register(self, name: str) -> Callable[[type[T]], type[T]]:
        """Class decorator: make the class known under `name`."""

        def add(cls: type[T]) -> type[T]:
            self[name] = cls
            return cls

        return add

    def build(self, choice: Mapping[str, Any], *args: Any) -> Any:
        """The class called `choice["name"]`, built with `args` and, as keywords, the rest of `choice`.

        Raises:
            UsageError: there is no such class, or it has no such option; the choices are listed.
        """
        options = dict(choice)
        name = options.pop("name", None)
        if name not in self:
            raise UsageError(f"{self.kind} {name!r} is not known; choose one of {', '.join(sorted(self))}.")
        check_options(f"{self.kind} {name!r}", self[name], options)
        return self[name](*args, **options)


def check_options(what: str, cls: type, options: Mapping[str, Any]) -> None:
    """Raises UsageError if `cls` has no such keyword options, or if a number, word or switch is of another type."""
    known = {key: p.annotation for key, p in signature(cls).parameters.items() if p.kind is p.KEYWORD_ONLY}
    if unknown := sorted(set(options) - set(known)):
        raise UsageError(f"{what} has no option {', '.join(unknown)}; it has {', '.join(known) or 'none'}.")
    for key, value in options.items():
        kind = known[key]
        simple = kind in (int, float, bool, str, int | None)
        if simple and not isinstance(value, int | float if kind is float else kind):
            raise UsageError(f"{what}: {key}={value!r} should be {getattr(kind, '__name__', kind)}.")
