"""From a table to scores by variant, seed and image, and what has to be said about them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from unetlite.errors import UsageError
from unetlite.judge.columns import Columns
from unetlite.judge.score_range import Observation, check_range, check_scale
from unetlite.judge.scores import Scores
from unetlite.judge.selection import check_subsets, list_values, where_option
from unetlite.judge.tables import Table
from unetlite.wording import name_run

AGGREGATES = {"mean", "average", "avg", "median", "std", "total", "overall"}
"""Names in the column of images that are those of rows below a table."""

MAX_SHARE = 0.3  # of the images in one group that needs no word


Runs = dict[str, dict[int, dict[str, float]]]  # scores by variant, seed and unit
Places = dict[tuple[str, int, str], str]  # where scores stand, by variant, seed and unit


@dataclass(frozen=True)
class ScoreTable:
    """The scores that all variants have, and what the table says besides."""

    scores: Scores
    costs: dict[str, float] | None
    cautions: list[str]
    places: Places


def read_scores(table: Table, columns: Columns, higher_is_better: bool | None) -> ScoreTable:
    """The scores of a table on the seeds and images with a value in every run.

    Higher is better, too, if the user did not state it: None. Raises UsageError for what cannot be
    understood for sure.
    """
    observations = list(read_observations(table, columns))
    check_subsets(table, columns)
    runs, places = group_by_run(observations, table, columns)
    check_variants(runs, table)
    check_range(observations, columns, higher_is_better)
    if higher_is_better is not False:
        check_scale(runs)
    seeds, cautions = shared_seeds(runs, table)
    units = unit_names(runs, seeds)
    groups = group_names(table, columns)
    tables = {}
    for name, by_seed in runs.items():
        rows = []
        for seed in seeds:
            rows.append([by_seed[seed].get(unit, math.nan) for unit in units])
        tables[name] = np.array(rows)
    all_scores = Scores(tables, seeds, units, [groups.get(unit, unit) for unit in units])
    scores = all_scores.complete()
    cautions += missing_cautions(all_scores, scores)
    cautions += copy_cautions(scores)
    cautions += balance_cautions(scores)
    return ScoreTable(scores, read_costs(table, columns), cautions, places)


def read_observations(table: Table, columns: Columns) -> Iterable[Observation]:
    """The scores of all rows."""
    count = len(table.places)
    seeds = read_seeds(table, columns.seed)
    units = [""] * count
    if columns.unit is not None:
        units = read_labels(table, columns.unit)
        check_aggregates(table, columns.unit)
    if columns.variant is not None and columns.score is not None:
        variants = read_labels(table, columns.variant)
        blocks = [(variants, table.numbers(columns.score))]
    else:
        blocks = [([name] * count, table.numbers(name)) for name in columns.wide]
    for names, numbers in blocks:
        yield from map(Observation, names, seeds, units, numbers, table.places)


def read_labels(table: Table, column: str) -> list[str]:
    """The names in a column. Raises UsageError for an empty cell."""
    for index, cell in enumerate(table.columns[column]):
        if not cell:
            raise UsageError(
                f"{table.places[index]}: the column {column} is empty; fill it in, or delete the "
                "row."
            )
    return table.columns[column]


def read_seeds(table: Table, column: str | None) -> list[int]:
    """The seeds of the rows; 0 without a column. Raises UsageError for one that is no integer."""
    if column is None:
        return [0] * len(table.places)
    seeds = []
    for index, cell in enumerate(read_labels(table, column)):
        number = cell.removesuffix(".0")  # as data frames write integers
        if not number.removeprefix("-").isdecimal():
            raise UsageError(
                f"{table.places[index]}: the {column} is {cell!r}; expected an integer. Number the "
                "trainings of each variant 0, 1, 2, ... in a column, and name it by --seed."
            )
        seeds.append(int(number))
    return seeds


def check_aggregates(table: Table, column: str) -> None:
    """Raises UsageError for a row that holds the mean of others."""
    for index, cell in enumerate(table.columns[column]):
        if cell.casefold() in AGGREGATES:
            raise UsageError(
                f"{table.places[index]}: the {column} is {cell!r}, which looks like a summary of "
                "other rows; delete such rows."
            )


def group_by_run(
    observations: Sequence[Observation],
    table: Table,
    columns: Columns,
) -> tuple[Runs, Places]:
    """The scores of every run, without empty cells, and where they stand.

    Raises UsageError for two scores of one image in a run.
    """
    runs: Runs = {}
    places: Places = {}
    for variant, seed, unit, score, place in observations:
        other = places.setdefault((variant, seed, unit), place)
        if other != place:
            raise UsageError(duplicate_message(table, columns, (other, place), variant))
        by_seed = runs.setdefault(variant, {})
        if not math.isnan(score):
            by_seed.setdefault(seed, {})[unit] = score
    return runs, places


def duplicate_message(
    table: Table,
    columns: Columns,
    places: tuple[str, str],
    variant: str,
) -> str:
    """What two rows have in common that may not have it, and the columns that tell them apart."""
    first, second = (table.places.index(place) for place in places)
    common = [f"variant {variant}"]
    for role in ("seed", "unit"):
        column = columns.used.get(role)
        if column is not None:
            common.append(f"{column} {table.columns[column][first]}")
    text = f"{places[0]} and {places[1]} are both of {', '.join(common)}"
    differing = []
    for column in columns.unused(table):
        if column and table.columns[column][first] != table.columns[column][second]:
            differing.append(column)
    absent = " or ".join(f"--{role}" for role in ("seed", "unit") if role not in columns.used)
    remedy = "keep one of them."
    if differing:
        options = [where_option(table, column) for column in differing]
        remedy = f"they differ in {', '.join(differing)}: choose one value, as {options[0]}"
        remedy += f" (it is {list_values(table, differing[0])})"
        remedy += f", or name it by {absent}." if absent else "."
    elif absent:
        remedy = f"keep one of them, or name the column that tells them apart by {absent}."
    return f"{text}; {remedy}"


def check_variants(runs: Runs, table: Table) -> None:
    """Raises UsageError for fewer than two variants, and for names that differ in case alone."""
    by_name: dict[str, str] = {}
    for name in runs:
        other = by_name.setdefault(" ".join(name.casefold().split()), name)
        if other != name:
            raise UsageError(
                f"{table.source} has the variants {other!r} and {name!r}, which differ in case or "
                "spaces alone; write one name."
            )
    if len(runs) < 2:
        raise UsageError(
            f"{table.source} has one variant, {', '.join(runs)}; a comparison takes two or more."
        )
    for name, by_seed in runs.items():
        if not by_seed:
            raise UsageError(
                f"{table.source} has no score of {name}; fill them in, or delete the variant."
            )


def shared_seeds(runs: Runs, table: Table) -> tuple[list[int], list[str]]:
    """The seeds that every variant has scores of, and sentences on those that are left out."""
    shared = set.intersection(*map(set, runs.values()))
    if not shared:
        trained = [f"{name} has {sorted(by_seed)}" for name, by_seed in runs.items()]
        raise UsageError(
            f"{table.source} has no seed with scores of every variant: {'; '.join(trained)}. "
            "Number the trainings of each variant alike."
        )
    cautions = []
    for seed in sorted(set().union(*runs.values()) - shared):
        without = [name for name, by_seed in runs.items() if seed not in by_seed]
        cautions.append(
            f"Seed {seed} is left out of all variants: {', '.join(without)} has no score of it. If "
            "that training failed, this is a result of its own."
        )
    return sorted(shared), cautions


def unit_names(runs: Runs, seeds: Iterable[int]) -> list[str]:
    """The units of all runs with these seeds, as they come."""
    units: dict[str, None] = {}
    for by_seed in runs.values():
        for seed in seeds:
            units.update(dict.fromkeys(by_seed[seed]))
    return list(units)


def group_names(table: Table, columns: Columns) -> dict[str, str]:
    """The group of each unit. Raises UsageError for a unit in two groups."""
    if columns.group is None or columns.unit is None:
        return {}
    groups = read_labels(table, columns.group)
    group_of_unit: dict[str, str] = {}
    for index, unit in enumerate(table.columns[columns.unit]):
        group = group_of_unit.setdefault(unit, groups[index])
        if group != groups[index]:
            raise UsageError(
                f"{table.places[index]}: the {columns.unit} {unit} is of the {columns.group} "
                f"{groups[index]}, and of {group} in another row; an image is in one group."
            )
    return group_of_unit


def missing_cautions(all_scores: Scores, complete: Scores) -> list[str]:
    """A sentence on images that are left out. Raises UsageError if none is left."""
    count = len(all_scores.images) - len(complete.images)
    if count == 0:
        return []
    missing = np.isnan(list(all_scores.values.values()))  # (V, S, N)
    image = missing.any((0, 1)).argmax()  # the first without a score in some run
    variant, seed = np.argwhere(missing[..., image])[0]
    run = name_run(list(all_scores.values)[variant], all_scores.seeds[seed])
    example = f"{all_scores.images[image]} has none of {run}"
    if not complete.images:
        raise UsageError(
            f"no image has a score in every run ({example}); the same images need the same names "
            "in all runs."
        )
    return [
        f"Left out of all runs: {count} of {len(all_scores.images)} images, without a score in "
        f"some run ({example})."
    ]


def copy_cautions(scores: Scores) -> list[str]:
    """A sentence on each variant that scores the same with two seeds."""
    cautions = []
    for name, table in scores.values.items():
        if len(np.unique(table, axis=0)) < len(table):
            cautions.append(
                f"{name} has the same scores with several seeds: copies, or a method without "
                "chance. Copies make the bounds too narrow."
            )
    return cautions


def balance_cautions(scores: Scores) -> list[str]:
    """A sentence on a group that has many of the images."""
    names, counts = np.unique(scores.groups, return_counts=True)
    largest = counts.argmax()
    share = counts[largest] / counts.sum()
    if len(names) == 1 or counts[largest] < 2 or share < max(MAX_SHARE, 2 / len(names)):
        return []
    return [
        f"The group {names[largest]} has {counts[largest]} of {counts.sum()} images, so the "
        "verdict rests on it; the other groups have little weight."
    ]


def read_costs(table: Table, columns: Columns) -> dict[str, float] | None:
    """The median cost of each variant. Raises UsageError for a variant without one."""
    if columns.cost is None or columns.variant is None:
        return None
    by_variant: dict[str, list[float]] = {}
    costs = table.numbers(columns.cost)
    for index, name in enumerate(table.columns[columns.variant]):
        of_variant = by_variant.setdefault(name, [])
        if costs[index] < 0:
            raise UsageError(
                f"{table.places[index]}: the {columns.cost} is {costs[index]:g}; expected a cost "
                "of 0 or more."
            )
        if not math.isnan(costs[index]):
            of_variant.append(costs[index])
    for name, values in by_variant.items():
        if not values:
            raise UsageError(
                f"{name} has no {columns.cost}; fill it in for every variant, or leave out --cost."
            )
    return {name: median(values) for name, values in by_variant.items()}
