"""Settings as they are typed in a shell, for commands that a message shows."""

import shlex
from collections.abc import Mapping
from typing import Any


def format_setting(key: str, value: Any) -> str:
    """A setting as it is typed: a text is quoted for Hydra, and all of it for the shell."""
    if not isinstance(value, str):
        return shlex.quote(f"{key}={format_value(value)}")
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    word = f"{key}='{escaped}'"
    if any(character in '"$`\\!' for character in word):
        return shlex.quote(word)
    return f'"{word}"'


def format_value(value: Any) -> str:
    """A value in Hydra's grammar: a number, truth value, list or table."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return f"[{','.join(map(str, value))}]"
    if isinstance(value, Mapping):
        entries = [f"{name}: {item}" for name, item in value.items()]
        return f"{{{', '.join(entries)}}}"
    return str(value)
