"""The verdict on a table of scores, wherever they come from."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from unetlite.errors import UsageError
from unetlite.judge.analysis import Analysis, analyse, format_score
from unetlite.judge.columns import find_columns, is_higher_better
from unetlite.judge.learning import missing_spread
from unetlite.judge.outliers import find_outlier
from unetlite.judge.score_table import Places, read_scores
from unetlite.judge.scores import Scores
from unetlite.judge.selection import select_rows
from unetlite.judge.tables import read_table
from unetlite.judge.verdict import (
    Cost,
    choose_variant,
    equivalence,
    group_cautions,
    verdict,
    verdicts,
    without_collapsed,
)
from unetlite.wording import name_run


@dataclass(frozen=True)
class Judgement:
    """What the scores of some variants say about which to choose."""

    reading: list[str]  # how the table was understood, in sentences
    scores: Scores
    title: str  # of the scores
    lower_is_better: bool
    cost: Cost | None
    margin: float | None
    notes: list[str]  # on what was left out, and on what looks odd
    places: Places  # of scores

    @cached_property
    def with_all(self) -> Analysis:
        """Means, bounds and differences, with trainings that collapsed."""
        return self.analyse()

    @cached_property
    def analysis(self) -> Analysis:
        """The same without the variants of which a training collapsed, if two others are left."""
        return without_collapsed(self.with_all, self.analyse)

    def analyse(self, variants: Collection[str] = (), seeds: Collection[int] = ()) -> Analysis:
        """The analysis without these variants and seeds."""
        return self._analyse(self.scores.without(variants, seeds))

    def _analyse(self, scores: Scores) -> Analysis:
        return analyse(
            scores,
            self.title,
            scores.by_run(),
            {},
            objection=missing_spread(scores),
            lower_is_better=self.lower_is_better,
        )

    @property
    def candidates(self) -> list[str]:
        """The variants that may be the best; all of them if there is no verdict."""
        if self.analysis.best is None:
            return list(self.analysis.variants)
        return self.analysis.best.candidates

    @property
    def regret(self) -> dict[str, float]:
        """By variant: at most so much worse than the best, with 95 % for all at once.

        It is empty if there is no verdict, and has no variant of which a training collapsed.
        """
        if self.analysis.best is None:
            return {}
        return {name: float(bound) for name, bound in self.analysis.best.regret.items()}

    @property
    def chosen(self) -> str | None:
        """The variant to take; None if there is no verdict."""
        return choose_variant(self.analysis, self.cost, self.margin)

    @property
    def verdict(self) -> list[str]:
        """What to choose, in sentences; if trainings collapsed, also with or without them.

        The last one may be on equivalence.
        """
        sentences = verdicts(
            self.analysis,
            self.with_all,
            self.cost,
            self.margin,
            self.analyse,
        )
        return sentences + equivalence(self.analysis)

    @property
    def cautions(self) -> list[str]:
        """What a reader must know before believing the verdict."""
        return [
            *self.analysis.collapsed.values(),
            *self.outliers,
            *self.notes,
            *group_cautions(self.analysis),
        ]

    @cached_property
    def outliers(self) -> list[str]:
        """A sentence on the score that stands out, and the verdict without it; or none."""
        outlier = find_outlier(self.scores)
        if outlier is None:
            return []
        variant, seed, image, score, expected = outlier
        text = (
            f"Look at {self.places[variant, seed, image]}: {self.title} of {image} by "
            f"{name_run(variant, seed)} is {format_score(score)}, and about "
            f"{format_score(expected)} was to be expected. It counts as it is."
        )
        scores = self.scores.without_image(image)
        analysis = self._analyse(scores.without(self.analysis.without_bound, []))
        chosen = choose_variant(analysis, self.cost, self.margin)
        if chosen is None or self.chosen is None:
            return [text]
        without = verdict(analysis, self.cost, self.margin)
        if chosen == self.chosen:
            without = f"{self.chosen} is chosen, too."
        return [f"{text} Without {image} in all runs: {without}"]

    def __str__(self) -> str:
        return "\n".join([*self.verdict, *self.cautions])


def judge(
    table: Any,
    *,
    variant: str | None = None,
    seed: str | None = None,
    unit: str | None = None,
    group: str | None = None,
    score: str | None = None,
    cost: str | None = None,
    where: Mapping[str, str] | None = None,
    higher_is_better: bool | None = None,
    margin: float | None = None,
) -> Judgement:
    """Which variant to choose by the scores in a table, and what each can cost at most.

    `table` is the path of a CSV or Parquet file, a DataFrame, or rows as mappings. A long
    table has a row for each score, with columns for variant, seed, image (`unit`) and score; a wide
    one has a column of scores for each variant, `variant="a,b,c"`. The options name columns. Those
    that are left out are guessed where their names leave no doubt, see `reading`. The score of a
    training is the mean over its images. Images of one `group`, such as a patient, count as one.

    Scores of which `higher_is_better` is not stated lie between 0 and 1, or in percent, if most do.

    `where` has the values of columns, such as that of the data set, whose rows are judged.

    `margin` is the score that you would trade for a lower `cost`, decided before.

    Raises UsageError, in one line with the remedy, for what cannot be understood for sure.

    >>> rows = []
    >>> for seed in range(3):
    ...     rows.append({"model": "a", "seed": seed, "dice": 0.80 + 0.01 * seed})
    ...     rows.append({"model": "b", "seed": seed, "dice": 0.90 + 0.002 * seed})
    >>> judge(rows).candidates
    ['b']
    """
    check_margin(margin)
    content = select_rows(read_table(table), where or {})
    options = {
        "variant": variant,
        "seed": seed,
        "unit": unit,
        "group": group,
        "score": score,
        "cost": cost,
    }
    columns = find_columns(content, options)
    higher = is_higher_better(columns, higher_is_better)
    read = read_scores(content, columns, higher_is_better)
    variant_cost = None
    if read.costs is not None:
        variant_cost = Cost(
            read.costs,
            str(columns.cost),
            "the cheapest",
            unit_first=True,
        )
    reading = [columns.reading(content), f"{'higher' if higher else 'lower'} is better"]
    for name, value in (where or {}).items():
        reading.append(f"only the rows with {name} = {value}")
    return Judgement(
        reading,
        read.scores,
        columns.title,
        not higher,
        variant_cost,
        margin,
        read.cautions,
        read.places,
    )


def check_margin(margin: float | None) -> None:
    """Raises UsageError for what is no difference of scores."""
    if margin is not None and not (margin >= 0 and math.isfinite(margin)):
        raise UsageError(f"--margin {margin} is no difference of scores; give one such as 0.003.")
