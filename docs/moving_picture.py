"""Draws docs/images/choose.svg, the terminal of a race as a moving picture of half a minute.

    pip install termtosvg
    python docs/moving_picture.py

A race of about ten minutes is recorded, and shown so many times faster. Its figures are its own.
With a recording (asciicast) as argument nothing is trained.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

RACE = "unetlite choose coast --budget 10m --margin 0.003"
SIZE = "80x32"  # characters
SECONDS = 24.0  # of the picture, up to its last screen
VERDICT = "Choose ", "Take "  # how it begins
READING = 6.0  # seconds, of the verdict
LAST_SCREEN = 8000  # milliseconds
FRAME = 500  # milliseconds, at least
PICTURE = Path(__file__).parent / "images" / "choose.svg"


def run_tool(*arguments: str | Path) -> None:
    """Runs termtosvg, and ends the script if it fails."""
    subprocess.run([sys.executable, "-m", "termtosvg", *arguments], check=True)


def hasten(recording: str, seconds: float) -> str:
    """The recording, an asciicast of version 2, in `seconds`, and READING more for the verdict."""
    header, *lines = recording.splitlines()
    events = [json.loads(line) for line in lines]
    first, last = events[0][0], events[-1][0]
    hastened = [header]
    pause = 0.0
    for time, kind, text in events:
        share = (time - first) / (last - first)
        hastened.append(json.dumps([seconds * share + pause, kind, text]))
        if text.startswith(VERDICT):
            pause = READING
    return "\n".join(hastened) + "\n"


def main() -> None:
    with TemporaryDirectory() as directory:
        recording = Path(directory) / "choose.cast"
        if len(sys.argv) > 1:
            recording = Path(sys.argv[1])
        else:
            run_tool("record", recording, "-g", SIZE, "-c", RACE)
        fast = Path(directory) / "fast.cast"
        fast.write_text(hasten(recording.read_text(), SECONDS))
        run_tool(
            "render",
            fast,
            PICTURE,
            *("-t", "window_frame"),
            *("-m", str(FRAME)),
            *("-D", str(LAST_SCREEN)),
        )


if __name__ == "__main__":
    main()
