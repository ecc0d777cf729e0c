"""What the page says of a result: the sum, the size, the overlap, the matrix, and equal forms."""

from html import escape

import numpy as np

from unetlite.arithmetic.equals import Other, others
from unetlite.arithmetic.operations import OPERATIONS, Result, Setting
from unetlite.arithmetic.sizes import FORMULAS
from unetlite.arithmetic.taps import NONE
from unetlite.commands.arithmetic_page.state import State, write_query
from unetlite.commands.arithmetic_page.tables import (
    DRAWN,
    MAX_MATRIX,
    SHOWN,
    matrix_drawing,
    number_table,
    result_table,
    roomy,
    short,
    without_rounding,
)

DOCS = "https://github.com/unetlite/unetlite/blob/main/docs"
PAGES = {"en": "arithmetic.md", "zh": "arithmetic.zh-CN.md"}  # by language
TERMS = 30  # of a sum that are written out
INSERT_ZEROS = ("transposed", "zeros")  # operations whose outputs have phases


def render_result(state: State, result: Result) -> str:
    """The outputs, at which one can point."""

    def title(row: int, column: int) -> str:
        return state.say("cell", name=state.say("result"), row=row + 1, column=column + 1)

    rows, columns = result.outputs.shape
    table = roomy(result_table(result.outputs, state.at, title))
    heading = f"{state.say('result')} <small>{rows} x {columns}</small>"
    note = ""
    if max(rows, columns) > SHOWN:
        note = f'<p class="hint">{state.say("first_rows", shown=SHOWN)}</p>'
    return f"<section><h3>{heading}</h3>{note}{table}</section>"


def render_sum(state: State, setting: Setting, result: Result) -> str:
    """The sum behind the output that one points at, with its numbers."""
    row, column = state.at
    heading = state.say("sum", row=row + 1, column=column + 1)
    text = escape(sum_text(state, setting, result))
    notes = ""
    padding = int((result.taps.sources[row, column] == NONE).sum())
    slides = OPERATIONS[state.operation].size == "window" and result.kind == "sum"
    if slides and padding:
        notes = f" <small>{state.say('padding_taps', count=padding)}</small>"
    hint = state.say("sum_hint")
    return f'<h3>{heading}</h3><p class="sum">{text}{notes}</p><p class="hint">{hint}</p>'


def sum_text(state: State, setting: Setting, result: Result) -> str:
    """0*3 + 1*3 + 2*2 = 7, or what an operation that chooses has chosen from."""
    row, column = state.at
    present = result.taps.sources[row, column] != NONE
    values = result.taps.values(setting.inputs)[row, column][present].tolist()
    weights = result.taps.weights[row, column][present].tolist()
    output = short(without_rounding(result.outputs)[row, column])
    if result.kind == "returned":
        return state.say("returned" if values else "not_returned", value=output)
    if not values:
        return state.say("no_input")
    if result.kind == "largest":
        return f"max({', '.join(map(short, values))}) = {output}"
    if result.kind == "drawn" and result.chances is not None:
        chances = result.chances[row, column][present].tolist()
        choices = [
            f"{short(value)} ({chance:.1%})" for value, chance in zip(values, chances, strict=True)
        ]
        return state.say("drawn", value=output, choices=", ".join(choices))
    terms = list(zip(weights, values, strict=True))
    more = len(terms) - TERMS
    if more > 0:
        terms.sort(key=lambda term: -abs(term[0] * term[1]))
    texts = [f"{factor(weight)}*{factor(value)}" for weight, value in terms[:TERMS]]
    if more > 0:
        texts.append(f"… ({state.say('more_terms', count=more)})")
    return f"{' + '.join(texts)} = {output}"


def factor(number: float) -> str:
    """A number in a product; a negative one in brackets."""
    text = short(number)
    return f"({text})" if text.startswith("-") else text


def mark_places(state: State, result: Result) -> dict[str, list[str]]:
    """The ids of the output, of the inputs that it used, and of its row in the matrix."""
    row, column = state.at
    sources = result.taps.sources[row, column]
    width = result.taps.size[1]

    def cell(source: int) -> str:
        return f"map-{source // width}-{source % width}"

    used = sorted({int(source) for source in sources if source != NONE})
    marks = {
        "used": [cell(source) for source in used],
        "pointed": [f"out-{row}-{column}", f"line-{row * result.outputs.shape[1] + column}"],
    }
    if result.chosen is not None:
        chosen = int(sources[result.chosen[row, column]])
        marks["chosen"] = [cell(chosen)]
    return marks


def reached_places(result: Result, source: tuple[int, int]) -> list[str]:
    """The ids of the outputs that an input, given by row and column, reaches."""
    row, column = source
    taps = result.taps
    reached = (taps.sources == row * taps.size[1] + column).any(-1)
    return [f"out-{row}-{column}" for row, column in np.argwhere(reached).tolist()]


def render_more(state: State, setting: Setting, result: Result) -> str:
    """What stands below the tables."""
    sections = {
        "size_title": render_size(state, setting, result),
        "reach_title": render_reach(state, setting, result),
        "others_title": render_others(state, setting, result),
        "matrix_title": render_matrix(state, result),
    }
    html = ""
    for name, numbers in result.steps.items():
        if np.array_equal(numbers, result.outputs):
            continue
        rows, columns = numbers.shape
        heading = f"{state.say(f'step_{name}')} <small>{rows} x {columns}</small>"
        html += f'<section class="step"><h3>{heading}</h3>{roomy(number_table(numbers))}</section>'
    for title, content in sections.items():
        html += f'<section class="{title}"><h3>{state.say(title)}</h3>{content}</section>'
    link = f'<a href="?{escape(write_query(state))}" data-link>{state.say("link")}</a>'
    name = PAGES[state.language]
    page = f'<a href="{DOCS}/{name}">docs/{name}</a>'
    return f"{html}<footer>{link} · {state.say('derived', page=page)}</footer>"


