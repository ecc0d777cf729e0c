"""Seconds to the page of `unetlite demo` and to its first answer, and its picture in these pages.

    python docs/demo_page.py

It needs playwright and a Chromium that is installed.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from browser import opened

PICTURE = Path(__file__).parent / "images" / "demo.png"
AREA: Any = {"x": 0, "y": 195, "width": 1280, "height": 1420}  # below the introduction
PORT = 7861
ADDRESS = f"http://127.0.0.1:{PORT}"
EXAMPLE = "#examples button:has(img) >> nth={}"
SHOWN = """() => ["mask", "result"].every(kind =>
    [...document.querySelectorAll(`[id^=${kind}-]`)].every(each => each.querySelector("img")))"""


@contextmanager
def served(*models: str) -> Iterator[None]:
    """Runs `unetlite demo` while the block runs."""
    command = [sys.executable, "-u", "-m", "unetlite", "demo", *models, "--port", str(PORT)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    for line in server.stdout:
        if ADDRESS in line:
            break
    try:
        yield
    finally:
        server.terminate()
        server.wait()


def click_example(tab: Any, number: int) -> float:
    """Clicks an example, and returns the seconds to the masks and times of all networks."""
    start = time.monotonic()
    tab.click(EXAMPLE.format(number))
    tab.wait_for_function(SHOWN)
    return time.monotonic() - start


def main() -> None:
    start = time.monotonic()
    with served():
        print(f"{time.monotonic() - start:.1f} s to the address")
        with opened(ADDRESS, 1280, 1700) as tab:
            tab.wait_for_selector(EXAMPLE.format(0))
            print(f"{time.monotonic() - start:.1f} s to the page, with the start of the browser")
            print(f"{click_example(tab, 2):.1f} s from the click to the first answer")
            tab.wait_for_selector("#moved-0 img")
            tab.screenshot(path=PICTURE, clip=AREA)


if __name__ == "__main__":
    main()
