"""A race: variants that cannot be the best stop being trained, at interim analyses planned before.

Each interim analysis spends a part of the 5 % (alpha spending, Lan and DeMets 1983), so that all of
them together err as one would.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from unetlite.compare.comparison import Comparison
from unetlite.compare.control import check_control
from unetlite.compare.missed_classes import missed_reason, objection
from unetlite.compare.race.record import (
    Failure,
    Interim,
    RacePlan,
    RaceRecord,
    read_race,
)
from unetlite.compare.runs import read_run
from unetlite.device import code_version
from unetlite.errors import RunFailed, UsageError
from unetlite.files import write_json
from unetlite.judge.sequential import decide, interim_alphas
from unetlite.run_directory import RunFiles
from unetlite.scheduling.base import Outcome, Scheduler
from unetlite.settings.schema import Settings
from unetlite.wording import name_run


class Race:
    """A race in the directory of its runs, kept in `race.json` after every step.

    `make_settings(variant, seed)` gives the settings of a training, with resume=auto. `data_hash`
    is that of the data that it reads. `longer` is the command to give if a class is not learnt.
    Raises UsageError if the directory holds a race with another
    plan, or on other data.
    """

    def __init__(
        self,
        directory: Path,
        plan: RacePlan,
        make_settings: Callable[[str, int], Settings],
        data_hash: str | None = None,
        longer: str | None = None,
    ):
        self.file = directory / "race.json"
        self.plan = plan
        self.make_settings = make_settings
        self.remedy = f" This trains longer: {longer}" if longer else ""
        self.alphas = interim_alphas(plan.seeds)
        self.record = read_race(directory) or RaceRecord(
            plan,
            data_hash=data_hash,
            code_version=code_version(),
        )
        if None not in (data_hash, self.record.data_hash) and data_hash != self.record.data_hash:
            raise UsageError(
                f"{self.file} records a race on other data. Put back what was there, or race in "
                "another folder, by UNETLITE_HOME=DIR."
            )
        for key, value in asdict(plan).items():
            recorded = getattr(self.record.plan, key)
            if recorded != value:
                raise UsageError(
                    f"{self.file} records a race with {key}={json.dumps(recorded)}, not "
                    f"{json.dumps(value)}. Delete the file, and start again: no training is lost."
                )
        self.trained = 0  # trainings since this process started
        self.seconds_before = self.record.seconds
        self.start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds that the race has taken, without interruptions."""
        return self.seconds_before + time.monotonic() - self.start

    def run(
        self,
        scheduler: Scheduler,
        on_training: Callable[[str, int, float | None], None],
        on_failure: Callable[[Failure], None],
        on_interim: Callable[[Interim], None],
    ) -> None:
        """Trains to the end of the race.

        Calls `on_training(variant, seed, test mIoU)` after each training, `on_failure` for one that
        gave no result, and `on_interim` with the record of each interim analysis. Raises RunFailed
        as soon as the first seeds of all variants have missed a class, or all variants but one have
        failed.
        """
        self.check_variants()
        while self.record.ended is None:
            jobs = self.missing_jobs()
            variants = {settings.run_dir: variant for variant, settings in jobs}
            for outcome in scheduler.run(self.still_racing(jobs)):
                self.trained += 1
                variant = variants[outcome.settings.run_dir]
                if outcome.failure is not None:
                    on_failure(self.add_failure(variant, outcome))
                    self.check_variants()
                    if self.record.ended is not None:
                        return
                    continue
                metrics = RunFiles(Path(outcome.settings.run_dir)).stored_metrics()
                on_training(variant, outcome.settings.seed, metrics["test/miou"])
                if outcome.settings.seed == 0:
                    self.check_variants()
            self.analyse()
            on_interim(self.record.interims[-1])

    def still_racing(self, jobs: Iterable[tuple[str, Settings]]) -> Iterator[Settings]:
        """The jobs whose variant has not failed by the time that they are taken."""
        for variant, settings in jobs:
            if variant in self.record.racing:
                yield settings

    def add_failure(self, variant: str, outcome: Outcome) -> Failure:
        """Records that a training gave no result.

        The race ends if one candidate of the last interim analysis is left.
        """
        failure = Failure(variant, outcome.settings.seed, outcome.failure or "")
        record = self.record
        record.failures.append(failure)
        if record.interims and len(record.racing) == 1 and len(record.not_failed) > 1:
            record.ended = "the other candidates failed"
        self.write()
        return failure

    def check_variants(self) -> None:
        """Raises RunFailed if fewer than two variants are left, or if none learns."""
        record = self.record
        if record.ended is None and len(record.racing) < 2 and record.failures:
            reasons = []
            for failure in record.failures:
                reason = failure.reason.rstrip(".")
                reasons.append(f"{name_run(failure.variant, failure.seed)}: {reason}")
            raise self.without_verdict(
                f"the race ends here: of {len(self.plan.variants)} variants, fewer than two have "
                f"trained without failing. {'. '.join(reasons)}. Mend this, delete {self.file}, "
                "and start again: no finished training is lost. Or give other settings."
            )
        self.check_first_seeds()

    def check_first_seeds(self) -> None:
        """Raises RunFailed if all variants have trained their first seed, and none has learnt.

        More seeds would train as long and miss the same class.
        """
        runs = []
        for name in self.record.not_failed:
            path = Path(self.make_settings(name, 0).run_dir)
            if not RunFiles(path).metrics.exists():
                return
            runs.append(read_run(path))
        missed = missed_reason(runs)
        if missed is not None:
            raise self.without_verdict(f"the race ends here: {missed}{self.remedy}")

    def without_verdict(self, message: str) -> RunFailed:
        """The error of a race that gives no verdict, which is recorded."""
        self.record.no_verdict = message
        self.write()
        return RunFailed(message)

    def missing_jobs(self) -> list[tuple[str, Settings]]:
        """The trainings until the next interim analysis, one seed of all variants after another."""
        jobs = []
        for seed in range(self.record.next_seeds):
            for name in self.record.racing:
                settings = self.make_settings(name, seed)
                if not RunFiles(Path(settings.run_dir)).metrics.exists():
                    jobs.append((name, settings))
        return jobs

    def analyse(self) -> None:
        """The interim analysis: which variants go on, by the finished runs of those in the race."""
        seeds = self.record.next_seeds
        runs = {}
        for name in self.record.racing:
            settings = [self.make_settings(name, seed) for seed in range(seeds)]
            runs[name] = [read_run(Path(of_run.run_dir)) for of_run in settings]
        check_control(list(chain.from_iterable(runs.values())), self.plan.by, allow=())
        comparison = Comparison(
            self.plan.by,
            runs,
            list(range(seeds)),
            left_out=[],
            allowed=[],
        )
        self.add_interim(comparison)

    def add_interim(self, comparison: Comparison) -> None:
        """Records what the judge decides from the scores of a comparison.

        Raises RunFailed for scores that are no evidence.
        """
        seeds = self.record.next_seeds
        scores = comparison.scores(self.plan.metric)
        reason = objection(comparison.runs, scores)
        if reason is not None:
            remedy = self.remedy if missed_reason(comparison.runs) else ""
            raise self.without_verdict(f"the race ends here. {reason}{remedy}")
        decision = decide(
            scores,
            self.alphas[seeds],
            len(self.record.not_failed),
            self.plan.margin,
            last=seeds == max(self.alphas),
        )
        interim = Interim(
            seeds=seeds,
            candidates=decision.candidates,
            regret=decision.regret,
            alpha=self.alphas[seeds],
            seconds=round(self.seconds),
            means=decision.means,
        )
        self.record.interims.append(interim)
        self.record.no_verdict = None
        self.record.ended = decision.ended
        if decision.ended is None and self.is_over_budget(seeds):
            self.record.ended = "the time is spent"
        self.write()

    def write(self) -> None:
        """Writes the record."""
        self.record.seconds = self.seconds
        write_json(self.file, self.record)

    def is_over_budget(self, seeds: int) -> bool:
        """True if the trainings until the next interim analysis would exceed the budget."""
        if self.plan.budget is None:
            return False
        missing = (self.record.next_seeds - seeds) * len(self.record.racing)
        training_seconds = (time.monotonic() - self.start) / max(self.trained, 1)
        return self.seconds + missing * training_seconds > self.plan.budget


def finished_scores(directory: Path, variants: Sequence[str]) -> dict[str, dict[int, float]]:
    """Mean IoU of the test images of the finished runs in a directory, by variant and seed."""
    scores: dict[str, dict[int, float]] = {}
    for name in variants:
        scores[name] = {}
        for file in (directory / name).glob("seed*/metrics.json"):
            seed = file.parent.name.removeprefix("seed")
            score = RunFiles(file.parent).stored_metrics()["test/miou"]
            if seed.isdigit() and score is not None:
                scores[name][int(seed)] = score
    return scores
