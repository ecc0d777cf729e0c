"""What `unetlite choose` is asked, and the operators that it asks for."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic.dataclasses import dataclass

from unetlite.errors import UsageError
from unetlite.settings.composition import compose_run
from unetlite.settings.overrides import select_overrides
from unetlite.settings.paths import CONFIGS
from unetlite.settings.schema import Settings
from unetlite.timing import parse_duration
from unetlite.validation import STRICT

DEFAULT_OPERATORS = "transpose,separable,nearest,bilinear,pixelshuffle,dysample,unpool"

NEEDS_POSITIONS = "unpool"
"""The operator that an encoder of timm cannot serve."""


@dataclass(frozen=True, config=STRICT)
class Request:
    """What was asked. The answer to it is kept, so the same command goes on."""

    data: str
    overrides: list[str]
    operators: str | None  # as they were typed
    margin: float | None
    budget: str | None
    levers: bool = True  # tried before the race
    fixed_network: bool = False  # by a device
    candidates: list[str] | None = None  # operators that a device can run, if none were typed

    @property
    def fixed_keys(self) -> set[str]:
        """The dotted keys that a person set."""
        return {override.partition("=")[0].lstrip("+") for override in self.overrides}


def split_request(request: Request, model: str) -> dict[str, Request]:
    """The same request for each of several networks, which share the time.

    They race the same operators. Raises UsageError for a network that is not known.
    """
    networks = model.split(",")
    available = sorted(file.stem for file in (CONFIGS / "model").glob("*.yaml"))
    if len(set(networks)) < len(networks) or not set(networks) <= set(available):
        raise UsageError(f"--model {model}: expected different ones of {', '.join(available)}.")
    budget = request.budget
    if budget is not None:
        budget = f"{parse_duration(budget) / len(networks):.0f}s"
    requests = {}
    operators = request.operators or DEFAULT_OPERATORS
    for network in networks:
        overrides = [*request.overrides, f"model={network}"]
        requests[network] = replace(request, overrides=overrides, budget=budget)
        settings = compose_run(select_overrides(overrides, "model"))
        if request.operators is None and settings.model.encoder is not None:
            operators = ",".join(without_positions())
    return {key: replace(each, operators=operators) for key, each in requests.items()}


def without_positions() -> list[str]:
    """The default operators, for an encoder that does not give positions of maxima."""
    return [name for name in DEFAULT_OPERATORS.split(",") if name != NEEDS_POSITIONS]


def find_operators(request: Request, settings: Settings) -> list[str]:
    """The operators that were asked for, or the default ones which encoder and device can serve."""
    if request.operators is not None:
        return check_operators(request.operators)
    if request.candidates is not None:
        return request.candidates
    if settings.model.encoder is None:
        return DEFAULT_OPERATORS.split(",")
    print(
        f"{NEEDS_POSITIONS} is left out: {settings.model.encoder.name} has no positions of maxima"
    )
    return without_positions()


def check_operators(text: str) -> list[str]:
    """The names of operators. Raises UsageError unless they are two or more that exist."""
    from unetlite.network.upsampling import UPSAMPLERS

    names = text.split(",")
    if len(set(names)) < 2 or not set(names) <= UPSAMPLERS.keys():
        raise UsageError(f"--operators {text}: expected two or more of {', '.join(UPSAMPLERS)}.")
    return names


def option_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The options that differ, such as "margin was not given and is 0.01"."""
    changes = []
    for key in {**before, **now}:
        if before.get(key) != now.get(key):
            was, value = option_text(before.get(key)), option_text(now.get(key))
            changes.append(f"{key} was {was} and is {value}")
    return "; ".join(changes)


def option_text(value: object) -> str:
    """The value of an option, for a message."""
    if isinstance(value, list):
        value = " ".join(map(str, value)) or None
    return "not given" if value is None else str(value)
