"""`unetlite compare`: runs in, verdict and report out."""

from collections.abc import Sequence
from pathlib import Path

from rich import get_console
from rich.markup import escape
from rich.table import Table

from unetlite.checkpoint import load_network
from unetlite.compare.analysis import analyse_all
from unetlite.compare.comparison import read_comparison
from unetlite.compare.cost import measure_costs
from unetlite.compare.curves import mean_curves, write_means
from unetlite.compare.evidence import gather_evidence
from unetlite.compare.report import write_report
from unetlite.compare.result import BOUNDARY, Result, table
from unetlite.compare.runs import METRICS
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
    analyses = analyse_all(comparison)
    if metric not in analyses:
        raise UsageError(f"--metric {metric}: the runs have no value of it.")
    with console.status("reading checkpoints") as status:
        networks = {name: load_network(runs[0].files.best).eval() for name, runs in comparison.variants.items()}
        costs = measure_costs(comparison, networks, size, rounds=rounds, progress=status.update)
        status.update("reading learning curves")
        curves = mean_curves(comparison)
        status.update("predicting test images")
        result = Result(comparison, metric, analyses, costs, curves, gather_evidence(comparison, networks))
        files = write_report(result, output or directory, f"Which {by}? {len(comparison.variants)} variants compared")
    lines = [f"left out: {reason}" for reason in comparison.left_out] + result.cautions + result.verdicts
    console.print("\n\n".join(lines) + "\n", highlight=False, markup=False)
    console.print(terminal_table(result))
    lines = [f"report  {file}" for file in files]
    if tensorboard:
        write_means(comparison, curves, directory)
        lines.append(f"curves  tensorboard --logdir {directory}")
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def terminal_table(result: Result) -> Table:
    """The main columns of the report's table."""
    kept = (result.metric, BOUNDARY, "parameters")
    columns = [column for column in table(result) if column.key in kept]
    fastest = result.costs.fastest
    shown = Table(result.comparison.by, *(column.heading for column in columns), *(["fastest, ms"] if fastest else []))
    for name in result.analysis.variants:
        cells = [column.cells[name] for column in columns]
        texts = [f"[bold]{cell.text}[/]" if cell.best else cell.text for cell in cells]
        shown.add_row(escape(name), *texts, *([f"{fastest[name]:.2f}"] if fastest else []))
    return shown
