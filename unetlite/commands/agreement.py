"""Whether races under several networks agree on what to choose."""

from collections.abc import Mapping
from decimal import ROUND_UP
from itertools import chain

from rich import get_console
from rich.table import Table

from unetlite.compare.report.report import Report
from unetlite.judge.verdict import format_number


def print_agreement(reports: Mapping[str, Report]) -> None:
    """Prints the scores of all operators under each network, and whether the choices agree."""
    table = Table("upsample", *reports, title="mean over trainings")
    analyses = [report.analysis for report in reports.values()]
    for operator in dict.fromkeys(chain.from_iterable(each.variants for each in analyses)):
        cells = []
        for analysis in analyses:
            is_judged = operator in analysis.variants
            cells.append(f"{analysis.variants[operator].mean:.4f}" if is_judged else "failed")
        table.add_row(operator, *cells)
    get_console().print(table)
    choices = {}
    for network, report in reports.items():
        if report.analysis.best is None:
            print(f"There is no verdict under model={network}, so nothing is said of agreement.")
            return
        choices[network] = report.chosen
    print(agreement_text(choices, reports))


def agreement_text(choices: Mapping[str, str], reports: Mapping[str, Report]) -> str:
    """Whether networks agree, and what the choice of each can lose under the others."""
    if len(set(choices.values())) == 1:
        return f"The networks agree: {next(iter(choices.values()))} is chosen under each."
    is_contradicted = False
    sentences = []
    for network, operator in choices.items():
        for other, report in reports.items():
            best = report.analysis.best
            if other == network or best is None:
                continue
            if operator not in best.regret:
                sentences.append(f"{operator} is chosen under {network}, and failed under {other}.")
                is_contradicted = True
                continue
            is_candidate = operator in best.candidates
            is_contradicted = is_contradicted or not is_candidate
            claim = "it may be" if is_candidate else "it is not"
            bound = format_number(best.regret[operator], ROUND_UP)
            sentences.append(
                f"{operator} is chosen under {network}; under {other} {claim} the best, and is "
                f"at most {bound} below it."
            )
    opening = "The networks choose differently, and neither excludes the other's choice."
    if is_contradicted:
        opening = "The networks disagree."
    return " ".join([opening, *sentences])
