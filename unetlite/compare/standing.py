"""How a race stands while it runs, in the terminal."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean

from rich.table import Table

from unetlite.compare.runs import RaceRecord, read_race
from unetlite.training.run import RunFiles


class Standing:
    """What is finished, what was decided, and what is left; `steps` are seconds of each operator's training step."""

    def __init__(self, directory: Path, operators: Sequence[str], seeds: int, steps: Mapping[str, float]):
        self.directory, self.operators, self.steps = directory, operators, steps
        self.scores: dict[str, dict[str, float]] = {name: {} for name in operators}
        self.race = RaceRecord({"variants": operators, "seeds": seeds})  # as it was told of
        self.started, self.before = time.monotonic(), -1  # trainings of an earlier start; -1 before the first update

    def update(self) -> Iterator[str]:
        """Reads what is new, and gives a line for each training and decision."""
        fresh = []
        for file in sorted(self.directory.glob("*/seed*/metrics.json")):
            name, seed = file.parts[-3:-1]
            if name in self.scores and seed not in self.scores[name]:
                self.scores[name][seed] = RunFiles(file.parent).stored_metrics()["test/miou"]
                fresh.append((name, seed))
        looks = race.looks if (race := read_race(self.directory)) else []
        if self.before < 0:  # what an earlier start has done and decided is no news
            self.before, self.race.looks = len(fresh), looks
            if fresh:
                yield f"{len(fresh)} trainings were done before"
            return
        for name, seed in fresh:
            score = self.scores[name][seed]
            yield f"{self.done} of at most {self.most}   {name} {seed}   {score:.4f}   {self.left}"
        for look in looks[len(self.race.looks) :]:
            dropped = [name for name in self.race.racing if name not in look["candidates"]]
            went = f"dropped {', '.join(dropped)}" if dropped else "nothing dropped"
            yield f"look at {look['seeds']} seeds: {went}; may be the best: {', '.join(look['candidates'])}"
            self.race.looks = [*self.race.looks, look]

    @property
    def done(self) -> int:
        return sum(map(len, self.scores.values()))

    @property
    def most(self) -> int:
        return self.done + sum(self.race.plan["seeds"] - len(self.scores[name]) for name in self.race.racing)

    @property
    def left(self) -> str:
        """Time until the next look, at the pace so far, in words."""
        trained = self.done - self.before
        if not trained:
            return ""
        missing = sum(max(0, self.race.seeds - len(self.scores[name])) for name in self.race.racing)
        minutes = missing * (time.monotonic() - self.started) / trained / 60
        return f"{minutes:.0f} min to the look at {self.race.seeds} seeds"

    def table(self) -> Table:
        """Of every operator its trainings, mean IoU, bound and training step; the best mean first."""
        bounds = {name: bound for look in self.race.looks for name, bound in look["regret"].items()}
        means = {name: mean(scores.values()) if scores else 0.0 for name, scores in self.scores.items()}
        head = "upsample", "trainings", "mean IoU", "below the best, at most", "training step"
        table = Table(*head, title=f"{self.done} of at most {self.most} trainings   {self.left}")
        for name in sorted(self.operators, key=lambda name: -means[name]):
            table.add_row(
                name if name in self.race.racing else f"{name} (dropped)",
                str(len(self.scores[name])),
                f"{means[name]:.4f}" if self.scores[name] else "",
                f"{bounds[name]:.4f}" if name in bounds else "",
                f"{1000 * self.steps[name]:.0f} ms",
            )
        return table