def render_size(state: State, setting: Setting, result: Result) -> str:
    """The formula of the size, with the numbers of each axis."""
    formula, with_numbers = FORMULAS[OPERATIONS[state.operation].size]
    lines = f'<p class="formula">{formula}</p>'
    for axis, name in enumerate(("height", "width")):
        i = setting.inputs.shape[axis]
        if state.operation == "shuffle" and axis == 0:
            i //= setting.stride**2  # of each channel
        numbers = with_numbers.format(
            i=i,
            k=setting.kernel.shape[axis],
            s=setting.stride,
            p=setting.padding,
            d=setting.dilation,
            op=setting.output_padding,
        )
        o = result.outputs.shape[axis]
        lines += f'<p class="formula"><span>{state.say(name)}</span> {numbers} = <b>{o}</b></p>'
    return lines


def render_reach(state: State, setting: Setting, result: Result) -> str:
    """How many inputs reach each output, and how even that is."""
    counts = result.taps.counts()
    low, high = int(counts.min()), int(counts.max())
    key = evenness(setting, counts)
    text = state.say(key, low=low, high=high, count=high)
    table = "" if key == "even" else roomy(number_table(counts))
    return f"<p>{text}</p>{table}{render_phases(state, setting)}"


def render_phases(state: State, setting: Setting) -> str:
    """Whether a constant map stays constant; nothing for operations that do not insert zeros."""
    if setting.operation not in INSERT_ZEROS or setting.stride == 1:
        return ""
    sums = phase_sums(setting.kernel, setting)
    numbers = ", ".join(short(value) for value in sums.flat)
    key = "phases_equal" if np.allclose(sums, sums[0, 0]) else "phases_differ"
    return f"<p>{state.say(key, sum=short(sums[0, 0]), sums=numbers)}</p>"


def phase_sums(kernel: np.ndarray, setting: Setting) -> np.ndarray:
    """(S, S) for stride S: the sum of the taps (k, k') that reach the outputs of each phase.

    It is what a constant 1 becomes there, away from the border.
    """
    stride = setting.stride
    rows, columns = (setting.dilation * np.arange(size) % stride for size in kernel.shape)
    sums = np.zeros((stride, stride))
    for row in range(stride):
        for column in range(stride):
            taps = kernel[rows == row][:, columns == column]
            sums[row, column] = taps.sum()
    return sums


def evenness(setting: Setting, counts: np.ndarray) -> str:
    """The key of the words about counts (H, W)."""
    if np.ptp(counts) == 0:
        return "even"
    if counts.min() == 0:
        return "gaps"
    if setting.operation in INSERT_ZEROS:
        taps_by_phase = phase_sums(np.ones_like(setting.kernel), setting)
        return "uneven_border" if np.ptp(taps_by_phase) == 0 else "uneven"
    rows, columns = counts.shape
    inside = counts[rows // 4 : rows - rows // 4, columns // 4 : columns - columns // 4]
    if np.ptp(inside) == 0:
        return "uneven_border"
    return "uneven"


def render_matrix(state: State, result: Result) -> str:
    """The matrix of a linear operation and its transpose, drawn if they are not too large."""
    if not result.linear:
        return f"<p>{state.say('no_matrix')}</p>"
    matrix = result.taps.matrix()
    rows, columns = matrix.shape
    weights = int(np.count_nonzero(matrix))
    values = {"rows": rows, "columns": columns}
    if weights > DRAWN or rows * columns > MAX_MATRIX:
        return f"<p>{state.say('large_matrix', count=weights, **values)}</p>"
    text = state.say("matrix", **values)
    transpose = state.say("transpose", **values)
    if state.operation == "transposed":
        transpose = state.say("matrix_of_transposed", **values)
    drawing = roomy(matrix_drawing(matrix, "M", "line"))
    transposed = roomy(matrix_drawing(matrix.T, "M^T"))
    return (
        f'<div class="matrices"><div><p>{text}</p>{drawing}</div>'
        f"<div><p>{transpose}</p>{transposed}</div></div>"
    )


def render_others(state: State, setting: Setting, result: Result) -> str:
    """What else gives the same, each with its result and what the comparison says."""
    html = ""
    for other in others(setting, result):
        html += render_other(state, other)
    return html or f"<p>{state.say('no_others')}</p>"


def render_other(state: State, other: Other) -> str:
    """One of them."""
    differences = int(other.differing.sum())
    difference = short(other.largest_difference)
    if differences:
        verdict = state.say(
            "not_same",
            count=differences,
            all=other.outputs.size,
            difference=difference,
        )
        mark = "differs"
    else:
        key = "same" if other.largest_difference == 0 else "same_rounded"
        verdict = state.say(key, difference=difference)
        mark = "equal"
    tables = ""
    if other.kernel is not None:
        tables += (
            f"<div><h4>{state.say('its_kernel')}</h4>{roomy(number_table(other.kernel))}</div>"
        )
    differing = other.differing if differences < other.outputs.size else None
    result = roomy(number_table(other.outputs, marked=differing))
    tables += f"<div><h4>{state.say('its_result')}</h4>{result}</div>"
    text = escape(state.say(other.key, **other.values))
    return (
        f'<article><p>{text}</p><p class="{mark}">{verdict}</p>'
        f'<div class="tables">{tables}</div></article>'
    )
