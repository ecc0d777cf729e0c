"""A headless Chromium for the pictures of these pages. It needs playwright and a Chromium."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "microsoft-edge")
SLOW = 120_000  # milliseconds


@contextmanager
def opened(address: str, width: int, height: int, scheme: Any = "light") -> Iterator[Any]:
    """The page at an address in a window of this size, light or dark."""
    paths = [path for path in map(shutil.which, BROWSERS) if path]
    with sync_playwright() as driver:
        options = ["--no-sandbox", "--disable-gpu"]
        browser = driver.chromium.launch(executable_path=paths[0], args=options)
        size: Any = {"width": width, "height": height}
        tab = browser.new_page(viewport=size, color_scheme=scheme)
        tab.set_default_timeout(SLOW)
        tab.goto(address)
        yield tab
        browser.close()
