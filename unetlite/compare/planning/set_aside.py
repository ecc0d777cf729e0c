"""What an earlier question left in a directory, when another one takes its place."""

import shutil
from itertools import count
from pathlib import Path

from unetlite.compare.race.record import read_race
from unetlite.files import relative_path
from unetlite.run_directory import LOCK

LEVERS = "-levers-before"
"""Of the folder beside that of a race, with the trainings that measured levers before it."""


def why_it_gives_way(directory: Path) -> str | None:
    """Why nothing is lost if a race gives way to another question; None if it does not."""
    if not list(directory.glob("*/seed*/metrics.json")):
        return "What was planned here before has no finished training, so it is planned anew."
    race = read_race(directory)
    if race is None or race.no_verdict is None:
        return None
    return "The race that was here ended without a verdict, so it is planned anew."


def set_aside(directory: Path) -> None:
    """Moves trainings of an earlier question out of the way; nothing is deleted."""
    trials = directory.with_name(directory.name + LEVERS)
    if not trials.exists() and not list(directory.glob("*/seed*")):
        return
    for number in count(1):
        target = directory.with_name(f"{directory.name}-before{number}")
        if not target.exists():
            break
    target.mkdir()
    for path in sorted(directory.iterdir()):
        if path.name != LOCK:
            shutil.move(path, target / path.name)
    if trials.exists():
        shutil.move(trials, target.with_name(target.name + LEVERS))
    print(f"Its trainings are in {relative_path(target)} now.")
