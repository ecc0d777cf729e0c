"""What levers show: a table, a picture and sentences, with the operator beside them."""

from pathlib import Path
from textwrap import fill
from typing import NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from rich.table import Table

from unetlite.compare.levers.kinds import BASELINE
from unetlite.compare.levers.outcome import (
    LeverOutcome,
    MeasuredLever,
    ValidationScores,
    read_scores,
)
from unetlite.compare.levers.record import LeverRecord, read_levers
from unetlite.compare.report.score_chart import COLOURS, INK, STYLE, to_svg
from unetlite.judge.analysis import collapsed_runs
from unetlite.judge.statistics import ALPHA, pair_differences
from unetlite.run_directory import RunFiles
from unetlite.wording import capitalised, counted

LONGER_TRAINING = "steps"  # the lever that trains longer
MAX_SENTENCES = 3
SAME_TIME = 0.15  # of the time of a training: smaller differences are noise


class OperatorRange(NamedTuple):
    """What lies between the best and the worst operator, in mean IoU of validation images."""

    best: str
    worst: str
    operators: int
    gain: float
    half_width: float  # of an interval that holds for all pairs at once with 95 %


class Levers(NamedTuple):
    """What is shown of levers."""

    record: LeverRecord
    outcome: LeverOutcome
    operators: OperatorRange | None  # None: not known


class TableRow(NamedTuple):
    """A row of the table, of a lever or of the operator."""

    title: str
    gain: float
    half_width: float  # of its interval
    note: str
    lever: MeasuredLever | None = None  # None for the operator


def load_levers(file: Path, runs: Path) -> Levers | None:
    """The levers of a record, and the operators of the finished runs below `runs`.

    None if there is no record, or if its trainings are not finished.
    """
    record = read_levers(file)
    if record is None or record.outcome is None:
        return None
    return Levers(record, record.outcome, find_operator_range(runs))


def levers_of_race(directory: Path) -> Levers | None:
    """The levers that were tried before the race in a directory; None if none were."""
    return load_levers(directory / "levers.json", directory)


def adopted_words(levers: Levers | None) -> list[str]:
    """What to type to train with the levers that were adopted."""
    words: list[str] = []
    if levers is None:
        return words
    for row in levers.outcome.rows:
        if row.name in levers.outcome.adopted:
            words += row.typed.split()
    return words


def find_operator_range(directory: Path) -> OperatorRange | None:
    """Of the finished runs `operator/seedK` below a directory; None of fewer than two operators.

    It takes the seeds that all of them have, two or more. Operators of which a training collapsed
    are left out if two others are left: nothing could be seen beside them.
    """
    runs: dict[str, dict[str, RunFiles]] = {}
    for file in sorted(directory.glob("*/seed*/val_counts.csv")):
        run = RunFiles(file.parent)
        if run.metrics.exists():
            runs.setdefault(file.parent.parent.name, {})[file.parent.name] = run
    if len(runs) < 2:
        return None
    seeds = sorted(set.intersection(*map(set, runs.values())))
    if len(seeds) < 2:
        return None
    scored = {}
    for name, by_seed in runs.items():
        scored[name] = read_scores([by_seed[seed] for seed in seeds])
    return range_of(steady_operators(scored))


def steady_operators(scored: dict[str, ValidationScores]) -> dict[str, ValidationScores]:
    """The operators of which no training collapsed; all of them if these are fewer than two."""
    means = {name: dict(enumerate(each.influence.mean(1))) for name, each in scored.items()}
    collapsed = {name for name, _ in collapsed_runs(means)}
    steady = {name: each for name, each in scored.items() if name not in collapsed}
    return steady if len(steady) >= 2 else scored


def range_of(scored: dict[str, ValidationScores]) -> OperatorRange:
    """The difference of the best and the worst, with an interval for the choice of the pair."""
    means = {name: float(each.influence.mean()) for name, each in scored.items()}
    best = max(means, key=means.__getitem__)
    worst = min(means, key=means.__getitem__)
    differences = pair_differences({name: each.table for name, each in scored.items()})
    difference = differences[best, worst] if best != worst else next(iter(differences.values()))
    half_width = difference.half_width(ALPHA / len(differences))  # each pair, both sides
    return OperatorRange(best, worst, len(scored), float(difference.mean), float(half_width))


def table_rows(levers: Levers) -> list[TableRow]:
    """All rows, the largest gain first; the operator is one of them if it is known."""
    rows = []
    for row in levers.outcome.rows:
        note = row.typed if row.gains else ""
        if row.name in levers.outcome.adopted:
            note = "adopted"
        rows.append(TableRow(row.title, row.gain, row.half_width, note, row))
    operators = levers.operators
    if operators is not None:
        note = (
            f"{operators.best} less {operators.worst}, best and worst of {operators.operators}, val"
        )
        rows.append(TableRow("the operator", operators.gain, operators.half_width, note))
    return sorted(rows, key=lambda row: -row.gain)


