"""`unetlite board`: TensorBoard with colours by operator."""

import re
from urllib.parse import parse_qs, urlsplit

from helpers import run_cli

from unetlite.commands.board import board_address


def test_all_seeds_of_an_operator_and_their_mean_have_one_colour():
    query = parse_qs(urlsplit(board_address("http://127.0.0.1:6006/")).query)
    (group,) = query["runColorGroup"]
    pattern = re.compile(group.removeprefix("regex:"))
    for name in ("carafe/seed0", "carafe/seed12", "comparison/carafe", "coast/carafe/seed1"):
        assert pattern.search(name).groups() == ("carafe",)
    assert pattern.search("nearest/seed0").groups() != ("carafe",)
    for tag, shown in {"score/miou": True, "val/pictures": True, "train/loss": False}.items():
        assert bool(re.search(query["tagFilter"][0], tag)) == shown


def test_a_folder_without_trainings_is_refused(tmp_path):
    result = run_cli("board", tmp_path)
    assert result.exit_code == 2
    assert "holds no events of a training" in result.stderr
