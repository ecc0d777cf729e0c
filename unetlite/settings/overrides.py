"""What is typed as KEY=VALUE, in the words of Hydra's grammar.

The grammar knows few characters: not those of other alphabets, and outside of quotes neither
brackets nor an equals sign. What it cannot parse is quoted here where it can mean one thing only.
What it can parse keeps its meaning.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import yaml

from unetlite.errors import UsageError
from unetlite.settings.paths import CONFIGS

TEXT_KEYS = (
    "data.root",
    "data.group",
    "data.image_name",
    "data.mask_name",
    "data_dir",
    "experiment",
    "model.encoder.weights",
    "output_dir",
    "run_dir",
)
"""Keys whose values are paths and names: no number, list or table."""

NO_OVERRIDE = "expected KEY=VALUE, such as upsample=nearest; python train.py --help lists the keys."

MARK = "%%"  # around a name that is encoded, since Hydra's tables take no quoted names

PIECE = re.compile(
    r"""\s*(
    '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*"  # in quotes
    | [{}\[\],:]
    | [^{}\[\],:]+
    )""",
    re.VERBOSE | re.DOTALL,
)


def quote_overrides(words: Sequence[str], multirun: bool = False) -> list[str]:
    """The words of a command line as Hydra parses them; `multirun` allows several values.

    Options such as -m stay as they are. Raises UsageError, with a form that works, for what can
    mean nothing or two things.
    """
    quoted = []
    for word in words:
        is_option = word.startswith("-") or "=" not in word
        quoted.append(word if is_option else quote_override(word, multirun))
    return quoted


def select_overrides(words: Sequence[str], *prefixes: str) -> list[str]:
    """Of these words, those that begin so."""
    return [word for word in words if word.startswith(prefixes)]


def is_multirun(words: Sequence[str]) -> bool:
    """True if a command line asks for several runs, itself or by its file of experiment/."""
    if not {"-m", "--multirun", "hydra.mode=MULTIRUN"}.isdisjoint(words):
        return True
    for file in (CONFIGS / "experiment").glob("*.yaml"):
        if f"experiment={file.stem}" in words:
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
            return content.get("hydra", {}).get("mode") == "MULTIRUN"
    return False


def quote_override(word: str, multirun: bool) -> str:
    """One KEY=VALUE as Hydra parses it. Raises UsageError."""
    key, _, value = word.partition("=")
    if not key or parse(f"{key}=x") is None:
        raise UsageError(f"{word}: {NO_OVERRIDE}")
    if key.lstrip("+") in TEXT_KEYS and is_literal(word, value, multirun):
        return f"{key}={quote_text(escape_interpolation(value))}"
    override = parse_as_typed(word)
    if override is not None:
        check_sweep(word, override, multirun)
        return word
    text = quote_values(word, value) if multirun else quote_value(word, value)
    return f"{key}={text}"


def is_literal(word: str, value: str, multirun: bool) -> bool:
    """True if a path or name is meant letter by letter, and Hydra would read it otherwise.

    Where Hydra's reading is a text, too, the one that exists is meant. Raises UsageError if it can
    be one folder or several.
    """
    if "${" in value:
        return path_exists(value)
    if multirun and "," in value:
        return is_one_folder(word, value)
    override = parse(word)
    if override is None:
        return path_exists(value) or not value.startswith(("'", '"'))
    if override.is_sweep_override():
        return not multirun
    reading = override.value()
    if isinstance(reading, str):
        return reading != value and path_exists(value) and not path_exists(reading)
    return reading is not None


def is_one_folder(word: str, value: str) -> bool:
    """True if a sweep's text with commas is the name of a folder.

    Raises UsageError if it can be one name or several.
    """
    several = all(path_exists(part.strip()) for part in value.split(","))
    one = path_exists(value)
    if one == several and (one or parse(word) is None):
        raise UsageError(
            f"{word} can be one name or several. For one write {paste_form(word)}; "
            "for several put each in quotes."
        )
    return one


def path_exists(text: str) -> bool:
    """True if there is a file or folder of this name."""
    try:
        return bool(text) and Path(text).expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # no such home; a name that no file can have
        return False


def check_sweep(word: str, override: Any, multirun: bool) -> None:
    """Raises UsageError for several values where one run is asked for."""
    if multirun or not override.is_sweep_override():
        return
    key, _, value = word.partition("=")
    as_list = shlex.quote(f"{key}=[{value}]")
    raise UsageError(
        f"{word} gives several values. For a list write {as_list}, for one text "
        f"{paste_form(word)}, and for several runs python train.py -m."
    )


def quote_values(word: str, value: str) -> str:
    """The values of a sweep, which commas separate, each as Hydra parses it."""
    values = [""]
    depth = 0
    for piece in PIECE.findall(value):
        depth += piece in ("[", "{")
        depth -= piece in ("]", "}")
        if piece == "," and depth == 0:
            values.append("")
        else:
            values[-1] += piece
    return ",".join(quote_value(word, each.strip()) for each in values)


def quote_value(word: str, value: str) -> str:
    """One value as Hydra parses it. Raises UsageError for what is not surely a plain text."""
    if parse_as_typed(f"x={value}") is not None:
        return value
    if value.startswith(("[", "{")):
        text = quote_names(value)
        if parse(f"x={text}") is None:
            raise UsageError(
                f"{word}: expected a list [a, b] or a table {{a: 0, b: 255}}, in which a name with "
                f"one of , : [ ] {{ }} stands in quotes. For one text write {paste_form(word)}."
            )
        return text
    if value.startswith(("'", '"')):
        raise UsageError(
            f"{word}: the text in quotes does not end with them; write {paste_form(word)}."
        )
    name, bracket, _ = value.partition("(")
    if bracket and name in parser().functions.functions:
        raise UsageError(
            f"{word}: expected what Hydra's {name}() takes, with names in quotes. For one text "
            f"write {paste_form(word)}."
        )
    return quote_text(value)


def quote_names(container: str) -> str:
    """A list or table in which each name that Hydra cannot parse is quoted, or encoded as a key."""
    pieces = []
    opened: list[str] = []
    previous = ""
    for piece in PIECE.findall(container):
        is_name = piece not in "{}[],:"
        is_key = opened[-1:] == ["{"] and previous in ("{", ",")
        if piece in ("[", "{"):
            opened.append(piece)
        elif piece in ("]", "}"):
            del opened[-1:]
        previous = piece
        if is_name:
            piece = quote_key(piece.strip()) if is_key else quote_item(piece.strip())
        pieces.append(piece)
    return "".join(pieces)


def quote_key(name: str) -> str:
    """A name before a colon, encoded if Hydra cannot parse it, or reads null, true or false."""
    if name.startswith(("'", '"')):
        override = parse(f"x={name}")
        return name if override is None else encode_name(override.value())
    if parse_as_typed(f"x={{{name}:0}}") is None:
        return encode_name(name)
    return name


def quote_item(text: str) -> str:
    """A value in a list or table, in quotes if Hydra cannot parse it."""
    if text.startswith(("'", '"')) or parse(f"x={text}") is not None:
        return text
    return quote_text(text)


def paste_form(word: str) -> str:
    """An override with its value as one text, as a shell takes it."""
    key, _, value = word.partition("=")
    return shlex.quote(f"{key}={quote_text(value)}")


def quote_text(text: str) -> str:
    """A text in quotes, as Hydra parses it."""
    from hydra.core.override_parser.types import Quote, QuotedString

    kind = Quote.single if '"' in text else Quote.double
    return QuotedString(text, kind).with_quotes()


def escape_interpolation(text: str) -> str:
    """A text whose ${...} OmegaConf keeps as it is."""
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", text)


def encode_name(name: str) -> str:
    """A name in ASCII, as a key in Hydra's tables, which take no quotes."""
    encoded = quote(name, safe="", errors="surrogateescape").replace("~", "%7E")
    return f"{MARK}{encoded}{MARK}"


