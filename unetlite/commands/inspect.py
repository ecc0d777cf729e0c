"""`unetlite inspect`: a folder of images and masks in; what was read, in words, JSON or a page."""

import json
import math
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from unetlite.compare.planning.inspection_page import write_page
from unetlite.compare.planning.user_data import compose_folder, folder_options
from unetlite.data.inspect import Inspection, inspect_folder
from unetlite.data.summaries import ChannelSummary
from unetlite.errors import UsageError
from unetlite.settings.schema import Settings
from unetlite.settings.typed import format_setting
from unetlite.terminal import load_libraries
from unetlite.visualize import Pictures

BARS = " ▁▂▃▄▅▆▇█"


def inspect(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder of images and masks, in any layout.")
    ],
    settings: Annotated[
        list[str] | None, typer.Argument(help="Settings such as data.mask_name='{stem}_mask.png'.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Also write a page with pictures.")] = None,
    masks: Annotated[
        bool,
        typer.Option("--masks", help="Train two networks, minutes, to look at training masks."),
    ] = False,
) -> None:
    """What is read from your folder: layout, channels, classes, splits, and what is wrong."""
    typed = settings or []
    options = folder_options(str(directory), typed)
    run = compose_folder(str(directory), typed)
    inspection = inspect_folder(directory, options, run.data.display)
    if as_json and masks:
        raise UsageError("--json --masks: give one of them.")
    if as_json:
        print(json.dumps(inspection_json(inspection), indent=1))
    else:
        print("\n".join(inspection.lines()))
        for number, channel in enumerate(inspection.channels, start=1):
            print(channel_line(number, channel))
        words = train_command(directory, typed, inspection, options)
        words += few_image_settings(run, typed, inspection)
        print(f"train    {' '.join(words)}")
    pictures: dict[str, Pictures] = {}
    if masks:
        load_libraries("torch", "lightning")
        from unetlite.commands.mask_check import check_masks, mask_lines

        check = check_masks(directory, typed, inspection)
        print("\n".join(mask_lines(check)))
        pictures = check.suspects.pictures
    if html is not None:
        write_page(inspection, html, pictures)
        print(f"page     {html}", file=sys.stderr if as_json else sys.stdout)


def train_command(
    directory: Path,
    typed: list[str],
    inspection: Inspection,
    options: dict[str, Any],
) -> list[str]:
    """What trains on the folder as it was read: the settings that were typed or inferred."""
    command = ["python", "train.py", "data=folder", f"data.root={directory}", *typed]
    words = [shlex.quote(word) for word in command]
    for name, value in inspection.settings.items():
        if name != "root" and name not in options:
            words.append(format_setting(f"data.{name}", value))
    return words


def few_image_settings(run: Settings, typed: list[str], inspection: Inspection) -> list[str]:
    """More crops of few images, as `choose` takes them, so that a training has enough steps."""
    from unetlite.compare.planning.schedule import usual_schedule

    fixed = {word.partition("=")[0] for word in typed}
    schedule = usual_schedule(run, inspection.splits["train"], fixed)
    if schedule.crops_per_image == run.data.crops_per_image:
        return []
    return [f"data.crops_per_image={schedule.crops_per_image}"]


def channel_line(number: int, channel: ChannelSummary) -> str:
    """A line with the range, the mean and the histogram of a channel."""
    text = (
        f"channel {number:<3d} {channel.low:.4g} to {channel.high:.4g}, "
        f"mean {channel.mean:.4g}, std {channel.std:.4g}"
    )
    if "utf" not in str(sys.stdout.encoding).lower():
        return text
    highest = max(*channel.histogram, 1)
    bars = ""
    for count in channel.histogram:
        height = math.ceil(count / highest * (len(BARS) - 1))
        bars += BARS[height]
    return f"{text:54} |{bars}|"


def inspection_json(inspection: Inspection) -> dict[str, Any]:
    """The inspection as plain values, without its picture."""
    values = asdict(inspection)
    del values["contact_sheet"]
    for entry in values["classes"]:
        if entry["thickness"] is not None:
            del entry["thickness"]["pixels"], entry["thickness"]["relative"]
    return values
