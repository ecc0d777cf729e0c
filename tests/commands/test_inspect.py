"""What was read from a folder, in words, as JSON and as a page."""

import json
import shlex

import numpy as np
import pytest
from helpers import noise, run_cli, save

from unetlite.compare.planning.schedule import DEFAULT_STEPS
from unetlite.data.folder import Folder
from unetlite.settings.composition import compose_run

SIZE = (24, 30)


@pytest.fixture
def folder(tmp_path):
    for k in range(6):
        mask = np.zeros(SIZE, np.uint8)
        mask[4:10, 3 * k : 3 * k + 9] = 255
        save(tmp_path / "my data" / "images" / f"{k}.tif", noise(*SIZE, dtype=np.uint16, seed=k))
        save(tmp_path / "my data" / "masks" / f"{k}.png", mask)
    return tmp_path / "my data"


def test_everything_is_said_in_words(folder):
    result = run_cli("inspect", folder)
    assert result.exit_code == 0
    for words in (
        "layout   images/ and masks/",
        "6 with a mask each, 30 x 24 pixels",
        "channels 1 of uint16",
        "background",
        "2 test, drawn by name" if "2 test" in result.output else "1 test, drawn by name",
        "6 images are few",
        "channel 1",
    ):
        assert words in result.output


def test_json_and_a_page_have_the_same(folder, tmp_path):
    page = tmp_path / "page.html"
    result = run_cli("inspect", folder, "--json", "--html", page)
    assert result.exit_code == 0
    values = json.loads(result.stdout)
    assert values["images"] == 6
    assert values["settings"]["root"] == str(folder)
    assert [entry["name"] for entry in values["classes"]] == ["background", "foreground"]
    (channel,) = values["channels"]
    assert sum(channel["histogram"]) > 0.99 * 6 * SIZE[0] * SIZE[1]
    text = page.read_text()
    assert "data:image/png;base64," in text
    assert "http" not in text  # it needs no other file
    assert "6 images are few" in text


def test_what_cannot_be_read_is_refused_in_a_line(folder):
    (folder / "masks" / "3.png").unlink()
    result = run_cli("inspect", folder)
    assert result.exit_code == 2
    assert "3" in result.output
    assert run_cli("inspect", folder / "nowhere").exit_code == 2
    assert "data.layout" in run_cli("inspect", folder, "data.layout=x").output
    unknown = run_cli("inspect", folder, "data.lay_out=x")
    assert unknown.exit_code == 2
    assert "lay_out" in unknown.stderr


@pytest.mark.parametrize(
    ("typed", "steps"),
    [
        ([], DEFAULT_STEPS),
        (["trainer.max_epochs=5"], DEFAULT_STEPS),
        (["data.crops_per_image=2", "data.batch_size=2", "trainer.max_epochs=7"], 28),
        (["trainer.max_steps=9"], 9),
    ],
)
def test_the_last_line_trains_enough_steps_of_few_images(folder, typed, steps):
    *_, line = run_cli("inspect", folder, *typed).stdout.splitlines()
    *_, words = line.partition("train.py")
    settings = compose_run(shlex.split(words))
    per_epoch = 4 * settings.data.crops_per_image // settings.data.batch_size
    assert min(settings.trainer.max_epochs * max(1, per_epoch), steps) == steps


def test_a_channel_to_show_that_is_not_there_is_refused(folder):
    result = run_cli("inspect", folder, "data.display=[2]")
    assert result.exit_code == 2
    assert "data.display=[2]: the images have 1 channel(s)" in result.stderr


@pytest.mark.parametrize("typed", [[], ["data.ignore=[2]", "data.group=(.)"]], ids=["none", "some"])
def test_the_last_line_trains_on_what_was_read(tmp_path, typed):
    root = tmp_path / "my data, 2"
    for k in range(3):
        save(root / "images" / f"{k}.png", noise(*SIZE, seed=k))
        save(root / "masks" / f"{k}_m.png", noise(*SIZE, seed=k) % 4)
    values = json.loads(run_cli("inspect", root, *typed, "--json").stdout)
    *_, line = run_cli("inspect", root, *typed).stdout.splitlines()
    head, python, script, *words = shlex.split(line)
    assert (head, python, script) == ("train", "python", "train.py")
    dataset = compose_run(words).data.dataset
    assert dataset["mask_name"] == "{stem}_m.png"
    assert {key: dataset[key] for key in values["settings"]} == values["settings"]
    folder = Folder(**{key: value for key, value in dataset.items() if key != "name"})
    assert folder.classes == tuple(entry["name"] for entry in values["classes"])
    assert all(len(list(samples)) == 1 for samples in folder.samples().values())
