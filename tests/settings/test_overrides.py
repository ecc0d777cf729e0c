"""Names and paths as people have them, typed as they are; and Hydra's grammar where it is meant."""

import os
import shlex

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unetlite.errors import UsageError
from unetlite.settings.composition import compose_run
from unetlite.settings.overrides import (
    decode_names,
    escape_interpolation,
    parse,
    quote_overrides,
    quote_text,
)

EXAMPLES = int(os.environ.get("UNETLITE_OVERRIDES", "15"))
ODD = " '\"[](){},=:$%\\/#|~;!?@<>*+_-.é道路ßЖ"
names = st.text(st.characters(categories=["L", "N"]) | st.sampled_from(ODD), min_size=1, max_size=9)
some = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def compose(*words, **values):
    return compose_run(["data=folder", *words], values)


@some
@given(name=names, more=st.sampled_from(["", "${seed}", "\\${x}", "{}"]))
def test_names_that_are_given_as_values_stay_as_they_are(name, more):
    name += more
    composed = compose(**{"data.root": name, "data.classes": {name: 0, "b": [1, 2]}})
    assert composed.data.dataset["root"] == name
    assert composed.data.dataset["classes"] == {name: 0, "b": [1, 2]}


@some
@given(name=names)
def test_a_folder_is_typed_as_it_is_called_or_refused_with_what_works(name):
    try:
        composed = compose(f"data.root={name}")
    except UsageError as error:
        message = str(error)
        assert len(message.splitlines()) == len(name.splitlines() or [name])
        assert "LexerNoViableAlt" not in message
        *_, form = message.partition("write ")
        (word,) = shlex.split(form.removesuffix("."))
        composed = compose(word)
    read = composed.data.dataset["root"]
    as_hydra_quotes = name[0] == name[-1] and name[0] in "'\""
    has_escape = "\\" in name
    assert read in (name, name.strip(), None) or as_hydra_quotes or has_escape


@some
@given(name=names)
def test_a_class_is_typed_as_it_is_called_or_in_quotes(name):
    quoted = name
    if set(name) & set(",:[]{}\\'\"") or name != name.strip():
        quoted = quote_text(name)
    composed = compose("data.root=x", f"data.classes={{{quoted}: 0, other: 255}}")
    classes = {str(key): value for key, value in composed.data.dataset["classes"].items()}
    if parse(f"x={{{name}: 0}}") is None:  # else Hydra may read a number
        assert classes == {name: 0, "other": 255}


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("{Straße: 0}", {"Straße": 0}),
        ("{Straße:0,'a: b':[1,2,3]}", {"Straße": 0, "a: b": [1, 2, 3]}),
        ("{null: 0, NULL: 1, true: 2}", {"null": 0, "NULL": 1, "true": 2}),
        ("{it's: 0, that's: 1}", {"it's": 0, "that's": 1}),
        ("{%%a%%: 0}", {"%%a%%": 0}),
        ("[Straße, 'a, b', c]", ["Straße", "a, b", "c"]),
    ],
)
def test_classes_of_any_alphabet_are_typed(typed, read):
    assert compose("data.root=x", f"data.classes={typed}").data.dataset["classes"] == read


@pytest.mark.parametrize(
    "word",
    ["seed=1", "data.root=a b", "data.root='a, b'", "data.classes={a: 0, b: [1,2]}", "~trainer",
     "+x={a:1}", "data.root=null", "data.root=${data_dir}/x", "-m", "job"],
)  # fmt: skip
def test_what_hydra_parses_keeps_its_words(word):
    assert quote_overrides([word]) == [word]


def test_sweeps_stay_sweeps_and_only_where_they_can_be():
    words = ["seed=0,1", "seed=range(0,3)", "data.root=a,b"]
    assert quote_overrides(words, multirun=True) == words
    assert quote_overrides(["model.norm=ü,b"], multirun=True) == ['model.norm="ü",b']
    assert quote_overrides(["data.root=a,b"]) == ['data.root="a,b"']
    with pytest.raises(UsageError, match=r"write 'seed=\[0,1\]'.* -m\."):
        quote_overrides(["seed=0,1"])


def test_a_folder_that_exists_is_meant_before_hydras_reading(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("${seed}", "a,b", "' x'", "\\,"):
        (tmp_path / name).mkdir()
        assert compose(f"data.root={name}").data.dataset["root"] == name
    assert quote_overrides(["data.root=a,b"], multirun=True) == ['data.root="a,b"']
    for name in ("a", "b", "ü"):
        (tmp_path / name).mkdir()
    assert quote_overrides(["data.root=ü,b"], multirun=True) == ['data.root="ü",b']
    for name in ("a,b", "ß,b"):  # both are there; neither is
        with pytest.raises(UsageError, match="can be one name or several"):
            quote_overrides([f"data.root={name}"], multirun=True)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("data.root='a", "write 'data.root="),
        ("data.classes={a, b: 0}", "stands in quotes"),
        ("dätä.root=x", "expected KEY=VALUE"),
        ("=3", "expected KEY=VALUE"),
        ("seed=choice(ü,1)", "Hydra's choice()"),
    ],
)
def test_what_can_mean_nothing_is_refused_in_one_line(word, message):
    with pytest.raises(UsageError) as error:
        quote_overrides([word], multirun=True)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_recorded_reads_as_it_was_typed():
    (word,) = quote_overrides(["data.classes={Straße: 0}"])
    assert decode_names(word) == "data.classes={Straße:0}"
    assert escape_interpolation("a$b{c}") == "a$b{c}"
