"""The page that `unetlite demo` serves."""

import io
import re
import shutil
import socket
from urllib.request import urlopen

import numpy as np
import pytest
from conftest import save
from PIL import Image
from test_predict import noise
from test_report import BROWSERS
from typer.testing import CliRunner

from unetlite import load
from unetlite.cli import app
from unetlite.demo import build, disagreement, named
from unetlite.predict import model as predict_model

gradio = pytest.importorskip("gradio")


@pytest.fixture
def models(runs):
    paths = [runs / "transpose" / "seed0", runs / "bilinear" / "seed0"]
    return named([load(path) for path in paths], paths)


def test_models_are_told_apart(runs):
    path = runs / "transpose" / "seed0"
    others = [path, runs / "transpose" / "seed1"]
    assert list(named([load(p) for p in others], others)) == ["transpose, seed 0", "transpose, seed 1"]
    twice = [path, path / "best.ckpt"]
    assert list(named([load(p) for p in twice], twice)) == [str(p) for p in twice]


def test_the_picture_of_differences_shows_them_and_nothing_else(models):
    image = noise(20, 30)
    one, other = (model.predict(image) for model in models.values())
    classes = one.classes.copy()
    classes[3, 4] = 1 - classes[3, 4]
    changed = predict_model.Prediction(one.image, classes, one.probabilities, one.card)
    picture = np.asarray(disagreement([one, changed, one])).astype(int)
    coloured = picture.max(2) != picture.min(2)
    assert coloured.sum() == coloured[3, 4] == 1
    assert (np.asarray(disagreement([one, other])).std(2) > 0).sum() == (one.classes != other.classes).sum()


def test_a_browser_uploads_an_image_and_reads_what_the_models_give(models, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api")
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip("no Chromium here to open the page in")
    image = noise(40, 60)
    file = save(tmp_path / "image.png", image)
    page = build(models, Image.fromarray(noise(16, 16)))
    _, address, _ = page.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, ssr_mode=False)
    asked: list[str] = []
    try:
        with playwright.sync_playwright() as driver:
            opened = driver.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
            tab = opened.new_page()
            tab.on("request", lambda request: asked.append(request.url))
            tab.goto(address)
            tab.set_input_files("input[type=file]", file)
            for number, model in enumerate(models.values()):
                tab.wait_for_selector(f"#result-{number} b", timeout=60_000)
                text = tab.inner_text(f"#result-{number}")
                prediction = model.predict(image)
                assert re.match(r"\d+ ms for 60 x 40 pixels", text)
                assert all(f"{name} {share:.1%}" in text for name, share in prediction.areas.items())
                shown = tab.wait_for_selector(f"#mask-{number} img").get_attribute("src")
                mask = np.asarray(Image.open(io.BytesIO(urlopen(shown).read())).convert("RGB"))
                np.testing.assert_array_equal(mask, np.asarray(prediction.mask.convert("RGB")))
            assert tab.wait_for_selector("#differences img").get_attribute("src")
            opened.close()
    finally:
        page.close()
    assert all(url.startswith((address, "data:", "blob:")) for url in asked), asked


def test_only_this_machine_can_reach_the_page_unless_asked_otherwise(runs, monkeypatch):
    listening = {}

    def block(page):
        listening.update(address=page.local_url, server=page.server_name, shared=page.share)

    monkeypatch.setattr("gradio.Blocks.block_thread", block)
    result = CliRunner().invoke(
        app, ["demo", str(runs / "transpose" / "seed0"), "--port", str(free_port())], catch_exceptions=False
    )
    assert result.exit_code == 0
    assert listening["server"] == "127.0.0.1"
    assert not listening["shared"]
    assert listening["address"] in result.output


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_a_port_that_is_taken_and_a_model_that_is_missing_end_in_one_line(runs):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for arguments, words in (
            ([str(runs / "transpose" / "seed0"), "--port", port], port),
            (["nowhere.ckpt"], "nowhere.ckpt"),
        ):
            result = CliRunner().invoke(app, ["demo", *arguments])
            assert result.exit_code == 2
            assert words in result.stderr
            assert result.stderr.count("\n") == 1
