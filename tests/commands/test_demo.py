"""The page that `unetlite demo` serves."""

import io
import re
import shutil
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.request import urlopen

import numpy as np
import pytest
from helpers import BROWSERS, noise, run_cli, save
from PIL import Image

from unetlite import Prediction, load
from unetlite.classes import IGNORE
from unetlite.commands.demo import example_image, example_images
from unetlite.commands.demo_page.answers import answer, differing_pixels
from unetlite.inference.demo_networks import EXAMPLES

pytest.importorskip("gradio")
from unetlite.commands.demo_page.models import describe
from unetlite.commands.demo_page.page import build
from unetlite.commands.demo_page.serving import launch

REPORT = """<p id="out">no script ran</p><script>
let reached = "alone";
try { reached = parent.document.title } catch {}
document.getElementById("out").textContent = reached;
</script>"""


@pytest.fixture(autouse=True)
def stderr_stays_open(monkeypatch):
    """uvicorn closes the handlers of `logging`; absl's would close pytest's stderr."""
    monkeypatch.setattr("absl.logging.PythonHandler.close", lambda _: None)


@pytest.fixture(scope="module")
def models(trained):
    return {name: load(trained / name / "seed0") for name in ("transpose", "bilinear")}


@pytest.fixture(scope="module")
def shipped():
    return {name: load(name) for name in ("demo:transpose", "demo:unpool")}


@contextmanager
def launched(models, reports=(), **options):
    """The address of a page."""
    page = build(models, example_images(models), reports)
    try:
        yield launch(page, "127.0.0.1", None, **options)
    finally:
        page.close()


def test_an_answer_has_a_value_for_everything_on_the_page(models, tmp_path):
    page = build(models, [example_image(models["transpose"])])
    (event,) = (function for function in page.fns.values() if function.api_name == "predict")
    file = str(save(tmp_path / "image.png", noise(20, 30)))
    for chosen in (models, {"one": models["transpose"]}):
        assert len(answer(chosen, file)) == len(answer(chosen, None)) == 2 + 3 * len(chosen)
    assert len(event.outputs) == 8


def test_the_examples_are_an_image_of_the_data_set_and_those_of_the_package(models, shipped):
    assert [image.size for image in example_images(models)] == [(64, 64)]
    both = example_images({**shipped, **models})
    assert [image.size for image in both] == [(64, 64), *[(256, 256)] * 4]
    assert len(example_images(shipped)) == 4


def test_a_model_is_described_by_operator_runtime_and_score(models):
    text = describe(models["transpose"])
    assert re.fullmatch(r"transpose · PyTorch, float32 · test mIoU 0\.\d{3}", text)


def test_pixels_differ_where_the_names_of_their_classes_do(models):
    image = noise(20, 30)
    one, other = (model.predict(image) for model in models.values())
    classes = one.classes.copy()
    classes[3, 4] = 1 - classes[3, 4]
    classes[5, 6] = one.classes[5, 6] = IGNORE
    changed = Prediction(one.image, classes, one.probabilities, one.metadata)
    differ = differing_pixels([one, changed, one])
    assert differ.sum() == differ[3, 4] == 1
    np.testing.assert_array_equal(differing_pixels([one, other]), one.classes != other.classes)