def terminal_table(levers: Levers) -> Table:
    """The table within 80 characters. Costs are over those without a change."""
    outcome = levers.outcome
    table = Table(
        "change",
        "gain in\nmean IoU\n(val)",
        "± 95 %\ninterval",
        fill(f"in IoU of {outcome.worst_class}", 12),
        "training\ntakes,\ntimes",
        "MACs,\ntimes",
        title=f"without a change: mean IoU {outcome.miou:.4f}, IoU of {outcome.worst_class} "
        f"{outcome.worst_iou:.4f} (val)",
    )
    for row in table_rows(levers):
        cells = [row.title, f"{row.gain:+.4f}", f"{row.half_width:.4f}"]
        if row.lever is not None:
            cells.append(f"{row.lever.worst_class_gain:+.4f}")
            cells += [format_factor(row.lever.seconds), format_factor(row.lever.macs)]
        table.add_row(*cells, style="bold" if row.gain > row.half_width else "")
    return table


@rc_context(STYLE)
def draw_levers(levers: Levers) -> str:
    """SVG: what each change gains, with its interval, the largest first."""
    rows = table_rows(levers)
    figure = Figure(figsize=(5.6, 0.7 + 0.26 * len(rows)))  # inches
    axes = figure.subplots()
    axes.axvline(0, color=INK, linewidth=0.8)
    for place, row in enumerate(rows):
        colour = COLOURS[1] if row.lever is None else COLOURS[0]
        axes.errorbar(
            row.gain,
            place,
            xerr=row.half_width,
            color=colour,
            marker="o",
            capsize=3,
        )
    axes.set(xlabel="gain in mean IoU (val), 95 % interval", ylim=(len(rows) - 0.5, -0.5))
    axes.set_yticks(np.arange(len(rows)), [row.title for row in rows])
    return to_svg(figure)


def lever_sentences(levers: Levers, risk: float | None = None) -> list[str]:
    """What gains more, in sentences. `risk` is what the chosen operator can lose."""
    outcome = levers.outcome
    gaining = [row for row in outcome.rows if row.gains]
    sentences = [lever_sentence(row, outcome, risk) for row in gaining[:MAX_SENTENCES]]
    if not gaining:
        best = outcome.rows[0]
        sentences.append(
            f"None of {counted(len(outcome.rows), 'change')} is shown to gain; the largest gain is "
            f"that of {best.title}: {gain_text(best)} in mean IoU (val)."
        )
    if levers.operators is not None:
        sentences.append(operator_sentence(levers.operators))
    if outcome.unlearnt > 0:
        trainings = levers.record.trials.seeds_of(BASELINE)
        sentences.append(
            f"{outcome.unlearnt} of {trainings} trainings without a change have "
            f"not learnt {outcome.worst_class}, so this says little: train longer "
            "(trainer.max_steps)."
        )
    return sentences + outcome.remarks


def operator_sentence(operators: OperatorRange) -> str:
    """What the operator changes, beside the gains of other changes."""
    gain = f"{operators.gain:+.4f} ± {operators.half_width:.4f}"
    pair = f"{operators.best} less {operators.worst}"
    return f"The operator: best less worst {gain} in mean IoU (val; {pair})."


def format_factor(factor: float) -> str:
    """How many times as much; 1 for what the noise of a time does not tell from it."""
    if abs(factor - 1) < SAME_TIME:
        return "1"
    return f"{factor:.1f}"


def lever_sentence(row: MeasuredLever, outcome: LeverOutcome, risk: float | None) -> str:
    """The sentence on a lever that gains."""
    text = f"{capitalised(row.title)}: {gain_text(row)} in mean IoU (val)"
    if risk is not None and risk > 0:
        text += f", {row.gain / risk:.1f} times what the choice of the operator can lose"
    if row.name in outcome.adopted:
        return f"{text}; adopted before the race."
    return f"{text} ({row.typed})."


def gain_text(row: MeasuredLever) -> str:
    """Such as "+0.0280 ± 0.0060"."""
    return f"{row.gain:+.4f} ± {row.half_width:.4f}"


def basis_sentence(levers: Levers) -> str:
    """What the gains were measured with."""
    trials = levers.record.trials
    outcome = levers.outcome
    images = f"{outcome.images} validation images"
    if outcome.groups < outcome.images:
        images += f" in {outcome.groups} groups"
    operator = trials.base["operators"][0]
    text = f"Measured with {operator}, {trials.seeds} trainings each of {trials.steps} steps"
    for lever in trials.levers:
        if lever.name in trials.more_seeds:
            text += f" ({trials.seeds_of(lever.name)} without a change and with {lever.title})"
    return f"{text}, on {images}; ± is a 95 % interval, for all changes at once."


def untried_lines(levers: Levers) -> list[str]:
    """A line for each lever that was not tried or failed, with the reason."""
    reasons = {**levers.record.trials.reasons, **levers.outcome.failed}
    return [f"{title}: {reason}" for title, reason in reasons.items()]
