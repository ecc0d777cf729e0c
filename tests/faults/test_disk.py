"""A disk that is full: one line that names what was written, and nothing half of it."""

import shutil
import sys

import pytest
from helpers import noise, overrides, save
from server import two_classes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return two_classes(tmp_path_factory.mktemp("images"), 8)


def check(answer, output, code=2):
    """The answer names the output in its last line, and no partial file is left beside it."""
    *_, last = answer["output"].strip().splitlines()
    assert answer["code"] == code, answer
    assert "Traceback" not in answer["output"], answer
    assert "File too large" in last, answer
    assert str(output) in last, answer
    assert not list(output.parent.rglob("*.partial"))


@pytest.mark.parametrize("has_cache", [False, True])
def test_a_training_names_the_cache_or_the_run_and_goes_on_with_room(
    server, images, tmp_path, has_cache
):
    words = overrides(images, tmp_path, "trainer.max_steps=3")
    run = tmp_path / "outputs" / "test" / "transpose" / "seed0"
    if has_cache:
        assert server.run(words)["code"] == 0
        shutil.rmtree(run)
    answer = server.run(words, file_size=9000)
    check(answer, run if has_cache else tmp_path / "data")
    assert not list(tmp_path.rglob("*.ckpt"))
    assert server.run(words)["code"] == 0


@pytest.mark.parametrize("name", ["x.onnx", "x.safetensors"])
def test_an_export_names_its_file(server, runs, tmp_path, name):
    image = save(tmp_path / "image.png", noise(20, 30))
    run = runs / "transpose" / "seed0"
    path = tmp_path / name
    words = ["export", run, "--format", path.suffix[1:], "--to", path, "--images", image]
    check(server.run(words, action="command", file_size=3000), path)
    assert not path.exists()


def test_a_report_names_its_file_and_leaves_the_one_before(server, runs):
    words = ["compare", runs, "--rounds", 0, "--size", 32]
    assert server.run(words, action="command")["code"] == 0
    before = (runs / "report.html").read_text()
    check(server.run(words, action="command", file_size=3000), runs / "report.html")
    assert (runs / "report.html").read_text() == before


def test_a_prediction_names_the_mask_and_the_table_has_whole_rows(server, runs, tmp_path):
    for k in range(30):
        save(tmp_path / "images" / f"{k:02}.png", noise(64, 64, 3, seed=k))
    output = tmp_path / "out"
    words = ["predict", runs / "transpose" / "seed0", tmp_path / "images", "--output", output]
    answer = server.run(words, action="command", file_size=2000)
    check(answer, output / "predictions.csv")
    assert not list((output / "overlays").iterdir())
    table = (output / "predictions.csv").read_text()
    assert table.endswith("\n")
    assert 3 < len(table.splitlines()) < 30
    assert "overlays/00.png: File too large" in table
