"""The command line `unetlite`."""

import typer

from unetlite.cli import app


def test_the_public_commands_and_their_options_change_by_decision_only():
    found = {
        name: sorted(option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts))
        for name, command in typer.main.get_command(app).commands.items()
    }
    assert found == {
        "train": [],  # takes the words of train.py
        "choose": ["--budget", "--margin", "--operators", "--parallel", "settings", "what"],
        "explain": ["--size", "what"],
        "compare": [
            "--allow", "--by", "--margin", "--metric", "--output", "--rounds", "--size", "directory",
        ],
        "export": [
            "--fold", "--format", "--images", "--int8", "--no-fold", "--output", "--precision", "--to", "checkpoint",
        ],
        "predict": [
            "--flips", "--no-overlays", "--output", "--overlap", "--overlays", "--tile", "--truth", "inputs", "model",
        ],
        "demo": ["--host", "--port", "models"],
    }  # fmt: skip
