"""The files of a report: a page that needs no other file, JSON, and Markdown."""

import base64
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
from helpers import BROWSERS
from PIL import Image
from scipy import stats

from unetlite.compare.metrics import METRICS


class Page(HTMLParser):
    """The addresses that a page refers to, and its table's first column."""

    def __init__(self, text: str):
        super().__init__()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.addresses += [
            value for key, value in attributes if key in ("src", "href", "xlink:href") and value
        ]


def test_the_page_needs_no_other_file(report):
    text = (report / "report.html").read_text()
    addresses = [address for address in Page(text).addresses if not address.startswith("#")]
    assert len(addresses) > 10
    for address in addresses:
        kind, _, data = address.partition(",")
        assert kind == "data:image/png;base64"
        Image.open(io.BytesIO(base64.b64decode(data))).load()
    assert not re.search(r"url\((?!#|['\"]?#)", text)
    assert "@import" not in text


def test_in_a_browser_every_picture_loads_and_the_table_sorts(report, tmp_path):
    browsers = [shutil.which(name) for name in BROWSERS if shutil.which(name)]
    if not browsers:
        pytest.skip("no Chromium here to open the report in")
    probe = """<script>
      const rows = () => [...document.querySelectorAll("#variants tbody tr")];
      const column = () => rows().map(row => row.cells[0].textContent);
      const heading = document.querySelector("#variants th button"), seen = [column()];
      for (let k = 0; k < 2; k++) { heading.click(); seen.push(column()); }
      const broken = [...document.images].filter(i => !i.complete || !i.naturalWidth).length;
      const result = JSON.stringify({seen, broken, images: document.images.length,
                                     drawings: document.querySelectorAll("figure svg").length});
      document.documentElement.dataset.result = btoa(result);
    </script>"""
    page = tmp_path / "page.html"
    page.write_text((report / "report.html").read_text() + probe)
    command = [
        browsers[0], "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000",
        f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    dumped = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    result = json.loads(base64.b64decode(re.search(r'data-result="([^"]+)"', dumped)[1]))
    assert result["broken"] == 0
    assert result["images"] > 10
    assert result["drawings"] == 2
    assert sorted(result["seen"][0]) == result["seen"][1] == result["seen"][2][::-1]


def test_the_page_begins_with_the_verdict_and_what_to_do_next(report):
    page = (report / "report.html").read_text()
    content = json.loads((report / "report.json").read_text())
    first, _, _ = page.partition("<h2>Classes")
    assert first.index('id="verdict"') < first.index('id="next"')
    (use,) = content["next"]
    for command in use["commands"]:
        assert f"<pre>{command}</pre>" in first
    assert content["trained"] in first
    for sentence in content["losses"]:
        assert sentence in first
    assert "<h2>A prediction" in first
    assert "Equivalence (TOST)" not in first


def test_the_json_has_every_figure_and_its_basis(report):
    content = json.loads((report / "report.json").read_text())
    judged = content["judged"]
    assert (judged["metric"], judged["seeds"], judged["images"]) == ("miou", [0, 1, 2], 4)
    assert set(content["described"]) <= set(METRICS) - {"miou"}
    for name, runs in content["runs"].items():
        mean = np.mean([run["test/miou"] for run in runs])
        assert judged["variants"][name]["mean"] == pytest.approx(mean)
        assert judged["regret"][name] >= 0
    (pair,) = judged["pairs"]
    assert set(pair) == {"first", "second", "mean", "standard_error", "df"}
    assert pair["mean"] >= 0
    assert pair["standard_error"] > 0
    costs = content["costs"]["variants"]
    assert costs["bilinear"]["parameters"] > costs["transpose"]["parameters"]
    for cost in costs.values():
        assert cost["macs"] > 0
        assert "pytorch" in cost["latency"]
    assert content["environments"][0]["torch"]
    assert content["configuration"]["trainer.max_steps"] == 2


def test_the_markdown_table_has_a_row_a_variant(report):
    text = (report / "report.md").read_text()
    scores, differences = [part.splitlines() for part in re.findall(r"(?:^\|.*\n)+", text, re.M)]
    assert len(scores) == 4
    for lines in (scores, differences):
        assert len({line.count("|") for line in lines}) == 1
    assert "max regret (95 %)" in scores[0]


def test_the_markdown_has_paired_differences_to_the_choice_and_a_protocol(report):
    text = (report / "report.md").read_text()
    content = json.loads((report / "report.json").read_text())
    (pair,) = content["judged"]["pairs"]
    row = text.splitlines()[text.splitlines().index("|---|---|---|---|---|") + 1]
    name, mean, interval, error, df = [cell.strip() for cell in row.strip("|").split("|")]
    sign = 1 if name == pair["first"] else -1
    assert float(mean) == pytest.approx(sign * pair["mean"], abs=1e-4)
    assert float(error) == pytest.approx(pair["standard_error"], abs=1e-4)
    assert float(df) == pytest.approx(pair["df"], abs=0.1)
    low, high = map(float, interval.split(" to "))
    width = stats.t.ppf(0.975, pair["df"]) * pair["standard_error"]
    assert high - low == pytest.approx(2 * width, abs=3e-4)
    (protocol,) = [line for line in text.splitlines() if line.startswith("Protocol: ")]
    assert protocol == content["protocol"]
    environment = content["environments"][0]
    for part in (
        "data set squares (SHA-256 ",
        "4 test images, the test images in 4 groups",
        " training, ",
        "3 seeds (0, 1, 2)",
        "2 steps in ",
        "batches of 2 crops of 32 x 32 pixels",
        f"unetlite {environment['code_version']} (version and hash of its source)",
        f"torch {environment['torch']}",
    ):
        assert part in protocol
