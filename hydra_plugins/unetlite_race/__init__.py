"""Hydra's plugin `hydra/sweeper=race`: trains seed after seed of every variant that may still be the best.

It runs with every launcher: what it starts are the runs until the next look, all at once.
"""

import os
import signal
import time
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from threading import Thread
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig


def end_with(parent: int) -> None:
    """Ends this process and its workers, which are a group, as soon as its parent is gone."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.killpg(0, signal.SIGKILL) if hasattr(os, "killpg") else os._exit(1)


class RaceSweeper(BasicSweeper):
    """Races the values of one key against each other, see unetlite.compare.race.

    Args:
        metric: the test score that decides.
        margin: how much of it may be lost; the race ends when a variant is within it. None ends only with a winner.
        seeds: the most of each, 3, 5, 7 or 10; the looks share the 5 %, so fewer of them are each surer.
        budget: such as 90s, 30m or 2h, decided between looks; None for no limit.
        params: the key and its values.
    """

    def __init__(
        self, metric: str, margin: float | None, seeds: int, budget: str | None, params: dict[str, str] | None = None
    ):
        super().__init__(max_batch_size=None, params=params)
        self.plan = {"metric": metric, "margin": margin, "seeds": seeds}
        self.budget = budget
        self.race: Any = None
        self.launched: dict[str, list[Path]] = {}  # by variant, the runs that the next look is at

    def sweep(self, arguments: list[str]) -> Any:
        from unetlite.errors import mistakes_in_one_line

        if parent := os.environ.get("UNETLITE_PARENT"):
            Thread(target=end_with, args=(int(parent),), daemon=True).start()
        with mistakes_in_one_line():
            return super().sweep(arguments)

    def is_done(self) -> bool:
        if self.race is None:
            self.race = self.start()
        if self.launched:
            self.race.look(self.launched)
            self.launched = {}
        return self.race.ended is not None

    def start(self) -> Any:
        """The race, new or continued."""
        from unetlite.compare.race import Race
        from unetlite.compare.runs import METRICS, name_variants
        from unetlite.errors import UsageError
        from unetlite.settings import seconds_of

        assert self.overrides is not None
        assert self.config is not None
        (jobs,) = self.overrides
        keys = [word.partition("=")[0] for word in jobs[0]]
        swept = [key for k, key in enumerate(keys) if len({job[k] for job in jobs}) > 1]
        if len(swept) != 1 or swept == ["seed"] or "seed" in keys:
            found = f"{', '.join(swept) or 'no key'} has several values{', and seed is given' * ('seed' in keys)}"
            raise UsageError(f"a race compares the values of one key, and takes its seeds itself; here {found}.")
        if self.plan["metric"] not in METRICS:
            raise UsageError(f"hydra.sweeper.metric={self.plan['metric']}: choose one of {', '.join(METRICS)}.")
        by = swept[0].lstrip("+")
        names = name_variants([self.compose(job) for job in jobs], by)
        variants = dict(zip(names, map(list, jobs), strict=True))
        plan = {"by": by, "variants": variants, **self.plan, "budget": seconds_of(self.budget)}
        return Race(Path(self.config.hydra.sweep.dir), plan)

    def compose(self, job: Sequence[str]) -> dict[str, Any]:
        """The configuration of a run."""
        from unetlite.settings import resolve

        assert self.hydra_context is not None
        assert self.config is not None
        config = self.hydra_context.config_loader.load_sweep_config(self.config, list(job))
        HydraConfig.instance().set_config(config)  # what ${hydra:...} refers to
        return resolve(config)

    def get_job_batch(self) -> Sequence[Sequence[str]]:
        """The runs until the next look that are not finished."""
        from unetlite.training.run import RunFiles

        jobs = {
            name: [[*self.race.plan["variants"][name], f"seed={k}", "resume=auto"] for k in range(self.race.seeds)]
            for name in self.race.racing
        }
        self.launched = {name: [Path(self.compose(job)["run_dir"]) for job in each] for name, each in jobs.items()}
        missing = {
            name: [
                job for job, run in zip(each, self.launched[name], strict=True) if not RunFiles(run).metrics.exists()
            ]
            for name, each in jobs.items()
        }
        self.race.trained += sum(map(len, missing.values()))
        self.race.save()
        by_seed = zip_longest(*missing.values())  # so that all variants have their first seed soon
        return [job for each in by_seed for job in each if job is not None]
