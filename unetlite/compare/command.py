"""`unetlite compare`: runs in, verdict and report out."""

from collections.abc import Sequence
from pathlib import Path

from rich import get_console
from rich.table import Table

from unetlite.compare.analysis import analyse_all
from unetlite.compare.cost import measure_costs
from unetlite.compare.curves import mean_curves, write_means
from unetlite.compare.evidence import gather_evidence
from unetlite.compare.report import write_report
from unetlite.compare.result import Result, table
from unetlite.compare.runs import METRICS, read_comparison
from unetlite.errors import UsageError


def compare(
    directory: Path,
    *,
    by: str,
    metric: str,
    allow: Sequence[str],
    output: Path | None,
    size: tuple[int, int],
    rounds: int,
    tensorboard: bool,
) -> None:
    """Reads the runs below `directory`, prints verdict and table, writes the report."""
    if metric not in METRICS:
        raise UsageError(f"--metric {metric}: choose one of {', '.join(METRICS)}.")
    console = get_console()
    comparison = read_comparison(directory, by, allow)
    for reason in comparison.left_out:
        console.print(f"left out: {reason}", highlight=False, soft_wrap=True)
    analyses = analyse_all(comparison)
    if metric not in analyses:
        raise UsageError(f"--metric {metric}: the runs have no value of it.")
    with console.status("") as status:
        costs = measure_costs(comparison, size, rounds=rounds, progress=status.update)
        status.update("reading learning curves")
        curves = mean_curves(comparison)
        status.update("predicting test images")
        evidence = gather_evidence(comparison)
        result = Result(comparison, metric, analyses, costs, curves, evidence)
        files = write_report(result, output or directory, f"Which {by}? {len(comparison.variants)} variants compared")
    for sentence in result.verdicts:
        console.print(sentence + "\n", highlight=False)
    console.print(terminal_table(result))
    for file in files:
        console.print(f"report  {file}", highlight=False, soft_wrap=True)
    if tensorboard:
        write_means(comparison, curves, directory)
        console.print(f"curves  tensorboard --logdir {directory}", highlight=False, soft_wrap=True)


def terminal_table(result: Result) -> Table:
    """The main columns of the report's table."""
    headings, rows = table(result)
    kept = [k for k, heading in enumerate(headings) if "ripple" not in heading and "Hausdorff" not in heading][:6]
    fastest = result.costs.fastest
    shown = Table(*(headings[k] for k in kept), *(["fastest, ms"] if fastest else []))
    for row in rows:
        cells = [f"[bold]{row[k].text}[/]" if row[k].best else row[k].text for k in kept]
        shown.add_row(*cells, *([f"{fastest[row[0].text]:.2f}"] if fastest else []))
    return shown
