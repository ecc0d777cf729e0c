"""The tables of the report, for the page and the terminal."""

import math
from collections.abc import Collection, Mapping, Sequence
from decimal import ROUND_UP
from itertools import chain
from statistics import mean, median, stdev
from textwrap import fill
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from unetlite.compare.classes import scores_by_class
from unetlite.compare.levers.table import format_factor, table_rows
from unetlite.compare.metrics import METRICS
from unetlite.compare.report.report import Report
from unetlite.inference.runtimes.base import RUNTIME_NAMES
from unetlite.judge.best import Best
from unetlite.judge.verdict import format_number

NOT_IN_TERMINAL = ("MACs", "trains a step, ms")
TAIL = 0.025  # of a 95 % interval, on each side
OUTLIER = 10  # times the median ripple
NO_RIPPLE = 0.001  # of the variance; less is not told apart


class Cell(NamedTuple):
    """A cell of a table."""

    text: str
    value: float | str  # by which the column is sorted
    note: str = ""  # a second line
    best: bool = False


Row = dict[str, Cell]  # by heading; all rows of a table have the same headings


def regret_cell(best: Best, name: str) -> Cell:
    """The max regret of a variant, and whether it may be the best."""
    if name not in best.regret:
        return Cell("", math.inf, "a training collapsed")
    regret = best.regret[name]
    note = "may be the best" if name in best.candidates else "is not the best"
    return Cell(format_number(regret, ROUND_UP), regret, note)


def main_table(report: Report) -> list[Row]:
    """What decides: a row for every variant, best first."""
    best = report.analysis.best
    rows = []
    for name, summary in report.analysis.variants.items():
        cost = report.costs.variants[name]
        is_winner = best is not None and best.candidates == [name]
        row = {report.comparison.noun: Cell(name, name)}
        row[score_title(report, report.analysis.metric_title)] = over_seeds(
            summary.by_seed, is_winner
        )
        if best is not None:
            row["max regret (95 %)"] = regret_cell(best, name)
        if cost.latency:
            runtime = min(cost.latency, key=cost.latency.__getitem__)
            latency = cost.latency[runtime]
            height, width = report.costs.size
            row[f"predicts {height} x {width}, ms"] = Cell(
                f"{latency:.3g}", latency, RUNTIME_NAMES[runtime]
            )
        if cost.training_step:
            row["trains a step, ms"] = Cell(f"{cost.training_step:.0f}", cost.training_step)
        row["parameters"] = Cell(f"{cost.parameters / 1e6:.2f} M", cost.parameters)
        row["MACs"] = Cell(f"{cost.macs / 1e6:.0f} M", cost.macs)
        rows.append(row)
    return rows


def detail_table(report: Report) -> list[Row]:
    """The other scores, ripple and every latency."""
    return with_all_headings([detail_row(report, name) for name in report.analysis.variants])


def detail_row(report: Report, name: str) -> Row:
    """One variant in the detail table. What it does not have is left out."""
    comparison = report.comparison
    cost = report.costs.variants[name]
    row = {comparison.noun: Cell(name, name)}
    for metric, summaries in report.others.items():
        title = score_title(report, METRICS[metric].title)
        row[title] = over_seeds(summaries[name].by_seed)
    for checkpoint in ("last", "best"):
        values = comparison.run_scores(f"miou_{checkpoint}")[name].values()
        if values:
            row[score_title(report, f"mean IoU, {checkpoint} epoch")] = over_seeds(values)
    ripple = comparison.run_scores("phase_ripple")[name]
    if ripple:
        row["ripple"] = ripple_cell(ripple)
    for runtime, milliseconds in cost.latency.items():
        row[f"{RUNTIME_NAMES[runtime]}, ms"] = Cell(f"{milliseconds:.3g}", milliseconds)
    if cost.peak_memory_mb is not None:
        row["peak memory, MB"] = Cell(f"{cost.peak_memory_mb:.0f}", cost.peak_memory_mb)
    if cost.energy_mj is not None:
        row["energy, mJ"] = Cell(f"{cost.energy_mj:.3g}", cost.energy_mj)
    return row


def difference_table(report: Report) -> list[Row]:
    """The paired difference of every other variant to the chosen one, each by itself."""
    rows = []
    for name in report.analysis.variants:
        if (name, report.chosen) not in report.analysis.differences:
            continue  # a race dropped it, or it is the chosen one itself
        difference = report.analysis.differences[name, report.chosen]
        width = difference.half_width(TAIL)
        low, high = difference.mean - width, difference.mean + width
        row = {report.comparison.noun: Cell(name, name)}
        row[f"{report.analysis.metric_title} (test) less that of {report.chosen}"] = Cell(
            f"{difference.mean:+.4f}", difference.mean
        )
        row["95 % interval"] = Cell(f"{low:+.4f} to {high:+.4f}", low)
        row["standard error"] = Cell(f"{difference.standard_error:.4f}", difference.standard_error)
        row["degrees of freedom"] = Cell(f"{difference.df:.1f}", difference.df)
        rows.append(row)
    return rows


def failure_table(report: Report) -> list[Row]:
    """The trainings that failed, and the scores of the others of the same variants."""
    comparison = report.comparison
    if comparison.race is None:
        return []
    rows = []
    for failure in comparison.race.failures:
        scores = []
        for seed, run in sorted(comparison.failed[failure.variant].items()):
            value = run.metrics.get(f"test/{report.metric}")
            scores.append(f"seed {seed}: " + ("absent" if value is None else f"{value:.4f}"))
        rows.append(
            {
                comparison.noun: Cell(failure.variant, failure.variant),
                "seed": Cell(str(failure.seed), failure.seed),
                "reason": Cell(failure.reason, failure.reason),
                f"{METRICS[report.metric].title} (test) of its others": Cell(", ".join(scores), ""),
            }
        )
    return rows


