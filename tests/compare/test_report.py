"""The page that `unetlite compare` writes."""

import base64
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from helpers import BROWSERS
from PIL import Image


class Page(HTMLParser):
    """The addresses that a page refers to, and its table's first column."""

    def __init__(self, text: str):
        super().__init__()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.addresses += [value for key, value in attributes if key in ("src", "href", "xlink:href") and value]


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
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip("no Chromium here to open the report in")
    probe = """<script>
      const column = () => [...document.querySelectorAll("#variants tbody tr")].map(r => r.cells[0].textContent);
      const heading = document.querySelector("#variants th button"), seen = [column()];
      for (let k = 0; k < 2; k++) { heading.click(); seen.push(column()); }
      const broken = [...document.images].filter(i => !i.complete || !i.naturalWidth).length;
      const result = JSON.stringify({seen, broken, images: document.images.length,
                                     drawings: document.querySelectorAll("figure svg").length});
      document.documentElement.dataset.result = btoa(result);
    </script>"""
    page = tmp_path / "page.html"
    page.write_text((report / "report.html").read_text() + probe)
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
               "--virtual-time-budget=5000", "--dump-dom", page.as_uri()]  # fmt: skip
    dumped = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    found = json.loads(base64.b64decode(re.search(r'data-result="([^"]+)"', dumped)[1]))
    assert found["broken"] == 0
    assert found["images"] > 10
    assert found["drawings"] == 2
    assert sorted(found["seen"][0]) == found["seen"][1] == found["seen"][2][::-1]
