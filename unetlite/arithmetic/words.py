"""The texts of the page on arithmetic: words.yaml has them in English and in Chinese."""

from functools import cache
from pathlib import Path

import yaml

LANGUAGES = {"en": "English", "zh": "简体中文"}


@cache
def load_words() -> dict[str, dict[str, str]]:
    """Every text by its key, then by a language of LANGUAGES; {name} in it stands for a value."""
    file = Path(__file__).with_name("words.yaml")
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def say(key: str, language: str = "en", **values: object) -> str:
    """The text of a key in a language of LANGUAGES, with its values filled in."""
    text = load_words()[key][language]
    return text.format(**values)
