"""The page that `unetlite demo` serves."""

import io
import re
import shutil
import socket
from urllib.request import urlopen

import numpy as np
import pytest
from helpers import BROWSERS, noise, save
from PIL import Image
from typer.testing import CliRunner

from unetlite import Prediction, load
from unetlite.cli import app
from unetlite.commands.demo import answer, build, describe, disagreement, example_image

gradio = pytest.importorskip("gradio")


@pytest.fixture(autouse=True)
def stderr_stays_open(monkeypatch):
    """uvicorn closes the handlers of `logging`; absl's, which comes with TensorBoard, would close pytest's stderr."""
    monkeypatch.setattr("absl.logging.PythonHandler.close", lambda _: None)


@pytest.fixture
def models(runs):
    return {name: load(runs / name / "seed0") for name in ("transpose", "bilinear")}


def test_an_answer_has_a_value_for_everything_on_the_page(models, tmp_path):
    page, _ = build(models, example_image(models["transpose"]))
    (event,) = (function for function in page.fns.values() if function.api_name == "predict")
    for chosen in (models, {"one": models["transpose"]}):
        found = answer(chosen, str(save(tmp_path / "image.png", noise(20, 30))))
        assert len(found) == len(answer(chosen, None)) == 1 + 3 * len(chosen)
    assert len(event.outputs) == 7
    assert "transpose" in describe(models["transpose"])
    assert example_image(models["transpose"]).size == (64, 64)  # of its data set


def test_the_picture_of_differences_shows_them_and_nothing_else(models):
    image = noise(20, 30)
    one, other = (model.predict(image) for model in models.values())
    classes = one.classes.copy()
    classes[3, 4] = 1 - classes[3, 4]
    changed = Prediction(one.image, classes, one.probabilities, one.metadata)
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
    page, theme = build(models, Image.fromarray(noise(16, 16)))
    options = {"prevent_thread_lock": True, "quiet": True, "ssr_mode": False, "theme": theme}
    _, address, _ = page.launch(server_name="127.0.0.1", **options)
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


def test_bad_files_at_once_are_answered_in_words_without_a_path_or_a_traceback(models, tmp_path, capfd):
    """Fifty, of which one is far too large; a good one after them is answered as before."""
    from concurrent.futures import ThreadPoolExecutor

    client = pytest.importorskip("gradio_client")
    page, theme = build(models, Image.fromarray(noise(16, 16)))
    _, address, _ = page.launch(
        server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, ssr_mode=False, theme=theme, max_file_size="1mb"
    )
    good = save(tmp_path / "good.png", noise(40, 60))
    bad = [tmp_path / f"{k}.png" for k in range(50)]
    for k, file in enumerate(bad):
        content = (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"", good.read_bytes()[: 40 + k], b"<svg/>")
        file.write_bytes(content[k % 4])

    def ask(file):
        try:
            return caller.predict(client.handle_file(file), api_name="/predict")
        except client.exceptions.AppError as error:
            return str(error)

    try:
        caller = client.Client(address, verbose=False)
        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(ask, bad))
        import httpx

        large = httpx.post(
            f"{address}gradio_api/upload", files={"files": ("large.png", bytes(300 * 2**20))}, timeout=60
        )
        assert large.status_code == 413
        wrong = [words for words in answers if not isinstance(words, str) or str(tmp_path) in words]
        assert not wrong
        assert all("leave it out" in words.lower() for words in (answers[0], answers[1])), answers
        assert not isinstance(ask(good), str)
    finally:
        page.close()
    told = "".join(capfd.readouterr())
    assert "Traceback" not in told, told
