"""The controls of the page: language, example, operation, parameters; and the typed tables."""

from collections.abc import Mapping
from html import escape

from unetlite.arithmetic.operations import (
    MAX_KERNEL,
    MAX_MAP,
    OPERATIONS,
    RANGES,
)
from unetlite.arithmetic.presets import PRESETS
from unetlite.arithmetic.words import LANGUAGES
from unetlite.commands.arithmetic_page.state import BRUSHES, Cells, State
from unetlite.commands.arithmetic_page.tables import input_table, roomy


def render_controls(state: State) -> str:
    """The head of the page, with everything that one chooses."""
    examples = {"": state.say("own")}
    for name, preset in PRESETS.items():
        title = state.say(f"preset_{name}")
        fact = state.say("fact", number=preset.fact)
        examples[name] = f"{title} ({fact})"
    operations = {name: state.say(name) for name in OPERATIONS}
    title = state.say("title")
    lead = state.say("lead")
    about = ""
    if state.operation in OPERATIONS:
        about = state.say(f"about_{state.operation}")
    return (
        f'<header><div><h2>{title}</h2><p class="lead">{lead}</p></div>'
        f"{radios('language', state.say('language'), LANGUAGES, state.language)}</header>"
        f'<div class="choices">'
        f"{select('example', state.say('preset'), examples, state.preset or '')}"
        f"{select('operation', state.say('operation'), operations, state.operation)}"
        f'</div><p class="about">{escape(about)}</p>'
        f'<div class="sliders">{sliders(state)}</div>'
    )


def select(name: str, label: str, options: Mapping[str, str], chosen: str) -> str:
    """A menu of options, texts by value."""
    items = ""
    for value, text in options.items():
        mark = " selected" if value == chosen else ""
        items += f'<option value="{value}"{mark}>{escape(text)}</option>'
    return f'<label>{escape(label)}<select id="{name}" name="{name}">{items}</select></label>'


def radios(name: str, label: str, options: Mapping[str, str], chosen: str) -> str:
    """Buttons of which one is pressed, texts by value."""
    items = ""
    for value, text in options.items():
        mark = " checked" if value == chosen else ""
        items += (
            f'<label><input type="radio" id="{name}-{value}" name="{name}" value="{value}"{mark}>'
            f"<span>{escape(text)}</span></label>"
        )
    return f'<fieldset class="radios"><legend>{escape(label)}</legend>{items}</fieldset>'


def sliders(state: State) -> str:
    """The sizes of the tables and the parameters that apply."""
    if state.operation not in OPERATIONS:
        return ""
    operation = OPERATIONS[state.operation]
    sizes = {"rows": len(state.map), "columns": len(state.map[0])}
    if operation.kernel != "nothing":
        sizes["size"] = max(len(state.kernel), len(state.kernel[0]))
    html = ""
    for name, side in sizes.items():
        largest = MAX_KERNEL if name == "size" else MAX_MAP
        value = state.numbers.get(name, str(side))
        html += slider(name, state.say(state.parameter_key(name)), value, (1, largest))
    for name in operation.parameters:
        value = state.numbers[name]
        if name == "noise":
            html += number_field(name, state.say(state.parameter_key(name)), value)
        else:
            html += slider(name, state.say(state.parameter_key(name)), value, RANGES[name])
    return html


def slider(name: str, label: str, value: str, limits: tuple[int, int]) -> str:
    """A slider and a number, which say the same."""
    low, high = limits
    return (
        f'<div class="slider"><label for="{name}">{escape(label)}</label>'
        f'<input type="range" id="{name}-slider" data-twin="{name}" min="{low}" max="{high}" '
        f'value="{escape(value)}" aria-label="{escape(label)}">'
        f'<input type="text" inputmode="numeric" id="{name}" name="{name}" '
        f'value="{escape(value)}"></div>'
    )


def number_field(name: str, label: str, value: str) -> str:
    """A number that is typed."""
    return (
        f'<div class="slider"><label for="{name}">{escape(label)}</label>'
        f'<input type="text" inputmode="decimal" id="{name}" name="{name}" '
        f'value="{escape(value)}"></div>'
    )


def render_inputs(state: State) -> str:
    """The map and the kernel, and what a click on their cells does."""
    brushes = {name: state.say(name) for name in BRUSHES}
    brush = radios("brush", state.say("brush"), brushes, state.brush)
    html = f"<section>{titled_table(state, 'map', state.map)}{brush}</section>"
    if state.operation in OPERATIONS and OPERATIONS[state.operation].kernel == "numbers":
        html += f"<section>{titled_table(state, 'kernel', state.kernel)}</section>"
    return html


def titled_table(state: State, name: str, cells: Cells) -> str:
    """The map or the kernel, with its size."""
    table = state.say(name)

    def title(row: int, column: int) -> str:
        return state.say("cell", name=table, row=row + 1, column=column + 1)

    heading = f"{table} <small>{len(cells)} x {len(cells[0])}</small>"
    return f"<h3>{heading}</h3>{roomy(input_table(name, cells, title))}"
