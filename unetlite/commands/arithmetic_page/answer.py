"""What the page on arithmetic answers to a query string."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from jinja2 import Environment, PackageLoader, StrictUndefined

from unetlite.arithmetic.equals import others
from unetlite.arithmetic.operations import OPERATIONS, Result, compute
from unetlite.arithmetic.presets import PRESETS
from unetlite.arithmetic.refusal import Refused
from unetlite.arithmetic.sizes import FORMULAS
from unetlite.arithmetic.words import LANGUAGES
from unetlite.commands.arithmetic_page import sections, tables
from unetlite.commands.arithmetic_page.state import (
    State,
    parse_place,
    parse_state,
    write_cells,
    write_query,
)

ENVIRONMENT = Environment(
    loader=PackageLoader("unetlite.commands"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
)
ENVIRONMENT.globals.update(
    formulas=FORMULAS,
    languages=LANGUAGES,
    operations=OPERATIONS,
    others=others,
    presets=PRESETS,
    sections=sections,
    tables=tables,
)
PAGE: Any = ENVIRONMENT.get_template("arithmetic.html").module
"""The parts of the page as functions."""

RESHAPING = {"", "operation", "example", "language", "rows", "columns", "size"}
"""What a visitor changes so that controls and tables are others; empty is the first look."""


def answer(query: str) -> dict[str, object]:
    """What the page shows for a query string.

    In it, `changed` is what a visitor has moved, and `source` row and column of the input that is
    pointed at.

    Returns:
        `query` for the link; `preset`, a name or nothing; `kernel`, which has no table in pooling;
        `parts`, HTML by place; `marks`, ids of elements by how they are marked; `shades` of the
        typed tables.
    """
    fields = dict(parse_qsl(query.removeprefix("?")))
    changed = fields.get("changed", "")
    state = parse_state(query)
    try:
        setting = state.setting()
        result = compute(setting)
    except Refused as refused:
        message = refused.message(state.language)
        parts = {"result": PAGE.refusal(message), "sum": "", "more": ""}
        marks = {"bad": bad_cells(refused)}
    else:
        state = within(state, result)
        parts = {"sum": PAGE.sum(state, setting, result)}
        marks = sections.mark_places(state, result)
        if "source" in fields:
            source = parse_place(fields["source"], (0, 0))
            marks["reached"] = sections.reached_places(result, source)
        if changed != "at":
            parts["result"] = PAGE.result(state, result.outputs)
            parts["more"] = PAGE.more(state, setting, result, write_query(state))
    if changed in RESHAPING:
        parts["controls"] = PAGE.controls(state)
        parts["inputs"] = PAGE.inputs(state)
    return {
        "query": write_query(state),
        "preset": state.preset or "",
        "kernel": write_cells(state.kernel),
        "parts": {name: str(part) for name, part in parts.items()},
        "marks": marks,
        "shades": {
            "map": tables.cell_shades(state.map),
            "kernel": tables.cell_shades(state.kernel),
        },
    }


def within(state: State, result: Result) -> State:
    """The state with a place that the result has."""
    rows, columns = result.outputs.shape
    row, column = state.at
    return replace(state, at=(min(row, rows - 1), min(column, columns - 1)))


def bad_cells(refused: Refused) -> list[str]:
    """The id of the cell that is no number."""
    if refused.key != "not_a_number":
        return []
    values = refused.values
    return [f"{values['name']}-{values['row'] - 1}-{values['column'] - 1}"]
