"""What `unetlite advise` reads of a folder, and prints: evidence, costs, and what to take."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill

from rich import get_console

from unetlite.commands.target import SIZE, Target
from unetlite.compare.across_sets import Evidence, Nearest, read_evidence
from unetlite.compare.advice import Advice, too_few_sets
from unetlite.compare.costs.costs import measure_latencies
from unetlite.compare.costs.device import OF_DATA, DeviceCosts
from unetlite.compare.planning.request import DEFAULT_OPERATORS
from unetlite.compare.planning.user_data import folder_options
from unetlite.data.image_files import check_folder
from unetlite.data.inspect import find_classes, open_folder
from unetlite.data.meta_features import MetaFeatures, measure_meta_features
from unetlite.data.samples import spread
from unetlite.errors import UsageError
from unetlite.files import shell_path
from unetlite.judge.verdict import Cost, format_number
from unetlite.settings.composition import compose_run
from unetlite.settings.schema import UNetConfig
from unetlite.terminal import align_right, make_table, print_text, progress

MAX_SAMPLES = 40  # of a folder that are looked at, evenly spread


def print_advice(
    directory: Path | None,
    settings: list[str],
    margin: float | None,
    target: Target,
) -> None:
    """Prints the advice for a folder, or for any."""
    evidence = read_evidence()
    features = None
    groups = None
    if directory is not None:
        features, groups = summarise_folder(directory, settings)
    if not evidence.is_enough:
        print_costs(target)
        print_text(too_few_sets(evidence, choose_command(directory, settings, target)))
        return
    names = evidence.differences().variants
    cost = operator_costs(evidence.provenance["settings"], names, target)
    advice = Advice(evidence, cost, margin)
    print_evidence(evidence)
    if features is not None:
        print(nearest_line(evidence.nearest(features)))
    table = make_table(
        advice.rows(),
        title="mean IoU x 100, intervals and bounds of 95 %",
        title_justify="left",
    )
    align_right(table, first=1)
    get_console().print(table)
    print_text("\n\n".join(advice.sentences(groups)))


def summarise_folder(directory: Path, settings: list[str]) -> tuple[MetaFeatures, int]:
    """The meta-features of a folder, and the groups of its test images.

    Raises UsageError if it cannot be read.
    """
    check_folder(
        directory,
        f"{directory}: there is no such folder. Give one of images and masks, or none at all.",
    )
    options = folder_options(str(directory), settings)
    options["root"] = str(directory.resolve())
    with progress(f"looking at {directory}"):
        folder = open_folder(options)
        pairs = folder.all_pairs()
        chosen = spread(pairs, MAX_SAMPLES)
        values = dict(folder.named_masks(chosen))
        find_classes(options, folder, values)
        samples = [folder.read(pair) for pair in chosen]
        features = measure_meta_features(samples, len(pairs), len(folder.classes))
    groups = len({pair.group for pair in folder.pairs["test"]})
    return features, groups


def print_costs(target: Target) -> None:
    """Prints what networks cost, the cheapest first: all of the device, else the default ones."""
    if target.costs is None:
        milliseconds = operator_costs([], DEFAULT_OPERATORS.split(","), target).values
    else:
        content = target.costs.content
        milliseconds = {name: each.milliseconds for name, each in content.variants.items()}
        for name, excluded in content.excluded.items():
            print(f"left out {name} is excluded ({excluded.reason})")
        print(f"costs    {content.device} ({content.of_runtime})")
    rows = []
    for name in sorted(milliseconds, key=milliseconds.__getitem__):
        rows.append({"network": name, "ms": format_number(milliseconds[name])})
    table = make_table(rows)
    align_right(table, first=1)
    get_console().print(table)


def choose_command(directory: Path | None, settings: list[str], target: Target) -> str:
    """The race on the same folder, by the same costs: of the operators that have one."""
    words = ["unetlite choose", "DIR" if directory is None else shell_path(directory)]
    if target.costs is not None:
        words.append(f"--costs {shell_path(target.costs.path)}")
        names = target.costs.content.operators
        if not set(DEFAULT_OPERATORS.split(",")) <= set(names):
            words.append(f"--operators {','.join(names)}")
    return " ".join(words + [shlex.quote(setting) for setting in settings])


def operator_costs(overrides: list[str], names: Sequence[str], target: Target) -> Cost:
    """What operators cost in networks of settings, on this machine or on the device."""
    configs: dict[str, UNetConfig] = {}
    for name in names:
        configs[name] = compose_run([*overrides, f"upsample={name}"]).unet_config()
    if target.costs is None:
        with progress("measuring latencies"):
            milliseconds = measure_latencies(configs, SIZE)
        print(f"costs    on this machine in PyTorch, {SIZE[0]} x {SIZE[1]} pixels, untrained")
    else:
        milliseconds = read_milliseconds(target.costs, configs)
        print(f"costs    {target.costs.content.device} ({target.costs.content.of_runtime})")
    return Cost(milliseconds, "ms", "the fastest")


def read_milliseconds(costs: DeviceCosts, configs: Mapping[str, UNetConfig]) -> dict[str, float]:
    """Of the networks that the device has measured. Raises UsageError if there is none."""
    milliseconds = {}
    for name, config in configs.items():
        try:
            milliseconds[name] = costs.measured(config, OF_DATA).milliseconds
        except UsageError:  # noqa: PERF203  the device may lack any
            print(f"left out {costs.reason_of_lack(config, OF_DATA)}")
    if not milliseconds:
        raise UsageError(
            f"--costs {costs.path} has none of the networks of the evidence. Measure a kit of "
            f"them: unetlite kit --untrained {','.join(configs)}."
        )
    return milliseconds


def print_evidence(evidence: Evidence) -> None:
    """Prints what the advice stands on."""
    sets = evidence.sets
    steps = evidence.provenance["steps"]
    seeds = evidence.provenance["seeds_of_an_operator"]
    print(fill(f"evidence {len(sets)} data sets: {', '.join(sets)}", 80, subsequent_indent=" " * 9))
    print(f"         {evidence.provenance['network']} U-Net, {steps} steps, {seeds} seeds each")


def nearest_line(nearest: Nearest) -> str:
    """The set that looks most like the folder."""
    distance = f"{nearest.distance:.1f} deviations (sets: up to {nearest.usual:.1f})"
    if nearest.is_near:
        return f"looks    most like {nearest.name}, {distance}"
    return f"looks    like none of them; nearest: {nearest.name}, {distance}"
