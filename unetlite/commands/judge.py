"""`unetlite judge`: a table of scores in, from wherever; verdict and page out."""

from decimal import ROUND_UP
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import get_console

from unetlite.errors import UsageError
from unetlite.files import relative_path, write_json, write_text
from unetlite.terminal import make_table, print_text

if TYPE_CHECKING:
    from unetlite.judge.judgement import Judgement

Row = dict[str, str]  # by heading


def judge(
    scores: Annotated[Path, typer.Argument(help="A table of scores: CSV, CSV.GZ or Parquet.")],
    variant: Annotated[
        str | None, typer.Option(help="Column of what is compared; of a wide table A,B,...")
    ] = None,
    seed: Annotated[str | None, typer.Option(help="Column that numbers the trainings.")] = None,
    unit: Annotated[str | None, typer.Option(help="Column of the test images.")] = None,
    group: Annotated[
        str | None, typer.Option(help="Column of what images share, such as the patient.")
    ] = None,
    score: Annotated[str | None, typer.Option(help="Column of the scores.")] = None,
    cost: Annotated[
        str | None, typer.Option(help="Column of what a variant costs, such as latency.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(help="COLUMN=VALUE: only the rows of it, such as set=nuclei; repeatable."),
    ] = None,
    higher_is_better: Annotated[
        bool | None,
        typer.Option(
            "--higher-is-better/--lower-is-better",
            help="Of the scores. If stated, they may lie outside 0 to 1.",
        ),
    ] = None,
    margin: Annotated[
        float | None, typer.Option(help="Of the score, to trade for a cheaper variant.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for judge.html and judge.json.")
    ] = None,
) -> None:
    """Which variant to choose, by a table of scores of any networks: verdict, bounds, a page."""
    from unetlite.judge.judgement import judge as judge_table

    judgement = judge_table(
        scores,
        variant=variant,
        seed=seed,
        unit=unit,
        group=group,
        score=score,
        cost=cost,
        where=parse_where(where or []),
        higher_is_better=higher_is_better,
        margin=margin,
    )
    written = []
    if output is not None:
        written = write_judgement(judgement, str(scores), output)
    print_judgement(judgement, written)


def parse_where(options: list[str]) -> dict[str, str]:
    """The values of --where by column. Raises UsageError for other words, or a column twice."""
    values: dict[str, str] = {}
    for option in options:
        column, separator, value = option.partition("=")
        column = column.strip()
        if not separator or not column:
            raise UsageError(f"--where {option}: expected COLUMN=VALUE; write set=nuclei.")
        if column in values:
            raise UsageError(f"--where {option}: {column} has a value already; give one.")
        values[column] = value.strip()
    return values


def table_rows(judgement: "Judgement") -> list[Row]:
    """A row for every variant, best first."""
    from unetlite.judge.verdict import format_number

    rows = []
    for name, summary in judgement.analysis.variants.items():
        row = {"variant": name, judgement.title: str(summary)}
        if judgement.regret:
            row |= bound_cells(judgement, name)
        if judgement.cost is not None:
            row[judgement.cost.unit] = format_number(judgement.cost.values[name])
        rows.append(row)
    return rows


def bound_cells(judgement: "Judgement", name: str) -> Row:
    """The max regret of a variant, and whether it may be the best."""
    from unetlite.judge.verdict import format_number

    if name in judgement.analysis.without_bound:
        return {"max regret (95 %)": "", "may be the best": "collapsed"}
    return {
        "max regret (95 %)": format_number(judgement.regret[name], ROUND_UP),
        "may be the best": "yes" if name in judgement.candidates else "no",
    }


def write_judgement(judgement: "Judgement", source: str, directory: Path) -> list[Path]:
    """Writes `judge.html` and `judge.json`, each whole or not at all."""
    cost = judgement.cost
    content = {
        "verdict": judgement.verdict,
        "cautions": judgement.cautions,
        "source": source,
        "reading": judgement.reading,
        "margin": judgement.margin,
        "judged": {"score": judgement.title, **judgement.analysis.figures()},
        "costs": None if cost is None else {cost.unit: cost.values},
    }
    page = directory / "judge.html"
    figures = directory / "judge.json"
    write_text(page, make_page(judgement, source))
    write_json(figures, content)
    return [page, figures]


def make_page(judgement: "Judgement", source: str) -> str:
    """A page that needs no other file."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(loader=PackageLoader("unetlite.commands"), autoescape=True)
    return environment.get_template("judge.html").render(
        judgement=judgement,
        source=source,
        rows=table_rows(judgement),
        chart=draw_chart(judgement),
    )


def draw_chart(judgement: "Judgement") -> str:
    """SVG: the variants with their intervals, against their costs if there are any."""
    from unetlite.compare.report.score_chart import draw_scores

    names = list(judgement.analysis.variants)
    label = ""
    values = {name: float(place) for place, name in enumerate(names)}
    if judgement.cost is not None:
        label = judgement.cost.unit
        values = dict(judgement.cost.values)
    return draw_scores(
        judgement.analysis,
        label,
        values,
        {name: slot for slot, name in enumerate(sorted(names))},
    )


def print_judgement(judgement: "Judgement", written: list[Path]) -> None:
    """Prints how the table was read, the verdict, the table of variants, and the files."""
    print_text("\n".join(judgement.reading) + "\n")
    print_text("\n\n".join(judgement.verdict + judgement.cautions) + "\n")
    get_console().print(make_table(table_rows(judgement)))
    for file in written:
        print_text(f"report    {relative_path(file)}", wrap=False)
