"""A race: variants that cannot be the best stop being trained, at looks that are planned before the first training.

Each look spends a part of the 5 % (alpha spending, Lan and DeMets 1983), so that all looks together err as one would.
"""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unetlite.compare.runs import Comparison, RaceRecord, looks_until, read_race, read_run
from unetlite.compare.verdict import analyse
from unetlite.errors import UsageError
from unetlite.files import write_text


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
        record = {"plan": self.plan, "looks": self.looks, "ended": self.ended, "seconds": self.spent}
        write_text(self.file, json.dumps(record, indent=1) + "\n")
