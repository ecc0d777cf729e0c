"""Writes docs/commands.md and docs/configuration.md: python docs/reference.py

They come from the commands themselves, and from the files of configs/ with their comments.
"""

import re
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import typer
from ruamel.yaml import YAML

from unetlite.cli import app
from unetlite.commands.keys import own_prefix, read_meanings
from unetlite.settings.paths import CONFIGS

DOCS = Path(__file__).parent

COMMANDS = """# Commands

Written by `python docs/reference.py` from the commands themselves.

`--help` says the same. A mistake ends in one line with its remedy, and exit code 2. A run that
failed ends with exit code 1.
"""

CONFIGURATION = """# Configuration

Written by `python docs/reference.py` from [configs/](../configs).

`python train.py KEY=VALUE` sets a key; `python train.py data=folder` takes the file of that name
for a group. Without a checkout it is `unetlite train`. `python train.py --help` lists all keys, and
`python train.py data=folder upsample=carafe --help` those of these choices. `unetlite choose DIR
KEY=VALUE` takes the keys of `data`, `model` and `trainer`, too.
"""

GROUPS = {
    "data": ("The data", "data."),
    "upsample": ("The upsampling operator", "upsample."),
    "downsample": ("The downsampling operator", "downsample."),
    "model": ("The network", "model."),
    "trainer": ("The training", "trainer."),
    "experiment": ("Experiments", ""),
    "hydra/launcher": ("Other machines", "hydra.launcher."),
}
"""The groups in the order in which people meet them: title, and where their keys are."""

SHARED = CONFIGS / "loader.yaml"
"""What every data set has."""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, or nothing for no rows."""
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    text = ""
    for line in lines:
        cells = " | ".join(line).replace("<", "&lt;")
        text += f"| {cells} |\n"
    return text + "\n"


def literal(text: object) -> str:
    """Literal text in a cell of a table."""
    escaped = str(text).replace("|", "\\|")
    return f"`{escaped}`" if escaped else ""


def commands_page() -> str:
    """docs/commands.md"""
    text = COMMANDS
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        text += f"\n## unetlite {name}\n\n{command.help}\n\n```\n{usage(name, command)}\n```\n\n"
        if name == "train":
            text += "Keys and values are those of the [configuration](configuration.md).\n"
            continue
        arguments, options = [], []
        for parameter in command.params:
            if parameter.param_type_name == "argument":
                arguments.append((literal(parameter.name.upper()), parameter.help))
            else:
                options.append(option_row(parameter))
        text += table(("argument", "meaning"), arguments)
        text += table(("option", "default", "meaning"), options)
        text = text.rstrip() + "\n"
    return text


def usage(name: str, command: Any) -> str:
    """The line that shows how a command is called."""
    if name == "train":
        return "unetlite train [KEY=VALUE ...]"
    words = [f"unetlite {name}"]
    for parameter in command.params:
        word = parameter.name.upper()
        if parameter.param_type_name != "argument":
            if parameter.required:
                words.append(f"--{parameter.name} {word}")
            continue
        if parameter.nargs == -1:
            word += " ..."
        words.append(word if parameter.required else f"[{word}]")
    return " ".join(words)


def option_row(option: Any) -> tuple[str, str, str]:
    """How an option is written, its default and its meaning."""
    written = "/".join([*option.opts, *option.secondary_opts])
    if not option.is_flag:
        written += f" {option.name.upper()}"
    default = option.default
    if option.required or default in (None, False, []):
        return literal(written), "", option.help
    if default is True:
        default = option.opts[0]
    return literal(written), literal(default), option.help


def configuration_page() -> str:
    """docs/configuration.md"""
    text = f"{CONFIGURATION}\n## A run\n\n{keys_table(CONFIGS / 'train.yaml', '', skip='hydra')}"
    for group, (title, prefix) in GROUPS.items():
        text += f"## {title}: `{group}=`\n\n"
        if group == "data":
            text += f"### What every data set has\n\n{file_section(SHARED, prefix)}"
        sections, bare = "", []
        for file in sorted((CONFIGS / group).glob("*.yaml")):
            section = file_section(file, prefix)
            if section:
                sections += f"### `{group}={file.stem}`\n\n{section}"
            else:
                bare.append(f"`{group}={file.stem}`")
        if bare:
            text += f"Without options: {', '.join(bare)}.\n\n"
        text += sections
    return text.rstrip() + "\n"


def file_section(file: Path, prefix: str) -> str:
    """What the comment at the head of a file says, the commands in it, and the keys."""
    sentences, commands = [], []
    content = file.read_text(encoding="utf-8")
    for line in content.splitlines():
        comment = line.removeprefix("# ")
        if comment == line:
            continue  # no comment, or one of a key
        if comment.startswith("python "):
            commands.append(re.sub(" {2,}", "  # ", comment.replace("#", " ")))
        elif not comment.startswith("@package"):
            sentences.append(comment)
    text = ""
    if sentences:
        prose = " ".join(sentences).rstrip(":.").replace("<", "&lt;")
        text += f"{prose}.\n\n"
    if commands:
        text += "```bash\n" + "\n".join(commands) + "\n```\n\n"
    keys = keys_table(file, prefix)
    if keys and "/loader@" in content and file != SHARED:
        text += "Beside [what every data set has](#what-every-data-set-has):\n\n"
    return text + keys


def keys_table(file: Path, prefix: str, skip: str = "") -> str:
    """The keys that a file sets, their values and their meanings, also where a base file has it."""
    meanings = read_meanings(file, prefix)
    yaml = YAML()
    yaml.preserve_quotes = True
    text = file.read_text(encoding="utf-8")
    rows = []
    for key, value in leaves(yaml.load(text), own_prefix(text, prefix)):
        if skip and key.startswith(f"{skip}."):
            continue
        shown = "to be given" if value == "???" else literal(value)
        rows.append((literal(key), shown, meanings.get(key, "")))
    return table(("key", "default", "meaning"), rows)


def leaves(mapping: Any, prefix: str) -> Iterator[tuple[str, str]]:
    """The keys of a file with their values as YAML, without what only Hydra and registries read."""
    for key, value in mapping.items():
        if key in ("defaults", "name", "_target_"):
            continue
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, yaml_text(value)


def yaml_text(value: Any) -> str:
    """A value as a file of configs/ has it."""
    if isinstance(value, list):
        items = [yaml_text(item) for item in value]
        return f"[{', '.join(items)}]"
    if isinstance(value, dict):
        return "{}"
    stream = StringIO()
    yaml = YAML()
    yaml.width = 1000
    yaml.dump({"key": value}, stream)
    line = stream.getvalue().strip()
    return line.removeprefix("key:").strip() or "null"


PAGES = {"commands.md": commands_page, "configuration.md": configuration_page}

if __name__ == "__main__":
    for name, write in PAGES.items():
        (DOCS / name).write_text(write(), encoding="utf-8")
