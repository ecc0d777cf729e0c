"""The page on arithmetic in a real browser: one server and one window for all tests."""

import shutil

import pytest
from helpers import BROWSERS, run_cli
from preset_results import RESULTS

from unetlite.arithmetic.words import say

gradio = pytest.importorskip("gradio")
SLOW = 60_000  # milliseconds, on a busy machine


@pytest.fixture(scope="module")
def address():
    """Of the page that `unetlite explain --page` serves."""
    pages = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("absl.logging.PythonHandler.close", lambda _: None)
        patch.setattr("gradio.Blocks.block_thread", lambda page: pages.append(page))
        result = run_cli("explain", "--page")
        assert result.exit_code == 0, result.output
        page = pages[0]
        assert page.local_url in result.output
        assert page.server_name == "127.0.0.1"
        assert not page.share
        yield page.local_url
        page.close()


@pytest.fixture(scope="module")
def window(address):
    """A narrow window, and a list of what went wrong in it."""
    playwright = pytest.importorskip("playwright.sync_api")
    browsers = [path for path in map(shutil.which, BROWSERS) if path]
    if not browsers:
        pytest.skip("no Chromium here to open the page in")
    problems: list[str] = []

    def check_request(request):
        if not request.url.startswith((address, "data:", "blob:")):
            problems.append(request.url)

    with playwright.sync_playwright() as driver:
        options = ["--no-sandbox", "--disable-gpu"]
        browser = driver.chromium.launch(executable_path=browsers[0], args=options)
        tab = browser.new_page(viewport={"width": 390, "height": 844})
        tab.set_default_timeout(SLOW)
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on("request", check_request)
        yield tab
        browser.close()
    assert problems == []


def open_link(window, address, query):
    window.goto(f"{address}?{query}")
    window.wait_for_selector("[data-part=result] > *")


def choose(window, name):
    """Chooses an example, and waits for it."""
    window.select_option("#example", name)
    script = "name => new URLSearchParams(location.search).get('example') === name"
    window.wait_for_function(script, arg=name)


def numbers(window, table):
    """The numbers of a table by rows."""
    script = """table => [...table.querySelectorAll("tr")].map(row =>
        [...row.querySelectorAll("td")].map(cell => Number(cell.innerText)))"""
    return window.locator(table).evaluate(script)


def wait_for_text(window, selector, text):
    window.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.innerText.includes(text)",
        arg=[selector, text],
    )


def test_every_preset_opens_with_its_numbers_and_fits_into_a_narrow_window(window, address):
    open_link(window, address, "example=matrix")
    for name, result in RESULTS.items():
        choose(window, name)
        shown = numbers(window, "[data-part=result] table")
        assert shown == pytest.approx(result, abs=1e-3), name
        assert window.inner_text(".reach_title p"), name
        assert window.evaluate("document.documentElement.scrollWidth") <= 390, name


@pytest.mark.parametrize(
    ("example", "field", "value", "words"),
    [
        ("matrix", "rows", "2", "but the padded map has 2"),
        ("dilated", "dilation", "5", "Take 1 to 4"),
        ("one_dimension", "output_padding", "2", "output padding op=2"),
        ("transposed_matrix", "padding", "4", "gives the output size -4"),
        ("max", "padding", "2", "more than half of the pooling window"),
        ("max", "rows", "17", "Take 1 x 1 to 16 x 16"),
        ("matrix", "size", "8", "Take 1 x 1 to 7 x 7"),
        ("nearest", "size", "2", "must have odd sides"),
        ("shuffle", "rows", "6", "not 4 channels"),
        ("wiener", "rows", "2", "larger than the map"),
        ("wiener", "noise", "some", "Take a number such as 0.01"),
        ("mean", "stride", "1.5", "Take a whole number"),
        ("mean", "map-1-0", "x", "Type a number"),
    ],
)
def test_a_setting_that_is_refused_is_said_in_words(window, example, field, value, words):
    choose(window, example)
    window.fill(f"#{field}", value)
    wait_for_text(window, ".refusal", words)
    assert window.evaluate("document.activeElement.id") == field  # one can go on typing


