"""`python train.py --help`: every group and key, its value and its meaning, out of configs/."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from unetlite.settings.composition import compose_config
from unetlite.settings.paths import CONFIGS
from unetlite.settings.schema import flatten

EXAMPLES = {
    "": "transposed convolution on coastlines",
    "upsample=nearest seed=1": "another operator, another seed",
    "data=folder data.root=DIR": "your DIR/images and DIR/masks",
    "upsample=carafe --help": "the keys that carafe has",
    "-m upsample=nearest,carafe seed=0,1": "each of four, one after the other",
    "experiment=compare": "six operators, five seeds",
}
YAML_WORDS = {"True": "true", "False": "false", "None": "null"}


def show_keys(overrides: Sequence[str]) -> None:
    """Prints what can be set, with the choices of these overrides."""
    config = compose_config(overrides)
    choices = {}
    for group, name in config.hydra.runtime.choices.items():
        if (CONFIGS / group).is_dir():
            choices[group] = name
    del config.hydra

    print("Trains one network, or several with -m.")
    print("python train.py [GROUP=NAME ...] [KEY=VALUE ...]")
    examples = [(f"train.py {words}".strip(), text) for words, text in EXAMPLES.items()]
    print_rows("Examples", examples)
    print_rows("Groups, and the files of configs/ to choose from", list_groups(choices))
    print_rows("Keys, and their values with these choices", list_keys(config, choices))
    more = [("--cfg job", "the configuration as YAML"), ("--hydra-help", "what Hydra offers")]
    print_rows("More", more)


def print_rows(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """Prints a title, and two columns below it."""
    table = Table.grid("", "", padding=(0, 1))
    table.columns[0].overflow = "fold"
    for row in rows:
        table.add_row(*row)
    print(f"\n{title}")
    Console(highlight=False, markup=False).print(table)


def list_groups(choices: dict[str, str]) -> list[tuple[str, str]]:
    """Every group of settings with the names to choose from."""
    rows = []
    for group in sorted(choices):
        if "/" not in group:
            names = [file.stem for file in sorted((CONFIGS / group).glob("*.yaml"))]
            rows.append((f"{group}=", ", ".join(names)))
    return rows


def list_keys(config: Any, choices: dict[str, str]) -> list[tuple[str, str]]:
    """Every key with its value and its meaning."""
    from omegaconf import OmegaConf

    meanings = read_meanings(CONFIGS / "train.yaml")
    for group, name in choices.items():
        file = CONFIGS / group / f"{name}.yaml"
        if group != "experiment" and file.exists():
            meanings.update(read_meanings(file, f"{group}."))
    values: Any = flatten(OmegaConf.to_container(config, resolve=False))  # type: ignore[arg-type]
    for key in ("trainer.callbacks", "trainer.loggers"):
        values[key] = {}  # an empty group has no keys
    rows = []
    for key, value in values.items():
        text = YAML_WORDS.get(str(value), str(value))
        rows.append((f"{key}={text}", meanings.get(key, "")))
    return rows


def read_meanings(file: Path, prefix: str = "") -> dict[str, str]:
    """The comments behind the keys of a file and of those it builds on, by dotted key."""
    from ruamel.yaml import YAML

    text = file.read_text(encoding="utf-8")
    content = YAML().load(text)
    meanings: dict[str, str] = {}
    for base in content.get("defaults", []):
        if isinstance(base, str) and base != "_self_":
            name = base.partition("@")[0]
            folder = CONFIGS if name.startswith("/") else file.parent
            base_file = folder / f"{name.lstrip('/')}.yaml"
            if base_file.exists():  # a plugin has files of its own
                meanings.update(read_meanings(base_file, prefix))
    collect_comments(content, own_prefix(text, prefix), meanings)
    return meanings


def own_prefix(text: str, prefix: str) -> str:
    """Where the keys of a file are: below those of its group, or of all groups."""
    return "" if "@package _global_" in text else prefix


def collect_comments(mapping: Any, prefix: str, meanings: dict[str, str]) -> None:
    """Adds the comment at the end of each key's line."""
    for key, value in mapping.items():
        tokens = mapping.ca.items.get(key)
        comment = tokens[2] if tokens else None  # the one behind the value
        if comment is not None and comment.value.startswith("#"):  # else it is of a later line
            line, *_ = comment.value.splitlines()
            meanings[prefix + key] = line.lstrip("# ")
        if hasattr(value, "ca") and hasattr(value, "items"):
            collect_comments(value, f"{prefix}{key}.", meanings)
