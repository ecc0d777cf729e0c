"""Writes docs/commands.md and docs/configuration.md, from the commands and from configs/: python docs/reference.py"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import typer

from unetlite.cli import app
from unetlite.commands.keys import meanings
from unetlite.settings import CONFIGS

DOCS = Path(__file__).parent
WRITTEN = "Written by `python docs/reference.py` from {source}.\n"

COMMANDS = """# Commands

{written}
Every command says the same with `--help`. A mistake ends in one line that says what to do, with exit code 2; what
failed on the way, with exit code 1.
"""

CONFIGURATION = """# Configuration

{written}
Every key can be set on the command line, `python train.py KEY=VALUE`, and so can every group, `data=folder`: that takes
the file of that name. Without a checkout it is `unetlite train`. `python train.py --help` lists all keys, with
`data=folder upsample=carafe --help` those of these choices. `unetlite choose DIR KEY=VALUE` takes the keys of `data`,
`model` and `trainer`, too.
"""

# The groups in the order in which people meet them, and where their keys are.
GROUPS = {
    "data": ("The data", "data"),
    "upsample": ("The upsampling operator", "upsample"),
    "downsample": ("The downsampling operator", "downsample"),
    "model": ("The network", "model"),
    "trainer": ("The training", "trainer"),
    "experiment": ("Experiments", ""),
    "hydra/sweeper": ("Sweeps", "hydra.sweeper"),
    "hydra/launcher": ("Other machines", "hydra.launcher"),
}


class Key(NamedTuple):
    """A line of a configuration file."""

    name: str
    value: str
    meaning: str


def read_keys(lines: list[str], prefix: str) -> Iterator[Key]:
    """Keys with their values and comments; not of the lists of defaults and of Hydra's own workings in train.yaml."""
    above: list[tuple[int, str]] = []
    for line in lines:
        found = re.match(r"( *)([\w.]+):(?: +(\S.*?))?(?: +# (.*))?$", line)
        if not found:
            continue
        depth, (name, value, meaning) = len(found[1]), found.groups()[1:]
        above = [each for each in above if each[0] < depth]
        path = [*(each[1] for each in above), name]
        if value and value.startswith("# "):
            value, meaning = None, value[2:]
        if value is None:
            above.append((depth, name))
        elif path[0] != "defaults" and name not in ("name", "_target_"):
            yield Key(".".join([prefix, *path]).lstrip("."), value, meaning or "")


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """In Markdown, or nothing for no rows."""
    lines = [
        " | ".join(heads),
        " | ".join(["---"] * len(heads)),
        *(" | ".join(row).replace("<", "&lt;") for row in rows),
    ]
    return "".join(f"| {line} |\n" for line in lines) + "\n" if rows else ""


def code(text: object) -> str:
    """Literal text in a cell of a table."""
    escaped = str(text).replace("|", "\\|")
    return f"`{escaped}`" if escaped else ""


def of_file(file: Path, prefix: str) -> str:
    """The head of a configuration file, the commands in it, and its keys."""
    lines = file.read_text(encoding="utf-8").splitlines()
    head = [line.removeprefix("# ") for line in lines if line.startswith("#") and "@package" not in line]
    commands = [re.sub(r" {2,}", "  # ", line.replace("#", " ")) for line in head if line.startswith("python ")]
    prose = " ".join(line for line in head if line not in commands and not line.startswith("python "))
    text = f"{prose.rstrip(':.')}.\n\n".replace("<", "&lt;") if prose else ""
    text += "```bash\n" + "\n".join(commands) + "\n```\n\n" if commands else ""
    if "  - /loader@_here_" in lines:
        text += "Beside [what every data set has](#what-every-data-set-has):\n\n" * any(read_keys(lines, prefix))
    known = (
        {} if prefix.startswith("hydra") else meanings(file, f"{prefix}." if prefix else "")
    )  # also of keys that another file explains
    keys = [key._replace(meaning=key.meaning or known.get(key.name, "")) for key in read_keys(lines, prefix)]
    rows = [(code(key.name), "to be given" if key.value == "???" else code(key.value), key.meaning) for key in keys]
    return text + table(("key", "default", "meaning"), rows)


def commands() -> str:
    """docs/commands.md"""
    text = COMMANDS.format(written=WRITTEN.format(source="the commands themselves"))
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        arguments = [each for each in command.params if each.param_type_name == "argument"]
        usage = [f"{each.name.upper()}{' ...' * (each.nargs == -1)}" for each in arguments]
        usage = [word if each.required else f"[{word}]" for word, each in zip(usage, arguments, strict=True)]
        usage += [
            f"--{each.name} {each.name.upper()}" for each in command.params if each not in arguments and each.required
        ]
        if name == "train":
            usage = ["[KEY=VALUE ...]"]
        text += f"\n## unetlite {name}\n\n{command.help}\n\n```\nunetlite {name} {' '.join(usage)}\n```\n\n"
        text += "Keys and values are those of the [configuration](configuration.md).\n" if name == "train" else ""
        rows = [(code(each.name.upper()), each.help) for each in arguments]
        text += table(("argument", "meaning"), rows)
        options = [row(each) for each in command.params if each not in arguments]
        text = text.rstrip() + "\n\n" + table(("option", "default", "meaning"), options)
        text = text.rstrip() + "\n"
    return text.rstrip() + "\n"


def row(option: Any) -> tuple[str, str, str]:
    """Of an option: how it is written, its default and its meaning."""
    written = "/".join([*option.opts, *option.secondary_opts])
    takes = "" if option.is_flag else f" {option.name.upper()}"
    known = option.default not in (None, False, []) and not option.required
    shown = option.opts[0] if option.default is True else option.default
    return code(written + takes), code(shown) if known else "", option.help


def configuration() -> str:
    """docs/configuration.md"""
    text = CONFIGURATION.format(written=WRITTEN.format(source="[configs/](../configs)"))
    lines = (CONFIGS / "train.yaml").read_text(encoding="utf-8").split("\nhydra:")[0].splitlines()
    rows = [(code(key.name), code(key.value), key.meaning) for key in read_keys(lines, "")]
    text += "\n## A run\n\n" + table(("key", "default", "meaning"), rows)
    for group, (title, prefix) in GROUPS.items():
        text += f"## {title}: `{group}=`\n\n"
        if group == "data":
            text += "### What every data set has\n\n" + of_file(CONFIGS / "loader.yaml", prefix)
        files = sorted((CONFIGS / group).glob("*.yaml"))
        bare = [file.stem for file in files if not of_file(file, prefix)]
        if bare:
            text += f"Without options: {', '.join(f'`{group}={name}`' for name in bare)}.\n\n"
        for file in files:
            if file.stem not in bare:
                text += f"### `{group}={file.stem}`\n\n{of_file(file, prefix)}"
    return text.rstrip() + "\n"


PAGES = {"commands.md": commands, "configuration.md": configuration}

if __name__ == "__main__":
    for name, write in PAGES.items():
        (DOCS / name).write_text(write(), encoding="utf-8")