def test_a_browser_clicks_and_uploads_images_and_reads_what_networks_give(shipped, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api")
    browsers = [path for path in map(shutil.which, BROWSERS) if path]
    if not browsers:
        pytest.skip("no Chromium here to open the page in")
    image = noise(40, 60)
    file = save(tmp_path / "image.png", image)
    requests: list[str] = []
    comparison = tmp_path / "coast"
    comparison.mkdir()
    (comparison / "report.html").write_text(REPORT)
    page = launched(shipped, [comparison])
    with page as address, playwright.sync_playwright() as driver:
        options = ["--no-sandbox", "--disable-gpu"]
        browser = driver.chromium.launch(executable_path=browsers[0], args=options)
        tab = browser.new_page()
        tab.on("request", lambda request: requests.append(request.url))
        tab.set_default_timeout(60_000)
        tab.goto(address)
        tab.click("#examples button:has(img) >> nth=0")
        check_answers(tab, shipped, EXAMPLES / "coast.jpg")
        tab.click("[aria-label='Remove Image']")
        tab.set_input_files("input[type=file]", file)
        check_answers(tab, shipped, file)
        assert tab.wait_for_selector("#differences img").get_attribute("src")
        assert tab.wait_for_selector("#framed img").get_attribute("src")
        assert "pixels change" in tab.wait_for_selector("#moved-1:has(img)").inner_text()
        assert tab.locator("#steps-1 img").count() == 0  # not before its tab is open
        tab.click("button[role=tab]:has-text('Decoder steps')")
        text = tab.wait_for_selector("#steps-1:has(img)").inner_text()
        assert "unpool: ripple 0.87" in text
        assert "step 1 of" in text
        tab.click("button[role=tab]:has-text('Report coast')")
        report = tab.frame_locator(".report iframe")
        assert report.locator("#out:not(:has-text('no script'))").inner_text() == "alone"
        browser.close()
    assert all(url.startswith((address, "data:", "blob:")) for url in requests), requests


def check_answers(tab, models, file):
    """That the page shows, of each model, time, areas and mask of an image."""
    for number, model in enumerate(models.values()):
        prediction = model.predict(file)
        height, width = prediction.classes.shape
        size = f"{width} x {height} pixels"
        text = tab.wait_for_selector(f"#result-{number}:has-text('{size}')").inner_text()
        assert re.match(rf"\d+ ms for {size}", text)
        for name, share in prediction.areas.items():
            assert f"{name} {share:.1%}" in text
        source = tab.wait_for_selector(f"#mask-{number} img").get_attribute("src")
        mask = np.asarray(Image.open(io.BytesIO(urlopen(source).read())).convert("RGB"))
        np.testing.assert_array_equal(mask, np.asarray(prediction.mask.convert("RGB")))


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_only_this_machine_can_reach_the_page_unless_asked_otherwise(trained, monkeypatch):
    listening = {}

    def block(page):
        listening.update(address=page.local_url, server=page.server_name, shared=page.share)

    monkeypatch.setattr("gradio.Blocks.block_thread", block)
    result = run_cli("demo", trained / "transpose" / "seed0", "--port", free_port())
    assert result.exit_code == 0
    assert listening["server"] == "127.0.0.1"
    assert not listening["shared"]
    assert listening["address"] in result.output


def test_without_a_model_the_page_opens_on_those_of_the_package(monkeypatch):
    pages = []
    monkeypatch.setattr("gradio.Blocks.block_thread", lambda page: pages.append(page))
    monkeypatch.setattr("unetlite.commands.demo.missing_timm", lambda: True)
    result = run_cli("demo", "--port", free_port())
    assert result.exit_code == 0
    assert "demo:pretrained is left out" in result.output
    assert 'pip install "unetlite[encoders]"' in result.output
    components = [block.get_config() for block in pages[0].blocks.values()]
    (tabs,) = (config for config in components if config.get("elem_id") == "tabs")
    assert tabs["selected"] == "models"
    masks = [config for config in components if str(config.get("elem_id")).startswith("mask-")]
    assert len(masks) == 5


def test_a_port_that_is_taken_ends_in_one_line(trained):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run_cli("demo", trained / "transpose" / "seed0", "--port", port)
    assert result.exit_code == 2
    assert f"--port {port} is taken" in result.stderr
    assert "--port N" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_model_or_a_report_that_is_missing_ends_in_one_line(trained):
    for path, words in (("nowhere.ckpt", "no such file"), (trained, "unetlite compare")):
        result = run_cli("demo", path)
        assert result.exit_code == 2
        assert str(path) in result.stderr
        assert words in result.stderr
        assert result.stderr.count("\n") == 1


def test_bad_files_at_once_are_answered_in_words_without_a_path_or_a_traceback(
    models, tmp_path, capfd
):
    """Fifty, and one that is far too large; a good one after them is answered as before."""
    client = pytest.importorskip("gradio_client")
    import httpx

    good = save(tmp_path / "good.png", noise(40, 60))
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
    bad = [tmp_path / f"{k}.png" for k in range(50)]
    for k, file in enumerate(bad):
        contents = (postscript, b"", good.read_bytes()[: 40 + k], b"<svg/>")
        file.write_bytes(contents[k % 4])
    with launched(models, max_upload="1mb") as address:
        caller = client.Client(address, verbose=False)

        def ask(file):
            try:
                return caller.predict(client.handle_file(file), api_name="/predict")
            except client.exceptions.AppError as error:
                return str(error)

        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(ask, bad))
        files = {"files": ("large.png", bytes(2 * 2**20))}
        large = httpx.post(f"{address}gradio_api/upload", files=files, timeout=60)
        assert large.status_code == 413
        assert not isinstance(ask(good), str)
    for message in answers:
        assert isinstance(message, str)
        assert str(tmp_path) not in message
    assert "leave it out" in answers[0].lower()
    assert "leave it out" in answers[1].lower()
    assert "Traceback" not in "".join(capfd.readouterr())
