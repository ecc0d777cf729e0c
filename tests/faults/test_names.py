"""Whatever a folder and a class are called, all commands work, or refuse it in one line."""

import os
import shlex
import tempfile
from pathlib import Path

import pytest
from helpers import overrides
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from server import SEED, two_classes

from unetlite.settings.overrides import quote_text

EXAMPLES = int(os.environ.get("UNETLITE_OVERRIDES", "20")) // 20
ODD = " '\"[](){},=:$%\\#|~;!?<>*+_-.é道路ßЖ"
names = st.text(st.characters(categories=["L", "N"]) | st.sampled_from(ODD), min_size=1, max_size=9)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return two_classes(tmp_path_factory.mktemp("images"), 8)


@pytest.mark.parametrize("name", ["it's [odd], $HOME=1", "道路 (2) {a}: 100%", '"Müller" #2 [/b]'])
def test_all_commands_take_a_folder_as_it_is_called(server, images, tmp_path, name):
    assert use_everywhere(server, images, tmp_path, name) == []


@settings(
    max_examples=EXAMPLES,
    phases=[Phase.generate],  # an example takes seconds
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@seed(SEED)
@given(name=names)
def test_any_name_works_or_is_refused_in_one_line(server, images, tmp_path_factory, name):
    for message in use_everywhere(server, images, tmp_path_factory.mktemp("names"), name):
        assert message.startswith("error: "), (SEED, name, message)
        assert len(message.splitlines()) == 1, (SEED, name, message)


def use_everywhere(server, images, place, name):
    """Trains in a folder of this name, resumes, compares and predicts: the messages of refusals."""
    folder = place / f"x{name}"
    folder.mkdir(parents=True)
    (folder / "images").symlink_to(images / "images")
    (folder / "masks").symlink_to(images / "masks")
    label = quote_text(name.translate(dict.fromkeys(map(ord, "[]<>&"))))
    words = overrides(
        folder, folder, "trainer.max_steps=1", f"data.classes={{{label}: 0, 'b~': 1}}"
    )
    outputs = folder / "outputs" / "test"
    run = outputs / "transpose" / "seed0"
    answers = [
        server.run(words),
        server.run([*words, "upsample=nearest"]),
        server.run([*words, "resume=auto"]),
        server.run(["compare", outputs, "--rounds", 0, "--size", 32], action="command"),
        server.run(["predict", run, f"{folder}/images/*.png", "--output", f"{folder}/predicted"],
                   action="command"),
    ]  # fmt: skip
    if all(answer["code"] == 0 for answer in answers):
        assert list(run.glob("events.out.tfevents.*"))
        lines = answers[0]["output"].splitlines()
        (logdir,) = [shlex.split(line)[-1] for line in lines if "unetlite board" in line]
        assert os.path.samefile(Path(tempfile.gettempdir(), logdir), outputs)
    return [answer["output"].strip() for answer in answers if answer["code"] != 0]
