"""How a race stands while it runs, for the terminal."""

import math
import time
from collections.abc import Mapping
from statistics import mean

from rich.table import Table

from unetlite.compare.race_record import Interim, RaceRecord


class RaceMonitor:
    """Lines and a table of trainings and interim analyses.

    `record` is that of the race, which goes on in it. `step_seconds` are those of each variant's
    training step. `scores`, by variant and seed, are those of an earlier start.
    """

    def __init__(
        self,
        record: RaceRecord,
        step_seconds: Mapping[str, float],
        scores: dict[str, dict[int, float]],
    ):
        self.record = record
        self.step_seconds = step_seconds
        self.scores = scores
        self.start = time.monotonic()
        self.trained = 0  # since this start

    @property
    def done(self) -> int:
        """Number of trainings, of earlier starts too."""
        return sum(map(len, self.scores.values()))

    def finished(self, variant: str, seed: int, score: float | None) -> str:
        """The line for a training that has just finished. None is no score."""
        if score is None:
            score = math.nan
        self.scores[variant][seed] = score
        self.trained += 1
        trainings, left = self._progress()
        return f"{trainings}   {variant} seed{seed}   {score:.4f}   {left}"

    def interim(self, interim: Interim) -> str:
        """The line for an interim analysis."""
        candidates = interim.candidates
        dropped = [name for name in interim.regret if name not in candidates]
        return (
            f"interim analysis at {interim.seeds} seeds: "
            f"dropped {', '.join(dropped) or 'none'}; may be the best: {', '.join(candidates)}"
        )

    def _progress(self) -> tuple[str, str]:
        """The number of trainings, and the time until the next interim analysis, as text."""
        seeds = self.record.next_seeds
        most = self.done
        missing = 0
        for name in self.record.racing:
            trained = len(self.scores[name])
            most += self.record.plan.seeds - trained
            missing += max(0, seeds - trained)
        trainings = f"{self.done} of at most {most}"
        if self.trained == 0:
            return trainings, ""
        minutes = missing * (time.monotonic() - self.start) / self.trained / 60
        return trainings, f"{minutes:.0f} min to the interim analysis at {seeds} seeds"

    def table(self) -> Table:
        """Trainings, mean IoU, max regret and training step of every variant, the best first."""
        regrets: dict[str, float] = {}
        for interim in self.record.interims:
            regrets.update(interim.regret)
        means = {name: mean(by_seed.values() or [0]) for name, by_seed in self.scores.items()}
        trainings, left = self._progress()
        table = Table(
            "upsample",
            "trainings",
            "mean IoU",
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
