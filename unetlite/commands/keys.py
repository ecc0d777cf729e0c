"""`python train.py --help`: every group and key, its value and its meaning, out of configs/."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from unetlite.settings import CONFIGS, flatten

EXAMPLES = {
    "": "transposed convolution on coastlines",
    "upsample=nearest seed=1": "another operator, another seed",
    "data=folder data.root=DIR": "your DIR/images and DIR/masks",
    "upsample=carafe --help": "the keys that carafe has",
    "-m upsample=nearest,carafe seed=0,1": "each of four, one after the other",
    "experiment=compare": "six operators, five seeds",
}
WORDS = {"True": "true", "False": "false", "None": "null"}  # as YAML has them
LINE = re.compile(r"(?P<indent> *)(?P<key>\w+):(?P<value>[^#]*)(?:# (?P<meaning>.*))?")


def show_keys(words: Sequence[str]) -> None:
    """Prints what can be set, as the words that choose from groups have it."""
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose("train", overrides=list(words), return_hydra_config=True)
    choices = {group: name for group, name in config.hydra.runtime.choices.items() if (CONFIGS / group).is_dir()}
    del config.hydra
    meaning = meanings(CONFIGS / "train.yaml", "")
    for group, name in choices.items():
        if group != "experiment" and (file := CONFIGS / group / f"{name}.yaml").exists():
            meaning |= meanings(file, f"{group}.")

    def listed(title: str, rows: Sequence[tuple[str, str]]) -> None:
        table = Table.grid("", "", padding=(0, 1))
        table.columns[0].overflow = "fold"
        for row in rows:
            table.add_row(*row)
        console.print(f"\n{title}", table)

    console = Console(highlight=False, markup=False)
    console.print("Trains one network, or several with -m.\npython train.py [GROUP=NAME ...] [KEY=VALUE ...]")
    listed("Examples", [(f"train.py {words}".strip(), what) for words, what in EXAMPLES.items()])
    files = {group: sorted((CONFIGS / group).glob("*.yaml")) for group in sorted(choices) if "/" not in group}
    rows = [(f"{group}=", ", ".join(file.stem for file in found)) for group, found in files.items()]
    listed("Groups, and the files of configs/ to choose from", rows)
    values: dict[str, Any] = {f"trainer.{key}": {} for key in ("callbacks", "loggers")}  # empty, else lost
    values = flatten(OmegaConf.to_container(config, resolve=False)) | values  # type: ignore[arg-type]
    rows = [(f"{key}={WORDS.get(str(v), v)}", meaning.get(key, "")) for key, v in values.items()]
    listed("Keys, and their values with these choices", rows)
    listed("More", [("--cfg job", "the configuration as YAML"), ("--hydra-help", "what Hydra itself offers")])


def meanings(file: Path, prefix: str) -> dict[str, str]:
    """The comments behind the keys of a file of configs/, by dotted key."""
    path, text = [""], file.read_text()
    found: dict[str, str] = {}
    for root, name in re.findall(r"^  - (/?)([a-z]\w+)(?:@_here_)?$", text, re.MULTILINE):  # what it builds on
        found |= meanings((CONFIGS if root else file.parent) / f"{name}.yaml", prefix)
    for line in text.splitlines():
        if match := LINE.fullmatch(line):
            level = len(match["indent"]) // 2
            path = [*path[:level], match["key"]]
            if match["meaning"]:
                found[prefix + ".".join(path)] = match["meaning"]
    return found
