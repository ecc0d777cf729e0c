"""What `race.json` keeps of a race."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unetlite.errors import UsageError
from unetlite.files import read_mapping
from unetlite.judge.sequential import interim_alphas


@dataclass
class RaceRecord:
    """The plan of a race, and its interim analyses."""

    plan: dict[str, Any]  # the fields of race.RacePlan
    interims: list[dict[str, Any]] = field(default_factory=list)
    ended: str | None = None  # why, if it has
    seconds: float = 0.0  # that it had taken when this was written

    @property
    def racing(self) -> list[str]:
        """The variants that are trained after these interim analyses."""
        if not self.interims:
            return list(self.plan["variants"])
        return self.interims[-1]["candidates"]

    @property
    def next_seeds(self) -> int:
        """Number of seeds at the next interim analysis, or at the last one if none is left."""
        planned = list(interim_alphas(self.plan["seeds"]))
        number = min(len(self.interims), len(planned) - 1)
        return planned[number]


def read_race(directory: Path) -> RaceRecord | None:
    """The record in a directory, None if there is none. Raises UsageError if it is damaged."""
    file = directory / "race.json"
    if not file.exists():
        return None
    remedy = "Delete it, and run the same command again: no training is lost."
    content = read_mapping(file, ("plan", "ended", "seconds"), remedy)
    # Earlier versions called interim analyses looks, and mapped variants to their overrides.
    interims = content.get("interims", content.get("looks"))
    if not isinstance(interims, list):
        raise UsageError(f"{file} is damaged. {remedy}")
    plan = content["plan"]
    plan["variants"] = list(plan["variants"])
    return RaceRecord(
        plan,
        interims,
        content["ended"],
        content["seconds"],
    )
