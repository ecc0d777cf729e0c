"""Commands to paste: a race of the same request with changes."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from unetlite.compare.planning.request import Request
from unetlite.files import shell_path


def choose_command(
    request: Request,
    changes: Sequence[str] = (),
    *,
    budget: str | None = None,
    levers: bool = True,
    home: str | None = None,
) -> str:
    """The command that asks the same with changes of settings, which hold in place of earlier ones.

    `budget` is that of the request by default. Without `levers` none are tried. `home` is a folder
    of its own.
    """
    words = ["unetlite choose", data_word(request)]
    if home is not None:
        words.insert(0, f"UNETLITE_HOME={home}")
    budget = budget or request.budget
    if budget is not None:
        words.append(f"--budget {budget}")
    if not (request.levers and levers):
        words.append("--no-levers")
    operators = request.operators or ",".join(request.candidates or [])
    if operators:
        words.append(f"--operators {operators}")
    if request.margin is not None:
        words.append(f"--margin {request.margin:g}")
    settings = {}
    for override in [*request.overrides, *changes]:  # the last of a key holds
        settings[override.partition("=")[0]] = shlex.quote(override)
    return " ".join(words + list(settings.values()))


def data_word(request: Request) -> str:
    """The data set as it is typed: a folder, or a name."""
    path = Path(request.data)
    return shell_path(path) if path.is_dir() else request.data
