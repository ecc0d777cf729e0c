"""What is chosen and typed on the page, as the texts of a query string."""

import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

import numpy as np

from unetlite.arithmetic.operations import (
    MAX_KERNEL,
    MAX_MAP,
    OPERATIONS,
    Setting,
    compute,
)
from unetlite.arithmetic.presets import PRESETS
from unetlite.arithmetic.refusal import Refused
from unetlite.arithmetic.words import LANGUAGES, say

Cells = tuple[tuple[str, ...], ...]
"""The texts of a table, by rows."""

FIRST_PRESET = "sliding"
BRUSHES = ("type", "raise", "lower")
MAX_TABLE = {"map": MAX_MAP, "kernel": MAX_KERNEL}
RESIZERS = {"rows": "map", "columns": "map", "size": "kernel"}
"""The controls that change the size of a table, and which."""


@dataclass(frozen=True)
class State:
    """The page as it is, right or wrong; `setting` finds out.

    Attributes:
        numbers: the texts of parameters, and of a control of RESIZERS that cannot be followed.
        at: row and column of the output whose sum is shown.
        example: a name of no preset that was asked for.
    """

    operation: str
    map: Cells
    kernel: Cells
    numbers: dict[str, str] = field(default_factory=dict)
    language: str = "en"
    brush: str = "type"
    at: tuple[int, int] = (0, 0)
    example: str = ""

    @property
    def preset(self) -> str | None:
        """The name of the preset that has this operation and these numbers."""
        for name in PRESETS:
            same = replace(preset_state(name), language=self.language, brush=self.brush, at=self.at)
            if same == self:
                return name
        return None

    def setting(self) -> Setting:
        """What is to be computed. Raises Refused for what cannot be read."""
        if self.example:
            raise Refused("unknown_example", text=self.example)
        if self.operation not in OPERATIONS:
            raise Refused("unknown_operation", text=self.operation, names=", ".join(OPERATIONS))
        for name in RESIZERS:
            if name in self.numbers:
                self.refuse_size(name)
        values = {}
        for name in OPERATIONS[self.operation].parameters:
            values[name] = self.read_parameter(name)
        return Setting(
            self.operation,
            self.read_cells("map", self.map),
            self.read_cells("kernel", self.kernel),
            **values,  # type: ignore[arg-type]
        )

    def say(self, key: str, **values: object) -> str:
        """A text of the page in its language."""
        return say(key, self.language, **values)

    def cell_title(self, table: str, row: int, column: int) -> str:
        """How a cell is called, by its table and by row and column from 0."""
        return self.say("cell", name=self.say(table), row=row + 1, column=column + 1)

    def parameter_key(self, name: str) -> str:
        """The key of how a parameter is called for the operation."""
        enlarging = self.operation in ("zeros", "nearest", "bilinear", "shuffle")
        pooling = self.operation in OPERATIONS and OPERATIONS[self.operation].kernel == "size"
        if name == "stride" and enlarging:
            return "factor"
        if name == "size" and pooling:
            return "window_size"
        return name

    def refuse_size(self, name: str) -> None:
        """Raises Refused for the size of a table that is no number, or too large."""
        table = RESIZERS[name]
        side = read_whole(self.parameter_key(name), self.numbers[name])
        rows, columns = new_shape(getattr(self, table), name, side)
        raise Refused(
            "array_size",
            name=table,
            rows=rows,
            columns=columns,
            largest=MAX_TABLE[table],
        )

    def read_parameter(self, name: str) -> float:
        """The value of a parameter that applies. Raises Refused for a text that is no number."""
        text = self.numbers[name]
        if name != "noise":
            return read_whole(self.parameter_key(name), text)
        value = read_number(text)
        if value is None:
            raise Refused("not_a_value", name=self.parameter_key(name), text=text)
        return value

    def read_cells(self, name: str, cells: Cells) -> np.ndarray:
        """The numbers of a table. Raises Refused for a text that is none, or uneven rows."""
        lengths = sorted({len(row) for row in cells})
        if len(lengths) > 1:
            listed = ", ".join(map(str, lengths))
            raise Refused("ragged", name=name, lengths=listed)
        numbers = []
        for row, texts in enumerate(cells):
            for column, text in enumerate(texts):
                number = read_number(text)
                if number is None:
                    raise Refused(
                        "not_a_number",
                        name=name,
                        text=text,
                        row=row + 1,
                        column=column + 1,
                    )
                numbers.append(number)
        return np.array(numbers).reshape(len(cells), -1)


def read_number(text: str) -> float | None:
    """A finite number; None for any other text. An empty cell is 0."""
    if not text.strip():
        return 0.0
    if "_" in text:  # which Python would pass over
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def read_whole(name: str, text: str) -> int:
    """A whole number. Raises Refused for any other text."""
    if not re.fullmatch(r"\s*[-+]?[0-9]{1,9}\s*", text):
        raise Refused("not_whole", name=name, text=text)
    return int(text)


def cells_of(array: np.ndarray) -> Cells:
    """The texts of numbers (H, W)."""
    return tuple(tuple(format(value, ".12g") for value in row) for row in array.tolist())