def lever_table(report: Report) -> list[Row]:
    """What other changes gain, the largest gain first; the operator is one of them."""
    if report.levers is None:
        return []
    outcome = report.levers.outcome
    rows = []
    for each in table_rows(report.levers):
        row = {"change": Cell(each.title, each.title, each.note)}
        row["gain in mean IoU (val)"] = Cell(f"{each.gain:+.4f}", each.gain)
        row["± 95 % interval"] = Cell(f"{each.half_width:.4f}", each.half_width)
        lever = each.lever
        if lever is not None:
            class_gain = lever.worst_class_gain
            row[f"in IoU of {outcome.worst_class}"] = Cell(f"{class_gain:+.4f}", class_gain)
            row["training takes, times"] = Cell(format_factor(lever.seconds), lever.seconds)
            row["MACs of a prediction, times"] = Cell(format_factor(lever.macs), lever.macs)
        rows.append(row)
    return with_all_headings(rows)


def class_table(report: Report) -> list[Row]:
    """What the chosen variant is worth by class, worst first."""
    comparison = report.comparison
    by_variant = scores_by_class(comparison)
    rows = []
    for label, scores in by_variant[report.chosen].items():
        means = [mean(others[label].iou) for others in by_variant.values()]
        row = {"class": Cell(label, label)}
        row[score_title(report, "IoU")] = over_seeds(scores.iou)
        shares = {
            "precision": scores.precision,
            "recall": scores.recall,
            "precision within 2 px": scores.precision_2px,
            "recall within 2 px": scores.recall_2px,
        }
        for heading, share in shares.items():
            if share is not None:
                row[heading] = Cell(f"{share:.3f}", share)
        row["of the pixels"] = Cell(f"{scores.share:.1%}", scores.share)
        row[f"IoU, all {comparison.noun}s"] = Cell(
            f"{min(means):.3f} to {max(means):.3f}", min(means)
        )
        for trivial, iou in report.trivial.items():
            value = float(iou[comparison.runs[0].classes.index(label)])
            row[f"IoU of {trivial}"] = Cell(f"{value:.3f}", value)
        rows.append(row)
    return with_all_headings(rows)


def class_iou_table(report: Report) -> list[Row]:
    """The IoU of each class, a row a class, and each variant, a column a variant."""
    comparison = report.comparison
    rows = []
    for label in comparison.runs[0].classes:
        row = {"class": Cell(label, label)}
        for name in report.analysis.variants:
            values = comparison.run_scores(f"iou/{label}")[name].values()
            if values:
                row[name] = over_seeds(values, spread_below=True)
        rows.append(row)
    return with_all_headings(rows)


def with_all_headings(rows: Sequence[Row]) -> list[Row]:
    """The same rows with the headings of all; what one does not have is empty."""
    empty = dict.fromkeys(chain.from_iterable(rows), Cell("", ""))
    return [{**empty, **row} for row in rows]


def ripple_cell(by_seed: Mapping[int, float]) -> Cell:
    """The median ripple, its range over seeds, and the seed that is far from all others."""
    middle = median(by_seed.values())
    low, high = min(by_seed.values()), max(by_seed.values())
    note = "of the variance"
    if len(by_seed) > 1:
        note = f"{percent(low)} to {percent(high)}"
        worst = max(by_seed, key=by_seed.__getitem__)
        if high > OUTLIER * max(middle, NO_RIPPLE):
            note += f", seed {worst}"
    return Cell(percent(middle), middle, note)


def percent(share: float) -> str:
    """Such as "1.25%". An estimate a little below zero has no sign if it rounds to zero."""
    rounded = round(share, 4) + 0.0  # -0.0 becomes 0.0
    return f"{rounded:.2%}"


def over_seeds(values: Collection[float], best: bool = False, spread_below: bool = False) -> Cell:
    """The mean and, of several values, ± the standard deviation, beside it or below."""
    text = f"{mean(values):.4f}"
    spread = f"± {stdev(values):.4f}" if len(values) > 1 else ""
    if spread_below:
        return Cell(text, mean(values), spread, best)
    return Cell(f"{text} {spread}".rstrip(), mean(values), best=best)


def score_title(report: Report, title: str) -> str:
    """The heading of scores of test images, such as "mean IoU (test) ± sd over seeds"."""
    if len(report.comparison.seeds) > 1:
        return f"{title} (test) ± sd over seeds"
    return f"{title} (test)"


def terminal_table(report: Report) -> Table:
    """The main columns, within 80 characters."""
    rows = main_table(report)
    headings = [heading for heading in rows[0] if heading not in NOT_IN_TERMINAL]
    table = Table()
    for heading in headings:
        is_name = heading == report.comparison.noun  # names wrap, numbers do not
        title = fill(heading.replace(" %", "\N{NO-BREAK SPACE}%"), 12)
        table.add_column(heading if is_name else title, no_wrap=not is_name)
    for row in rows:
        texts = []
        for heading in headings:
            cell = row[heading]
            style = "bold" if cell.best else ""
            texts.append(Text(cell.text, style))
        table.add_row(*texts)
    return table
