"""Every text is there in both languages, and both have the same places for values."""

import re
from string import Formatter

import pytest

from unetlite.arithmetic.operations import OPERATIONS
from unetlite.arithmetic.presets import PRESETS
from unetlite.arithmetic.refusal import Refused
from unetlite.arithmetic.words import LANGUAGES, load_words, say
from unetlite.settings.paths import CHECKOUT

WORDS = load_words()


def places(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("key", WORDS)
def test_a_text_says_the_same_in_both_languages(key):
    text = WORDS[key]
    assert tuple(text) == tuple(LANGUAGES)
    assert places(text["en"]) == places(text["zh"])
    assert re.search("[\u4e00-\u9fff]", text["zh"])
    assert not re.search("[\u4e00-\u9fff]", text["en"])


def test_no_key_stands_twice():
    text = (CHECKOUT / "unetlite" / "arithmetic" / "words.yaml").read_text(encoding="utf-8")
    keys = re.findall(r"^(\w+):", text, re.MULTILINE)
    assert keys == list(WORDS)


def test_every_key_that_the_code_names_has_words():
    needed = {f"preset_{name}" for name in PRESETS} | set(OPERATIONS)
    needed |= {f"about_{name}" for name in OPERATIONS}
    for file in (CHECKOUT / "unetlite").rglob("arithmetic*/*.py"):
        source = file.read_text(encoding="utf-8")
        needed |= {f"refused_{key}" for key in re.findall(r'Refused\(\s*"(\w+)"', source)}
        needed |= set(re.findall(r'say\(\s*"(\w+)"', source))
        needed |= set(re.findall(r'Other\(\s*"(\w+)"', source))
    assert needed - set(WORDS) == set()
    assert len(needed) > 80


def test_a_refusal_gives_value_and_remedy_in_either_language():
    refused = Refused("pool_padding", p=3, k=2)
    assert str(refused) == refused.message("en")
    for language in LANGUAGES:
        assert "p=3" in refused.message(language)
    assert "池化窗口" in refused.message("zh")
    assert "步幅 s为 9" in Refused(
        "parameter_range", name="stride", value=9, low=1, high=6
    ).message("zh")
    assert say("stride", "zh").startswith("步幅")
