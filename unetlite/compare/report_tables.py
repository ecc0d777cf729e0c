"""The tables of the report, for the page and the terminal."""

from collections.abc import Collection
from decimal import ROUND_UP
from itertools import chain
from statistics import mean, stdev
from textwrap import fill
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from unetlite.compare.costs import RUNTIMES
from unetlite.compare.metrics import METRICS
from unetlite.compare.report import Report
from unetlite.judge.verdict import format_number

NOT_IN_TERMINAL = ("MACs", "trains a step, ms")


class Cell(NamedTuple):
    """A cell of a table."""

    text: str
    value: float | str  # by which the column is sorted
    note: str = ""  # a second line
    best: bool = False


Row = dict[str, Cell]  # by heading; all rows of a table have the same headings


def main_table(report: Report) -> list[Row]:
    """What decides: a row for every variant, best first."""
    best = report.analysis.best
    rows = []
    for name, summary in report.analysis.variants.items():
        cost = report.costs.variants[name]
        is_winner = best is not None and best.candidates == [name]
        row = {report.comparison.by: Cell(name, name)}
        row[report.analysis.metric_title] = over_seeds(summary.by_seed, is_winner)
        if best is not None:
            regret = best.regret[name]
            note = "may be the best" if name in best.candidates else "is not the best"
            row["max regret (95 %)"] = Cell(format_number(regret, ROUND_UP), regret, note)
        if cost.latency:
            runtime = min(cost.latency, key=cost.latency.__getitem__)
            latency = cost.latency[runtime]
            row["predicts, ms"] = Cell(f"{latency:.3g}", latency, RUNTIMES[runtime])
        if cost.training_step:
            row["trains a step, ms"] = Cell(f"{cost.training_step:.0f}", cost.training_step)
        row["parameters"] = Cell(f"{cost.parameters / 1e6:.2f} M", cost.parameters)
        row["MACs"] = Cell(f"{cost.macs / 1e6:.0f} M", cost.macs, "folded")
        rows.append(row)
    return rows


def detail_table(report: Report) -> list[Row]:
    """The other scores, those of the classes, ripple and every latency."""
    rows = [detail_row(report, name) for name in report.analysis.variants]
    empty = dict.fromkeys(chain.from_iterable(rows), Cell("", ""))  # a row with all headings
    return [{**empty, **row} for row in rows]


def detail_row(report: Report, name: str) -> Row:
    """One variant in the detail table. What it does not have is left out."""
    comparison = report.comparison
    cost = report.costs.variants[name]
    row = {comparison.by: Cell(name, name)}
    for metric, summaries in report.others.items():
        row[METRICS[metric].title] = over_seeds(summaries[name].by_seed)
    for checkpoint in ("last", "best"):
        values = comparison.run_scores(f"miou_{checkpoint}")[name].values()
        if values:
            row[f"mean IoU, {checkpoint} epoch"] = over_seeds(values)
    ripple = comparison.run_scores("phase_ripple")[name].values()
    if ripple:
        row["ripple"] = Cell(f"{mean(ripple):.3%}", mean(ripple), "of the variance")
    for runtime, milliseconds in cost.latency.items():
        row[f"{RUNTIMES[runtime]}, ms"] = Cell(f"{milliseconds:.3g}", milliseconds)
    if cost.peak_memory_mb is not None:
        row["peak memory, MB"] = Cell(f"{cost.peak_memory_mb:.0f}", cost.peak_memory_mb)
    if cost.energy_mj is not None:
        row["energy, mJ"] = Cell(f"{cost.energy_mj:.3g}", cost.energy_mj)
    for label in comparison.runs[0].classes:
        values = comparison.run_scores(f"iou/{label}")[name].values()
        if values:
            row[f"IoU of {label}"] = over_seeds(values)
    return row


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
                comparison.by: Cell(failure.variant, failure.variant),
                "seed": Cell(str(failure.seed), failure.seed),
                "reason": Cell(failure.reason, failure.reason),
                f"{METRICS[report.metric].title} of its others": Cell(", ".join(scores), ""),
            }
        )
    return rows


def over_seeds(values: Collection[float], best: bool = False) -> Cell:
    """The mean and, of several values, ± the standard deviation."""
    text = f"{mean(values):.4f}"
    if len(values) > 1:
        text += f" ± {stdev(values):.4f}"
    return Cell(text, mean(values), best=best)


def terminal_table(report: Report) -> Table:
    """The main columns, within 80 characters."""
    rows = main_table(report)
    headings = [heading for heading in rows[0] if heading not in NOT_IN_TERMINAL]
    table = Table()
    for heading in headings:
        is_name = heading == report.comparison.by  # names wrap, numbers do not
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