def test_a_link_restores_the_page(window, address):
    choose(window, "matrix")
    window.fill("#map-0-1", "7")
    wait_for_text(window, "#out-0-0", "16")
    window.fill("#padding", "1")
    window.wait_for_selector("#out-3-3")
    window.focus("#out-2-3")
    wait_for_text(window, "[data-part=sum] h3", "row 3, column 4")
    link = window.get_attribute("[data-link]", "href")
    assert window.url.endswith(link)
    shown = numbers(window, "[data-part=result] table")
    total = window.inner_text(".sum")
    open_link(window, address, "example=max")
    open_link(window, address, link.removeprefix("?"))
    assert numbers(window, "[data-part=result] table") == shown
    assert window.inner_text(".sum") == total
    assert window.input_value("#map-0-1") == "7"
    open_link(window, address, "example=nothing")
    wait_for_text(window, ".refusal", "“nothing” is unknown")


def test_the_keyboard_reaches_and_changes_every_cell(window, address):
    open_link(window, address, "example=max")
    window.focus("#map-0-0")
    window.keyboard.press("ArrowDown")
    window.keyboard.press("ArrowRight")
    window.keyboard.type("12")
    wait_for_text(window, "#out-0-0", "12")
    assert window.input_value("#map-1-1") == "12"
    window.keyboard.press("Tab")
    assert window.evaluate("document.activeElement.id") == "map-1-2"
    window.focus("#out-0-0")
    window.keyboard.press("ArrowDown")
    wait_for_text(window, ".sum", "max(0, 6, 2, 1) = 6")
    assert window.locator("input.used").count() == 4
    assert window.get_attribute("input.chosen", "id") == "map-2-1"
    window.focus("#stride-slider")
    window.keyboard.press("ArrowLeft")
    window.wait_for_selector("#out-2-2")


def test_a_stroke_raises_the_cells_under_it(window, address):
    open_link(window, address, "example=mean")
    before = [int(window.input_value(f"#map-2-{column}")) for column in range(4)]
    window.check("#brush-raise", force=True)
    start, end = (window.locator(f"#map-2-{column}").bounding_box() for column in (0, 3))
    window.mouse.move(start["x"] + 9, start["y"] + 9)
    window.mouse.down()
    window.mouse.move(end["x"] + 9, end["y"] + 9, steps=20)
    window.mouse.up()
    wait_for_text(window, "#out-1-1", "2.25")
    after = [int(window.input_value(f"#map-2-{column}")) for column in range(4)]
    assert after == [number + 1 for number in before]


def test_what_is_changed_while_an_answer_is_on_its_way_is_not_lost(window, address):
    open_link(window, address, "example=mean")
    window.evaluate("""() => {
        const set = (id, value) => {
            const field = document.getElementById(id);
            field.value = value;
            field.dispatchEvent(new Event("input", { bubbles: true }));
        };
        set("map-0-0", "9");
        document.getElementById("out-1-0").focus();
        set("rows", "6");
        set("columns", "2");
        set("stride", "1");
        document.getElementById("map-0-1").focus();
    }""")
    wait_for_text(window, "[data-part=result] h3", "5 x 1")
    assert window.inner_text("#out-0-0") == "4.5"
    assert window.input_value("#map-0-0") == "9"
    assert window.locator("td.reached").count() == 1


def test_the_page_speaks_chinese_and_says_so_in_its_link(window, address):
    open_link(window, address, "example=uneven_overlap")
    window.check("#language-zh", force=True)
    wait_for_text(window, "h2", say("title", "zh"))
    assert "棋盘效应" in window.inner_text(".reach_title")
    assert "language=zh" in window.url
    assert window.evaluate("document.documentElement.scrollWidth") <= 390
    choose(window, "dilated")
    assert "感受野" in window.inner_text(".about")


def test_the_page_takes_no_network():
    result = run_cli("explain", "--page", "upsample=nearest")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: --page shows arithmetic")