def decode_names(text: str) -> str:
    """A text in which encoded names are as they were typed."""
    return re.sub(
        f"{MARK}([A-Za-z0-9_.%-]*?){MARK}",
        lambda match: unquote(match[1], errors="surrogateescape"),
        text,
    )


def encode_value(value: Any) -> Any:
    """A plain value that comes through OmegaConf and `decode_value` as it is."""
    if isinstance(value, str):
        return escape_interpolation(value)
    if isinstance(value, Mapping):
        items = ((key, encode_value(item)) for key, item in value.items())
        return {encode_name(key) if MARK in str(key) else key: item for key, item in items}
    if isinstance(value, (list, tuple)):
        return [encode_value(item) for item in value]
    return value


def decode_value(value: Any) -> Any:
    """A plain value with the keys of its tables as they were typed."""
    if isinstance(value, dict):
        decoded = {}
        for key, item in value.items():
            name = decode_names(key) if isinstance(key, str) else key
            decoded[name] = decode_value(item)
        return decoded
    if isinstance(value, list):
        return [decode_value(item) for item in value]
    return value


def parse(word: str) -> Any:
    """Hydra's Override of a word, or None if its grammar has none."""
    from hydra.errors import HydraException

    try:
        return parser().parse_override(word)
    except (HydraException, ValueError):
        return None


def parse_as_typed(word: str) -> Any:
    """Hydra's Override of a word, or None if it would not keep each name as it was typed.

    Of a table, as of classes, Hydra reads the names null, true and false as values.
    """
    override = parse(word)
    if override is None or MARK in word:
        return None
    value = override.value()
    if isinstance(value, dict) and any(key is None or isinstance(key, bool) for key in value):
        return None
    return override


@lru_cache(maxsize=1)
def parser() -> Any:
    """Hydra's parser of overrides."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return OverridesParser.create()