def preset_state(name: str) -> State:
    """The state of a preset in English."""
    preset = PRESETS[name]
    setting = preset.setting
    numbers = {}
    for parameter in OPERATIONS[setting.operation].parameters:
        numbers[parameter] = str(getattr(setting, parameter))
    return State(
        setting.operation,
        cells_of(setting.inputs),
        cells_of(setting.kernel),
        numbers,
        at=preset.at,
    )


def first_preset(operation: str) -> State:
    """The state of the first preset of an operation."""
    for name, preset in PRESETS.items():
        if preset.setting.operation == operation:
            return preset_state(name)
    raise LookupError(operation)


def parse_state(query: str) -> State:
    """The state of a query string, as `write_query` writes and the page's form sends it.

    Besides, `changed` is the control that a visitor moved, and a name of RESIZERS the new size of a
    table.
    """
    fields = dict(parse_qsl(query.removeprefix("?"), keep_blank_values=True))
    state = named_state(fields)
    language = fields.get("language", "en")
    brush = fields.get("brush", "type")
    state = replace(
        state,
        language=language if language in LANGUAGES else "en",
        brush=brush if brush in BRUSHES else "type",
        at=parse_place(fields.get("at", ""), state.at),
    )
    return resized(state, fields)


def named_state(fields: dict[str, str]) -> State:
    """The state of an example, or of an operation with its map, kernel and parameters."""
    example = fields.get("example", "")
    if example in PRESETS:
        return preset_state(example)
    start = preset_state(FIRST_PRESET)
    if "operation" not in fields:
        return replace(start, example=example)
    operation = fields["operation"]
    if operation in OPERATIONS:
        start = first_preset(operation)
    cells = {"map": start.map, "kernel": start.kernel}
    for table in cells:
        if table in fields:
            cells[table] = parse_cells(fields[table])
    if fields.get("changed") == "operation":
        return with_operation(start, fields.get("from", ""), cells)
    numbers = dict(start.numbers)
    for name in numbers:
        if name in fields:
            numbers[name] = fields[name]
    return State(operation, cells["map"], cells["kernel"], numbers)


def with_operation(start: State, previous: str, cells: dict[str, Cells]) -> State:
    """The first preset of an operation with the map of before, if it can have that, and the kernel.

    The kernel stays between operations that take its numbers.
    """
    own_map = replace(start, map=cells["map"])
    candidates = [own_map]
    takes_numbers = OPERATIONS[start.operation].kernel == "numbers"
    if takes_numbers and previous in OPERATIONS and OPERATIONS[previous].kernel == "numbers":
        candidates.insert(0, replace(own_map, kernel=cells["kernel"]))
    for state in candidates:
        try:
            compute(state.setting())
        except Refused:
            continue
        return state
    return start


def parse_cells(text: str) -> Cells:
    """The cells of rows that end in a semicolon; commas stand between cells."""
    rows = text.split(";")
    return tuple(tuple(unquote(cell) for cell in row.split(",")) for row in rows)


def write_cells(cells: Cells) -> str:
    """What `parse_cells` reads."""
    rows = []
    for row in cells:
        rows.append(",".join(quote(cell, safe="") for cell in row))
    return ";".join(rows)


def parse_place(text: str, default: tuple[int, int]) -> tuple[int, int]:
    """Row and column of "1,2", from 0."""
    try:
        row, column = map(int, text.split(","))
    except ValueError:
        return default
    return max(row, 0), max(column, 0)


def resized(state: State, fields: dict[str, str]) -> State:
    """With another size of a table: new cells are 0. A size that cannot be is kept as a number."""
    for name, table in RESIZERS.items():
        if name not in fields:
            continue
        text = fields[name]
        if text not in map(str, range(1, MAX_TABLE[table] + 1)):
            return replace(state, numbers={**state.numbers, name: text})
        cells = getattr(state, table)
        rows, columns = new_shape(cells, name, int(text))
        changes: dict[str, Any] = {table: resize_cells(cells, rows, columns)}
        state = replace(state, **changes)
    return state


def new_shape(cells: Cells, name: str, side: int) -> tuple[int, int]:
    """Rows and columns of a table of which a control of RESIZERS sets a side, or both."""
    rows = side if name in ("rows", "size") else len(cells)
    columns = side if name in ("columns", "size") else len(cells[0])
    return rows, columns


def resize_cells(cells: Cells, rows: int, columns: int) -> Cells:
    """The upper left part, filled up with zeros."""
    filled = []
    for row in range(rows):
        texts = cells[row] if row < len(cells) else ()
        missing = columns - len(texts)
        filled.append((*texts[:columns], *["0"] * missing))
    return tuple(filled)


def write_query(state: State) -> str:
    """The query string of a state: that of its preset, or all of it."""
    preset = state.preset
    if preset:
        fields = {"example": preset}
    else:
        fields = {
            "operation": state.operation,
            "map": write_cells(state.map),
            "kernel": write_cells(state.kernel),
            **state.numbers,
        }
    if state.language != "en":
        fields["language"] = state.language
    if preset is None or state.at != PRESETS[preset].at:
        fields["at"] = f"{state.at[0]},{state.at[1]}"
    return urlencode(fields, safe=",;")
