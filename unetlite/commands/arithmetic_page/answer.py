"""What the page on arithmetic answers to a query string."""

from dataclasses import replace
from html import escape
from urllib.parse import parse_qsl

from unetlite.arithmetic.operations import Result, compute
from unetlite.arithmetic.refusal import Refused
from unetlite.commands.arithmetic_page.controls import render_controls, render_inputs
from unetlite.commands.arithmetic_page.sections import (
    mark_places,
    reached_places,
    render_more,
    render_result,
    render_sum,
)
from unetlite.commands.arithmetic_page.state import (
    State,
    parse_place,
    parse_state,
    write_cells,
    write_query,
)
from unetlite.commands.arithmetic_page.tables import cell_shades

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
        parts = refusal_parts(state, refused)
        marks = {"bad": bad_cells(state, refused)}
    else:
        state = within(state, result)
        parts = {"sum": render_sum(state, setting, result)}
        marks = mark_places(state, result)
        if "source" in fields:
            marks["reached"] = reached_places(result, parse_place(fields["source"], (0, 0)))
        if changed != "at":
            parts["result"] = render_result(state, result)
            parts["more"] = render_more(state, setting, result)
    if changed in RESHAPING:
        parts["controls"] = render_controls(state)
        parts["inputs"] = render_inputs(state)
    return {
        "query": write_query(state),
        "preset": state.preset or "",
        "kernel": write_cells(state.kernel),
        "parts": parts,
        "marks": marks,
        "shades": {"map": cell_shades(state.map), "kernel": cell_shades(state.kernel)},
    }


def within(state: State, result: Result) -> State:
    """The state with a place that the result has."""
    rows, columns = result.outputs.shape
    row, column = state.at
    return replace(state, at=(min(row, rows - 1), min(column, columns - 1)))


def refusal_parts(state: State, refused: Refused) -> dict[str, str]:
    """The words of a refusal in the place of the result; all else is empty."""
    message = escape(refused.message(state.language))
    return {
        "result": f'<p class="refusal" role="alert">{message}</p>',
        "sum": "",
        "more": "",
    }


def bad_cells(state: State, refused: Refused) -> list[str]:
    """The id of the cell that is no number."""
    if refused.key != "not_a_number":
        return []
    values = refused.values
    return [f"{values['name']}-{values['row'] - 1}-{values['column'] - 1}"]
