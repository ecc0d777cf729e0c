"""What `levers.json` keeps: the trainings that measure levers, and what they show."""

from pathlib import Path
from typing import Any

from pydantic import NonNegativeFloat
from pydantic.dataclasses import dataclass

from unetlite.compare.levers.outcome import LeverOutcome
from unetlite.compare.levers.trials import Trials
from unetlite.compare.planning.request import option_changes
from unetlite.errors import UsageError
from unetlite.validation import STRICT, read_record


@dataclass(config=STRICT)
class LeverRecord:
    """What `levers.json` keeps."""

    trials: Trials
    outcome: LeverOutcome | None = None  # None while trainings are missing
    seconds: NonNegativeFloat = 0.0  # that they took


def read_levers(file: Path) -> LeverRecord | None:
    """The record of a file, None if there is none. Raises UsageError if it is damaged."""
    if not file.exists():
        return None
    return read_record(
        file, LeverRecord, "Delete it, and run the same command again: no training is lost."
    )


def recorded_levers(file: Path, options: dict[str, Any]) -> LeverRecord | None:
    """The record of an earlier start. Raises UsageError for that of another request."""
    record = read_levers(file)
    if record is None or record.trials.asked == options:
        return record
    changes = option_changes(record.trials.asked, options)
    raise UsageError(
        f"{file} was planned with other options ({changes}). Give those again, and it goes on; or "
        f"delete it and {record.trials.directory}, or choose another folder by UNETLITE_HOME=DIR."
    )
