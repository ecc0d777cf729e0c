"""A race: variants that cannot be the best stop being trained, at looks that are planned before the first training.

Each look spends a part of the 5 % (alpha spending, Lan and DeMets 1983), so that all looks together err as one would.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean
from typing import Any

from rich.table import Table

from unetlite.compare.runs import Comparison, RaceRecord, looks_until, read_race, read_run
from unetlite.compare.verdict import analyse
from unetlite.errors import UsageError
from unetlite.files import write_text
from unetlite.training.run import RunFiles


class Race(RaceRecord):
    """What is planned and what was decided, kept in `race.json` after every step.

    The plan must not change: `by`, the key that is compared; `variants`, by name their words on the command line;
    `seeds`, the most of each; `metric` of METRICS; `margin` in it, and `budget` in seconds, or None. Raises UsageError
    if the directory of the runs holds a race with another plan.
    """

    def __init__(self, directory: Path, plan: Mapping[str, Any]):
        record = read_race(directory) or RaceRecord(dict(plan))
        super().__init__(dict(plan), record.looks, record.ended, record.seconds)
        self.file, self.planned = directory / "race.json", looks_until(plan["seeds"])
        self.started, self.trained = time.monotonic(), 0
        if changed := [key for key, value in plan.items() if record.plan.get(key) != value]:
            old, new = (json.dumps({key: part.get(key) for key in changed}) for part in (record.plan, plan))
            raise UsageError(f"{self.file} records a race with {old}, not {new}; plan another with output_dir=DIR.")

    @property
    def spent(self) -> float:
        """Seconds that the race has taken, interruptions left out."""
        return self.seconds + time.monotonic() - self.started

    def look(self, runs: Mapping[str, Sequence[Path]]) -> None:
        """Decides who goes on, by the finished runs of `racing`, in the order of the seeds."""
        found = {name: [read_run(path) for path in paths] for name, paths in runs.items()}
        alpha, count = self.planned[self.seeds], len(self.plan["variants"])
        comparison = Comparison(self.plan["by"], found, list(range(self.seeds)), [], [], alpha=alpha, started=count)
        analysis = analyse(comparison, self.plan["metric"])
        if analysis is None or analysis.best is None:
            raise UsageError(f"metric={self.plan['metric']}: the runs have no value of it.")
        best = analysis.best
        self.looks.append({
            "seeds": self.seeds, "alpha": alpha, "seconds": round(self.spent), "candidates": best.candidates,
            "regret": best.regret, "means": {name: each.mean for name, each in analysis.variants.items()},
        })  # fmt: skip
        margin, missing = self.plan["margin"], (self.seeds - self.looks[-1]["seeds"]) * len(self.racing)
        expected = missing * (time.monotonic() - self.started) / max(self.trained, 1)  # until the next look
        if len(best.candidates) == 1:
            self.ended = "one candidate is left"
        elif margin is not None and min(best.regret.values()) <= margin:
            self.ended = "a variant is within the margin"
        elif len(self.looks) == len(self.planned):
            self.ended = "the last look was taken"
        elif self.plan["budget"] is not None and self.spent + expected > self.plan["budget"]:
            self.ended = "the time is spent"
        self.save()

    def save(self) -> None:
        write_text(self.file, json.dumps(asdict(self) | {"seconds": self.spent}, indent=1) + "\n")


class Standing:
    """How a race stands while it runs, for the terminal; `steps` are seconds of each operator's training step."""

    def __init__(self, directory: Path, seeds: int, steps: Mapping[str, float]):
        self.directory, self.steps = directory, steps
        self.scores: dict[str, dict[str, float]] = {name: {} for name in steps}
        self.race = RaceRecord({"variants": list(steps), "seeds": seeds})  # as it was told of
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
            done, left = self.progress()
            yield f"{done}   {name} {seed}   {self.scores[name][seed]:.4f}   {left}"
        for look in looks[len(self.race.looks) :]:
            dropped = [name for name in self.race.racing if name not in look["candidates"]]
            went = f"dropped {', '.join(dropped)}" if dropped else "nothing dropped"
            yield f"look at {look['seeds']} seeds: {went}; may be the best: {', '.join(look['candidates'])}"
            self.race.looks = [*self.race.looks, look]

    def progress(self) -> tuple[str, str]:
        """How many trainings are done, and the time until the next look at the pace so far, in words."""
        done, race = sum(map(len, self.scores.values())), self.race
        most = done + sum(race.plan["seeds"] - len(self.scores[name]) for name in race.racing)
        if done == self.before:
            return f"{done} of at most {most}", ""
        missing = sum(max(0, race.seeds - len(self.scores[name])) for name in race.racing)
        minutes = missing * (time.monotonic() - self.started) / (done - self.before) / 60
        return f"{done} of at most {most}", f"{minutes:.0f} min to the look at {race.seeds} seeds"

    def table(self) -> Table:
        """Of every operator its trainings, mean IoU, bound and training step; the best mean first."""
        bounds = {name: bound for look in self.race.looks for name, bound in look["regret"].items()}
        means = {name: mean(scores.values()) if scores else 0.0 for name, scores in self.scores.items()}
        head = "upsample", "trainings", "mean IoU", "below the best, at most", "training step"
        done, left = self.progress()
        table = Table(*head, title=f"{done} trainings   {left}")
        for name in sorted(self.steps, key=lambda name: -means[name]):
            table.add_row(
                name if name in self.race.racing else f"{name} (dropped)",
                str(len(self.scores[name])),
                f"{means[name]:.4f}" if self.scores[name] else "",
                f"{bounds[name]:.4f}" if name in bounds else "",
                f"{1000 * self.steps[name]:.0f} ms",
            )
        return table
