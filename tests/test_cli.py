"""The command line `unetlite`."""

import re

import pytest
import typer

from unetlite.cli import app
from unetlite.commands.keys import show_keys
from unetlite.settings.paths import CONFIGS


def test_the_public_commands_and_their_options_change_by_decision_only():
    found = {
        name: sorted(
            option
            for parameter in command.params
            for option in (*parameter.opts, *parameter.secondary_opts)
        )
        for name, command in typer.main.get_command(app).commands.items()
    }
    assert found == {
        "train": [],  # takes the words of train.py
        "choose": [
            "--budget",
            "--costs",
            "--devices",
            "--levers",
            "--margin",
            "--model",
            "--no-levers",
            "--on",
            "--operators",
            "--ops",
            "--parallel",
            "--runtime",
            "--slurm",
            "data",
            "settings",
        ],
        "advise": ["--costs", "--margin", "directory", "settings"],
        "levers": [
            "--budget",
            "--devices",
            "--on",
            "--operator",
            "--parallel",
            "--slurm",
            "data",
            "settings",
        ],
        "inspect": ["--html", "--json", "--masks", "directory", "settings"],
        "explain": ["--compare", "--page", "--port", "--size", "what"],
        "kit": ["--by", "--ops", "--runtime", "--size", "--to", "--untrained", "what"],
        "compare": [
            "--allow",
            "--by",
            "--costs",
            "--images",
            "--margin",
            "--metric",
            "--ops",
            "--output",
            "--rounds",
            "--runtime",
            "--size",
            "--tensorboard",
            "--without",
            "directory",
        ],
        "judge": [
            "--cost",
            "--group",
            "--higher-is-better",
            "--lower-is-better",
            "--margin",
            "--output",
            "--score",
            "--seed",
            "--unit",
            "--variant",
            "--where",
            "scores",
        ],
        "export": [
            "--fold",
            "--format",
            "--images",
            "--input",
            "--int8",
            "--no-fold",
            "--output",
            "--precision",
            "--size",
            "--to",
            "checkpoint",
        ],
        "predict": [
            "--flips",
            "--no-overlays",
            "--output",
            "--overlap",
            "--overlays",
            "--tile",
            "--truth",
            "inputs",
            "model",
        ],
        "board": ["--port", "directory"],
        "demo": ["--host", "--port", "models"],
    }


DATA, OPERATORS = (
    sorted(path.stem for path in (CONFIGS / group).glob("*.yaml")) for group in ("data", "upsample")
)
WORDS = [
    *((f"data={name}",) for name in DATA),
    *((f"upsample={name}", "model=classic") for name in OPERATORS),
]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_help_gives_the_meaning_of_every_key(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    show_keys(words)
    rows = re.findall(
        r"^((?:\w+\.)*\w+)=(\S*|\[.*?\]|\{.*?\}) +(.*)$",
        capsys.readouterr().out.split("Keys")[1],
        re.M,
    )
    assert len(rows) > 30
    without = [
        key for key, _, meaning in rows if not meaning.strip() and key.rpartition(".")[2] != "name"
    ]
    assert without == []
