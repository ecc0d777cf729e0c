"""A setting that an operation cannot have, in the words of either language."""

from typing import Any

from unetlite.arithmetic.words import say


class Refused(ValueError):
    """A setting that is refused.

    `key` names its words, `values` are what they are filled with. Of these, `name` is itself the
    key of what is meant, such as "stride".
    """

    def __init__(self, key: str, **values: Any):
        self.key = key
        self.values = values
        super().__init__(self.message("en"))

    def message(self, language: str) -> str:
        """The value, what was expected and the remedy."""
        values = dict(self.values)
        if "name" in values:
            values["name"] = say(str(values["name"]), language)
        return say(f"refused_{self.key}", language, **values)
