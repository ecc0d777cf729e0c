"""The report on runs: made, written and printed, for `unetlite compare` and `unetlite choose`."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

from rich import get_console
from rich.text import Text

from unetlite.commands.target import Target, restrict_comparison
from unetlite.compare.comparison import read_comparison
from unetlite.compare.race.record import RaceRecord
from unetlite.compare.report.files import write_report
from unetlite.compare.report.next_steps import Step, next_steps
from unetlite.compare.report.report import Report, make_report
from unetlite.compare.report.tables import terminal_table
from unetlite.compare.report.tensorboard import write_tensorboard
from unetlite.errors import UsageError
from unetlite.files import relative_path, shell_path, write_text
from unetlite.terminal import print_text, progress

MAX_WIDTH = 100  # of text


def report_on(
    directory: Path,
    *,
    by: str = "upsample",
    metric: str | None = None,
    margin: float | None = None,
    allow: Sequence[str] = (),
    output: Path | None = None,
    size: tuple[int, int] | None = None,
    rounds: int = 9,
    images: Path | None = None,
    tensorboard: bool,
    target: Target,
    without: Sequence[str] = (),
    answer: Path | None = None,
) -> Report:
    """Compares runs, writes the report, and prints it. The options are those of the command.

    `answer` is a file that gets what is printed.
    """
    size = target.image_size(size)
    comparison = restrict_comparison(read_comparison(directory, by, allow), target, size)
    if without:
        comparison = comparison.leave_out_images(without)
    if comparison.race is not None:
        metric, margin = planned_criteria(comparison.race, metric, margin)
    with progress("reading checkpoints") as update:
        report = make_report(
            comparison,
            metric or "miou",
            margin,
            update,
            size=size,
            rounds=rounds,
            images=images,
            device_costs=target.costs,
            export_options=target.export_options(size),
            kept_costs=(output or directory) / "measured_costs.json",
        )
    console = get_console()
    with console.capture() as printed:
        print_report(report, write_files(report, output or directory, tensorboard))
    console.file.write(printed.get())
    if answer is not None:
        write_text(answer, Text.from_ansi(printed.get()).plain + "\n")
    return report


def planned_criteria(
    race: RaceRecord, metric: str | None, margin: float | None
) -> tuple[str, float | None]:
    """Metric and margin of a race. Raises UsageError if an option asks for others."""
    for option, value in (("metric", metric), ("margin", margin)):
        planned = getattr(race.plan, option)
        if value is not None and value != planned:
            raise UsageError(
                f"--{option} {value}: the race was planned with {planned}, which decides; "
                "leave the option out."
            )
    return race.plan.metric, race.plan.margin


def write_files(report: Report, directory: Path, tensorboard: bool) -> list[str]:
    """Writes the report, and returns a line for each file."""
    lines = [f"report    {relative_path(file)}" for file in write_report(report, directory)]
    if tensorboard:
        path = write_tensorboard(report, directory)
        lines.append(f"curves    unetlite board {shell_path(path.parent)}")
    return lines


def print_report(report: Report, written: list[str]) -> None:
    """Prints the verdict, the table, the files, and what to do next."""
    paragraphs = [f"left out: {reason}" for reason in report.comparison.left_out]
    paragraphs += [" ".join([*report.verdicts, *report.losses]), *report.cautions, *report.worth]
    if not any(report.trained in sentence for sentence in report.verdicts):
        paragraphs.append(f"Is it trained? {report.trained}")
    if report.gains:
        paragraphs.append(" ".join(report.gains + report.gains_basis))
    paragraphs += report.prediction
    if len(report.look_at) > 1:  # one alone is in what to do next
        paragraphs += report.look_at
    print_text("\n\n".join(paragraphs) + "\n")
    get_console().print(terminal_table(report))
    lines = []
    if report.comparison.by != "model":
        lines.append(f"network   {report.network}")
    if report.costs.load is not None:
        lines.append(f"warning   {report.costs.load}")
    if report.costs.device is not None:
        lines.append(f"device    {report.costs.device}")
    print_text("\n".join(lines + written), wrap=False)
    print_steps(next_steps(report))


def print_steps(steps: list[Step]) -> None:
    """Prints what to do next, numbered, the commands on lines of their own."""
    if not steps:
        return
    print_text("\nNext")
    width = min(get_console().width, MAX_WIDTH)
    for number, step in enumerate(steps, start=1):
        lines = wrap(
            step.text,
            width,
            initial_indent=f"{number}. ",
            subsequent_indent="   ",
            break_long_words=False,  # of paths
            break_on_hyphens=False,
        )
        lines += [f"     {command}" for command in step.commands]
        print_text("\n".join(lines), wrap=False)
