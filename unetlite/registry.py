"""Classes that a configuration chooses by name."""

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Any, TypeVar

from pydantic import create_model

from unetlite.errors import UsageError
from unetlite.validation import STRICT, validate

T = TypeVar("T")


class Registry(dict[str, type[T]]):
    """Names to classes of one kind, such as "upsampling operator", under a key of the settings.

    With a base class, every registered class must derive from it.
    """

    def __init__(self, kind: str, key: str, base: type[T] | None = None):
        super().__init__()
        self.kind = kind
        self.key = key
        self.base = base

    def register(self, name: str) -> Callable[[type[T]], type[T]]:
        """Class decorator: makes the class known under `name`. Every option needs an annotation."""

        def add(cls: type[T]) -> type[T]:
            if name in self:
                raise TypeError(f"{self.kind} {name!r} is registered already.")
            if self.base is not None and not issubclass(cls, self.base):
                raise TypeError(
                    f"{self.kind} {name!r}: derive {cls.__name__} from {self.base.__name__}."
                )
            for parameter in keyword_options(cls):
                if parameter.annotation is Parameter.empty:
                    raise TypeError(f"{self.kind} {name!r}: {parameter.name} needs an annotation.")
            self[name] = cls
            return cls

        return add

    def lookup(self, choice: Mapping[str, Any]) -> type[T]:
        """The class called `choice["name"]`. Raises UsageError for an unknown name."""
        name = choice.get("name")
        if not isinstance(name, str) or name not in self:
            raise UsageError(
                f"{self.kind} {name!r} is not known; choose one of {', '.join(sorted(self))}."
            )
        return self[name]

    def build(self, choice: Mapping[str, Any], *args: Any) -> T:
        """The class called `choice["name"]`, built with `args` and, by keyword, the rest of it.

        Raises UsageError for an unknown name or option.
        """
        options = self.options(choice)
        return self.lookup(choice)(*args, **options)

    def options(self, choice: Mapping[str, Any]) -> dict[str, Any]:
        """The keyword arguments of a choice, checked against the annotations of its class."""
        fields: dict[str, Any] = {}
        for parameter in keyword_options(self.lookup(choice)):
            default = parameter.default
            if default is Parameter.empty:
                default = ...  # pydantic's sign for a value that must be given
            fields[parameter.name] = (parameter.annotation, default)
        schema = create_model(choice["name"], __config__=STRICT, **fields)
        values = dict(choice)
        del values["name"]
        return vars(validate(schema, values, self.key))


def keyword_options(cls: type) -> list[Parameter]:
    """The options of a class: its keyword-only parameters."""
    parameters = signature(cls).parameters.values()
    return [parameter for parameter in parameters if parameter.kind is Parameter.KEYWORD_ONLY]
