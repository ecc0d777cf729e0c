"""A link holds the state of the page, and what cannot be read is refused, never guessed."""

import pytest
from hypothesis import given, settings
from hypothesis.strategies import lists, sampled_from, text

from unetlite.arithmetic.operations import MAX_MAP, OPERATIONS, compute
from unetlite.arithmetic.presets import PRESETS
from unetlite.arithmetic.refusal import Refused
from unetlite.commands.arithmetic_page.state import (
    State,
    first_preset,
    parse_state,
    preset_state,
    write_cells,
    write_query,
)


@pytest.mark.parametrize("name", PRESETS)
def test_a_link_to_a_preset_names_it(name):
    state = parse_state(f"?example={name}")
    assert state.preset == name
    assert write_query(state) == f"example={name}"
    spelled_out = f"operation={state.operation}&map={write_cells(state.map)}"
    spelled_out += f"&kernel={write_cells(state.kernel)}"
    for parameter, number in state.numbers.items():
        spelled_out += f"&{parameter}={number}"
    assert parse_state(spelled_out).preset == name


@settings(deadline=None, max_examples=60)
@given(
    operation=sampled_from(sorted(OPERATIONS)),
    cells=lists(text(max_size=4), min_size=1, max_size=3),
    number=text(max_size=3),
    language=sampled_from(["en", "zh"]),
)
def test_a_link_restores_whatever_was_typed(operation, cells, number, language):
    start = first_preset(operation)
    numbers = dict.fromkeys(start.numbers, number)
    state = State(
        operation,
        (tuple(cells), tuple(cells)),
        start.kernel,
        numbers,
        language,
        at=(1, 2),
    )
    assert parse_state(write_query(state)) == state


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("example=nothing", "unknown_example"),
        ("operation=sharpen", "unknown_operation"),
        ("operation=max&map=1,a;2,3", "not_a_number"),
        ("operation=max&map=1,0%252C5;2,3", "not_a_number"),
        ("operation=max&map=1,nan;2,3", "not_a_number"),
        ("operation=max&map=1_0,1;2,3", "not_a_number"),
        ("operation=max&stride=1_0", "not_whole"),
        ("operation=max&map=1,2;3", "ragged"),
        ("operation=max&stride=1.5", "not_whole"),
        ("operation=max&stride=", "not_whole"),
        ("operation=wiener&noise=little", "not_a_value"),
        ("operation=wiener&noise=inf", "not_a_value"),
        ("operation=max&rows=17", "array_size"),
        ("operation=max&rows=0", "array_size"),
        ("operation=max&rows=many", "not_whole"),
        ("operation=correlation&size=8", "array_size"),
        (f"operation=max&map={'1,' * MAX_MAP}1", "array_size"),
    ],
)
def test_what_cannot_be_read_is_refused(query, key):
    state = parse_state(query)
    with pytest.raises(Refused) as refused:
        compute(state.setting())
    assert refused.value.key == key


def test_another_size_keeps_what_fits_and_fills_up_with_zeros():
    state = parse_state("example=matrix&rows=5&changed=rows")
    assert state.map[:4] == preset_state("matrix").map
    assert state.map[4] == ("0",) * 4
    assert parse_state("example=matrix&columns=3").map[0] == ("3", "3", "2")
    assert parse_state("example=one_dimension&size=2").kernel == (("3", "4"), ("0", "0"))


def test_another_operation_keeps_the_map_if_it_can():
    moved = "&map=1,2;3,4&kernel=5&changed=operation"
    kept = parse_state(f"operation=nearest&from=zeros{moved}")
    assert kept.map == (("1", "2"), ("3", "4"))
    assert kept.kernel == (("5",),)
    other_kernel = parse_state(f"operation=nearest&from=max{moved}")
    assert other_kernel.map == kept.map
    assert other_kernel.kernel == first_preset("nearest").kernel
    impossible = parse_state(f"operation=shuffle&from=zeros{moved}")
    assert impossible == first_preset("shuffle")
