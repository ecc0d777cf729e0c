"""What the page says of a state and its result: parameters, sum, size, overlap, and equal forms."""

from typing import NamedTuple

import numpy as np

from unetlite.arithmetic.equals import Other
from unetlite.arithmetic.operations import OPERATIONS, RANGES, Result, Setting
from unetlite.arithmetic.sizes import FORMULAS
from unetlite.arithmetic.taps import NONE
from unetlite.commands.arithmetic_page.state import BRUSHES, MAX_TABLE, RESIZERS, State
from unetlite.commands.arithmetic_page.tables import short, without_rounding

TERMS = 30  # of a sum that are written out
INSERT_ZEROS = ("transposed", "zeros")  # operations whose outputs have phases


class Field(NamedTuple):
    """A number that one types, or moves by a slider between limits."""

    name: str
    value: str
    limits: tuple[int, int] | None


def list_fields(state: State) -> list[Field]:
    """The sizes of the tables and the parameters that apply."""
    if state.operation not in OPERATIONS:
        return []
    operation = OPERATIONS[state.operation]
    sizes = {"rows": len(state.map), "columns": len(state.map[0])}
    if operation.kernel != "nothing":
        sizes["size"] = max(len(state.kernel), len(state.kernel[0]))
    fields = []
    for name, side in sizes.items():
        value = state.numbers.get(name, str(side))
        fields.append(Field(name, value, (1, MAX_TABLE[RESIZERS[name]])))
    for name in operation.parameters:
        fields.append(Field(name, state.numbers[name], RANGES.get(name)))
    return fields


def brush_words(state: State) -> dict[str, str]:
    """What a click on a cell can do."""
    return {name: state.say(name) for name in BRUSHES}


def padding_taps(state: State, result: Result) -> int:
    """How many taps of the output that one points at lie on padding, if a window slides."""
    if OPERATIONS[state.operation].size != "window" or result.kind != "sum":
        return 0
    return int((result.taps.sources[state.at] == NONE).sum())


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


def steps_before(result: Result) -> dict[str, np.ndarray]:
    """The maps on the way to the result, by the key of their names."""
    steps = {}
    for name, numbers in result.steps.items():
        if not np.array_equal(numbers, result.outputs):
            steps[name] = numbers
    return steps


def size_by_axis(setting: Setting, result: Result) -> list[tuple[str, str, int]]:
    """For each axis the key of its name, the formula of the size with its numbers, and the size."""
    _, formula = FORMULAS[OPERATIONS[setting.operation].size]
    sizes = []
    for axis, name in enumerate(("height", "width")):
        i = setting.inputs.shape[axis]
        if setting.operation == "shuffle" and axis == 0:
            i //= setting.stride**2  # of each channel
        numbers = formula.format(
            i=i,
            k=setting.kernel.shape[axis],
            s=setting.stride,
            p=setting.padding,
            d=setting.dilation,
            op=setting.output_padding,
        )
        sizes.append((name, numbers, result.outputs.shape[axis]))
    return sizes


def phases_text(state: State, setting: Setting) -> str:
    """Whether a constant map stays constant; nothing for operations that do not insert zeros."""
    if setting.operation not in INSERT_ZEROS or setting.stride == 1:
        return ""
    sums = phase_sums(setting.kernel, setting)
    numbers = ", ".join(short(value) for value in sums.flat)
    key = "phases_equal" if np.allclose(sums, sums[0, 0]) else "phases_differ"
    return state.say(key, sum=short(sums[0, 0]), sums=numbers)


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


def verdict(state: State, other: Other) -> str:
    """Whether another way gives the same."""
    difference = short(other.largest_difference)
    count = int(other.differing.sum())
    if count > 0:
        return state.say(
            "not_same",
            count=count,
            all=other.outputs.size,
            difference=difference,
        )
    key = "same" if other.largest_difference == 0 else "same_rounded"
    return state.say(key, difference=difference)
