"""How a race stands while it runs, for the terminal."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import mean

from rich.table import Table

from unetlite.compare.planning.expectation import narrowing
from unetlite.compare.race.record import Interim, RaceRecord
from unetlite.judge.sequential import INTERIMS, interim_alphas
from unetlite.timing import format_duration


@dataclass
class RaceMonitor:
    """Lines and a table of trainings and interim analyses."""

    record: RaceRecord  # of the race, which goes on in it
    step_seconds: Mapping[str, float]  # of a training step, by variant
    scores: dict[str, dict[int, float]]  # by variant and seed; at first those of an earlier start
    training_seconds: Mapping[str, float]  # that a training adds to the race by plan, by variant
    report_seconds: float  # after the last training
    groups: int  # of test images
    planned_seconds: float = 0.0  # of the trainings since this start

    def __post_init__(self) -> None:
        self.seconds_before = self.record.seconds  # of earlier starts
        self.start = time.monotonic()

    @property
    def done(self) -> int:
        """Number of trainings, of earlier starts too."""
        return sum(map(len, self.scores.values()))

    @property
    def elapsed(self) -> float:
        """Seconds since this start."""
        return time.monotonic() - self.start

    @property
    def slowdown(self) -> float:
        """Real seconds of the trainings of this start, over the planned ones."""
        if self.planned_seconds == 0:
            return 1.0
        return self.elapsed / self.planned_seconds

    def finished(self, variant: str, seed: int, score: float | None) -> str:
        """The line for a training that has just finished. None is no score.

        After the last training of a seed, a second line says when the end is expected now.
        """
        if score is None:
            score = math.nan
        self.scores[variant][seed] = score
        self.planned_seconds += self.training_seconds[variant]
        trainings, left = self._progress()
        line = f"{trainings}   {variant} seed{seed}   test {score:.4f}   {left}".rstrip()
        if all(seed in self.scores[name] for name in self.record.racing):
            line += f"\n{self._corrected_end()}"
        return line

    def interim(self, interim: Interim) -> str:
        """The line for an interim analysis, and what another one would cost and buy."""
        candidates = interim.candidates
        dropped = [name for name in interim.regret if name not in candidates]
        line = (
            f"interim analysis at {interim.seeds} seeds: "
            f"dropped {', '.join(dropped) or 'none'}; may be the best: {', '.join(candidates)}"
        )
        bound = min(interim.regret.values())
        line += f"\nthe safest of them is at most {bound:.4f} below the best"
        later = [seeds for seeds in INTERIMS if seeds > interim.seeds]
        if not later or len(candidates) < 2:
            return line
        seeds = later[0]
        seconds = self._seconds_until(seeds, candidates)
        factor = narrowing(
            len(candidates),
            self.groups,
            interim.seeds,
            seeds,
            self.record.plan.seeds,
        )
        narrowed = bound * factor
        return line + (
            f"; trainings up to {seeds} seeds take {format_duration(seconds)} more, and then that "
            f"is about {narrowed:.4f}"
        )

    def _seconds_until(self, seeds: int, names: list[str]) -> float:
        """Seconds of the trainings that are missing until so many seeds, by what trainings take."""
        seconds = 0.0
        for name in names:
            missing = max(0, seeds - len(self.scores[name]))
            seconds += missing * self.training_seconds[name]
        return seconds * self.slowdown

    def _corrected_end(self) -> str:
        """When the end is expected now, by what the trainings of this start took."""
        record = self.record
        budget = record.plan.budget or math.inf
        taken = self.seconds_before + self.elapsed
        seconds = self._seconds_until(record.next_seeds, record.racing)
        for seeds in interim_alphas(record.plan.seeds):
            until = self._seconds_until(seeds, record.racing)
            if taken + until <= budget:
                seconds = max(seconds, until)
        end = format_duration(seconds + self.report_seconds)
        text = (
            f"the end is now expected in {end} at most (trainings take {self.slowdown:.2f} of the "
            "plan)"
        )
        excess = taken + seconds - budget
        if excess > 0:
            text += f", past the budget by {format_duration(excess)}"
        return text

    def _progress(self) -> tuple[str, str]:
        """The number of trainings, and the time until the seeds of the next analysis, as text."""
        seeds = self.record.next_seeds
        max_trainings = self.done
        for name in self.record.racing:
            max_trainings += self.record.plan.seeds - len(self.scores[name])
        trainings = f"{self.done} of at most {max_trainings}"
        if self.planned_seconds == 0:
            return trainings, ""
        seconds = self._seconds_until(seeds, self.record.racing)
        if seconds == 0:
            return trainings, f"all {seeds} seeds are trained"
        return trainings, f"{format_duration(seconds)} until {seeds} seeds"

    def table(self) -> Table:
        """Trainings, mean IoU, max regret and training step of every variant, the best first."""
        regrets: dict[str, float] = {}
        for interim in self.record.interims:
            regrets.update(interim.regret)
        means = {name: mean(by_seed.values() or [0]) for name, by_seed in self.scores.items()}
        trainings, left = self._progress()
        table = Table(
            "operator",
            "trainings",
            "mean IoU\n(test)",
            "max regret\n(95 %)",
            "training step",
            title=f"{trainings} trainings   {left}",
        )
        for name in sorted(means, key=means.__getitem__, reverse=True):
            table.add_row(
                name if name in self.record.racing else f"{name} (dropped)",
                str(len(self.scores[name])),
                f"{means[name]:.4f}" if self.scores[name] else "",
                f"{regrets[name]:.4f}" if name in regrets else "",
                f"{1000 * self.step_seconds[name]:.0f} ms",
            )
        return table
