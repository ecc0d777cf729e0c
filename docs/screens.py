"""Screens of finished runs for these pages: the report, TensorBoard, validation, and arithmetic.

    unetlite choose coast --budget 10m --margin 0.003
    python docs/screens.py outputs/choose/coast

It needs playwright and a Chromium.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from browser import opened
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

IMAGES = Path(__file__).parent / "images"
TOUCH = "?example=uneven_overlap"
LOADING = 12_000  # milliseconds in which TensorBoard draws its charts


@contextmanager
def served(*words: str) -> Iterator[str]:
    """Runs a command of unetlite that serves a page while the block runs: the page's address."""
    command = [sys.executable, "-u", "-m", "unetlite", *words]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    addresses = (word for line in server.stdout for word in line.split() if "://" in word)
    try:
        yield next(addresses)
    finally:
        server.terminate()
        server.wait()


def report_screen(directory: Path) -> None:
    """The first screen of the report."""
    with opened((directory / "report.html").resolve().as_uri(), 1120, 1100) as tab:
        tab.screenshot(path=IMAGES / "report.png")


def tensorboard_screen(directory: Path) -> None:
    """TensorBoard as `unetlite board` opens it."""
    with (
        served("board", str(directory)) as address,
        opened(address, 1280, 900) as tab,
    ):
        tab.wait_for_timeout(LOADING)
        tab.screenshot(path=IMAGES / "tensorboard.png")


def validation_pictures(directory: Path) -> None:
    """The last validation pictures of one run."""
    run = min(directory.glob("transpose/seed*"))
    events = EventAccumulator(str(run), size_guidance={"images": 0}).Reload()
    last = events.Images("val/pictures")[-1]
    (IMAGES / "validation.png").write_bytes(last.encoded_image_string)


def touch_screen() -> None:
    """The page on arithmetic with one of its examples."""
    with (
        served("explain", "--page") as address,
        opened(address + TOUCH, 1280, 980) as tab,
    ):
        tab.wait_for_selector("table")
        tab.wait_for_timeout(LOADING)
        tab.screenshot(path=IMAGES / "touch.png")


def main() -> None:
    directory = Path(sys.argv[1])
    report_screen(directory)
    tensorboard_screen(directory)
    validation_pictures(directory)
    touch_screen()


if __name__ == "__main__":
    main()
