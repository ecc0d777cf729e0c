"""Runs the cells of docs/tutorial.ipynb in the working directory: python tests/docs/run_notebook.py

IPython changes the process that it runs in, so this is one of its own. Trainings are short, and the
commands in the cells run in this process, too.
"""

import json
import re
import shlex
import sys

from helpers import run_cli
from IPython.core.interactiveshell import InteractiveShell

from unetlite.settings.paths import CHECKOUT

SMALL = {
    "TILES": 12,
    "SEEDS": "0",
    "SETTINGS": "trainer.max_steps=2 model.widths=[4,6] data.crop_size=32 data.batch_size=2 "
    "trainer.accelerator=cpu",
    "ROUNDS": 0,
}


def small_cells():
    """The code of the notebook, with short trainings, and without starting TensorBoard."""
    file = CHECKOUT / "docs" / "tutorial.ipynb"
    for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
        assert not cell.get("outputs")
        if cell["cell_type"] != "code":
            continue
        code = "".join(cell["source"])
        for name, value in SMALL.items():
            code = re.sub(rf"^{name} = .*", f"{name} = {value!r}", code, flags=re.MULTILINE)
        code = code.replace("%load_ext tensorboard", "")
        yield code.replace("%tensorboard --logdir {runs}", "logs = list(runs.rglob('events.*'))")


def main():
    """Runs the cells, and checks the names that they leave."""

    def system(command):
        words = shlex.split(shell.var_expand(command))
        assert words[:3] == [sys.executable, "-m", "unetlite"]
        result = run_cli(*words[3:])
        assert result.exit_code == 0, result.output

    shell = InteractiveShell()
    shell.system = system
    for code in small_cells():
        shell.run_cell(code).raise_error()
    assert shell.user_ns["logs"]
    assert shell.user_ns["same"].mean() == 1  # of the export


if __name__ == "__main__":
    main()
