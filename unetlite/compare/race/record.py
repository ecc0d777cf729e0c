"""What `race.json` keeps of a race."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic.dataclasses import dataclass

from unetlite.errors import UsageError
from unetlite.judge.sequential import interim_alphas
from unetlite.validation import STRICT, read_record


@dataclass(frozen=True, config=STRICT)
class RacePlan:
    """The plan of the statistics: what must not change while a race goes on."""

    variants: list[str]
    by: str = "upsample"  # the key that is compared
    metric: str = "miou"  # of METRICS
    margin: float | None = None  # in the metric; None ends with one candidate or the last interim
    seeds: int = 10  # the most of each variant, one of INTERIMS
    budget: float | None = None  # seconds, checked between interim analyses

    def __post_init__(self) -> None:
        interim_alphas(self.seeds)  # raises UsageError
        if len(set(self.variants)) < max(2, len(self.variants)):
            raise UsageError(f"variants={self.variants}: a race takes two or more different ones.")


@dataclass(frozen=True, config=STRICT)
class Interim:
    """An interim analysis."""

    seeds: int
    candidates: list[str]  # go on; the best is one of them
    regret: dict[str, float]  # of the variants that were in the race
    alpha: float | None = None
    seconds: float | None = None  # that the race had taken
    means: dict[str, float] = Field(default_factory=dict)


@dataclass(frozen=True, config=STRICT)
class Failure:
    """A training that gave no result. It takes its variant out of the race."""

    variant: str
    seed: int
    reason: str


@dataclass(config=STRICT)
class RaceRecord:
    """The plan of a race, its interim analyses, and the trainings that failed."""

    plan: RacePlan
    interims: list[Interim] = Field(default_factory=list)
    ended: str | None = None  # why, if it has
    seconds: float = 0.0  # that it had taken when this was written
    data_hash: str | None = None  # of the data; None in a record of an earlier version
    code_version: str | None = None  # that began the race
    failures: list[Failure] = Field(default_factory=list)
    no_verdict: str | None = None  # why there can be none

    def __post_init__(self) -> None:
        for failure in self.failures:
            if failure.variant not in self.plan.variants:
                raise UsageError(f"{failure.variant} failed, and was not in the race.")
        racing = self.plan.variants
        for interim in self.interims:
            racing = self._without_failed(racing, interim.seeds)
            if interim.regret.keys() != set(racing):
                raise UsageError(f"{interim.seeds} seeds: it analysed others than {racing}.")
            if not interim.candidates or not set(interim.candidates) <= set(racing):
                raise UsageError(f"{interim.seeds} seeds: {interim.candidates} are no candidates.")
            racing = interim.candidates
        if self.ended is None and len(racing) < 2:
            raise UsageError(f"it goes on with {racing} alone.")

    @property
    def racing(self) -> list[str]:
        """The variants that are trained after these interim analyses."""
        racing = self.plan.variants
        if self.interims:
            racing = self.interims[-1].candidates
        return self._without_failed(racing, self.plan.seeds)

    @property
    def not_failed(self) -> list[str]:
        """The variants of the plan without those of which a training failed."""
        return self._without_failed(self.plan.variants, self.plan.seeds)

    def _without_failed(self, variants: list[str], seeds: int) -> list[str]:
        """Of these, the variants of which none of the first `seeds` trainings failed."""
        failed = {failure.variant for failure in self.failures if failure.seed < seeds}
        return [name for name in variants if name not in failed]

    @property
    def next_seeds(self) -> int:
        """Number of seeds at the next interim analysis, or at the last one if none is left."""
        planned = list(interim_alphas(self.plan.seeds))
        number = min(len(self.interims), len(planned) - 1)
        return planned[number]


def read_race(directory: Path) -> RaceRecord | None:
    """The record in a directory, None if there is none. Raises UsageError if it is damaged."""
    file = directory / "race.json"
    if not file.exists():
        return None
    return read_record(
        file,
        RaceRecord,
        "Delete it, and run the same command again: no training is lost.",
        upgrade_race,
    )


def upgrade_race(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a record, as earlier versions wrote it too."""
    record = dict(content)
    if "looks" in record:  # what interim analyses were called
        record["interims"] = record.pop("looks")
    plan = dict(record["plan"])
    plan["variants"] = list(plan.get("variants", ()))  # they were mapped to their overrides
    record["plan"] = plan
    return record
