"""`unetlite kit`: a folder that measures on another device what the networks cost there."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unetlite.commands.options import OperatorsOption, parse_size
from unetlite.commands.target import Target, print_left_out, read_target
from unetlite.errors import UsageError
from unetlite.files import atomic_path
from unetlite.settings.composition import compose_run
from unetlite.terminal import load_libraries, progress

if TYPE_CHECKING:
    from unetlite.network.unet import UNet


def kit(
    what: Annotated[
        list[str] | None,
        typer.Argument(help="Where the runs are; with --untrained settings, as model=classic."),
    ] = None,
    to: Annotated[Path, typer.Option(help="The folder to write.")] = Path("kit"),
    untrained: Annotated[
        str | None,
        typer.Option(help="Operators in new networks, in place of runs: transpose,nearest; all."),
    ] = None,
    by: Annotated[str, typer.Option(help="The key in which the runs differ.")] = "upsample",
    size: Annotated[
        str, typer.Option(help="Height and width of the image to predict, as 96x128.")
    ] = "256",
    runtime: Annotated[str, typer.Option(help="onnxruntime or openvino.")] = "onnxruntime",
    ops: OperatorsOption = None,
) -> None:
    """Every network and measure.py, which says what each costs on the device that will predict."""
    image_size = parse_size(size)
    words = what or []
    if to.exists():
        raise UsageError(f"{to} exists; delete it, or choose another folder by --to.")
    if untrained is None and (len(words) != 1 or not Path(words[0]).is_dir()):
        raise UsageError(
            f"{' '.join(words) or 'nothing'}: expected a folder of runs, such as outputs/coast; "
            "for networks without training give --untrained transpose,nearest."
        )
    load_libraries("torch", "lightning")
    target = read_target(None, ops, runtime)
    if untrained is None:
        networks = trained_networks(Path(words[0]), by)
    else:
        networks = new_networks(untrained, words)
    reasons = write_networks(to, networks, target, image_size, runtime)
    print_left_out(reasons)
    height, width = image_size
    print(f"kit       {to}: {len(networks) - len(reasons)} networks, {height} x {width} pixels")
    print("copy the folder to the device, and type in it there:")
    print(f"          pip install {runtime} numpy")
    print("          python measure.py")


def trained_networks(directory: Path, by: str) -> dict[str, "UNet"]:
    """The network of each variant, of its run to use."""
    from unetlite.compare.comparison import read_comparison

    comparison = read_comparison(directory, by)
    for name, run in comparison.runs_to_use().items():
        print(f"{name}: {run.files.path}")
    return comparison.networks


def new_networks(operators: str, overrides: list[str]) -> dict[str, "UNet"]:
    """Untrained networks of settings, for the channels and classes of their data set.

    "all" are those that the network can have. Raises UsageError for operators that there are not,
    or that it cannot have.
    """
    from unetlite.network.upsampling import UPSAMPLERS
    from unetlite.training.fit import make_config, make_network, open_data

    names = list(UPSAMPLERS) if operators == "all" else operators.split(",")
    if not set(names) <= UPSAMPLERS.keys():
        known = ", ".join(UPSAMPLERS)
        raise UsageError(f"--untrained {operators}: expected all, or some of {known}.")
    settings = {name: compose_run([*overrides, f"upsample={name}"]) for name in names}
    dataset = open_data(settings[names[0]]).dataset
    networks = {}
    for name in names:
        try:
            config = make_config(settings[name], dataset)
            network = make_network(config, settings[name].seed, dataset)
        except UsageError as error:
            # Unpooling, where the downsampling remembers no positions.
            if operators != "all" or not UPSAMPLERS[name].needs_positions:
                raise
            print(f"left out: {error}")
            continue
        networks[name] = network.eval()
    return networks


def write_networks(
    to: Path,
    networks: Mapping[str, "UNet"],
    target: Target,
    size: tuple[int, int],
    runtime: str,
) -> dict[str, str]:
    """Writes the kit. Returns the reason of each network that the device cannot run.

    Raises UsageError if none is left.
    """
    from unetlite.inference.kit import write_kit
    from unetlite.inference.supported import export_models, unsupported

    with progress("exporting") as update:
        models = export_models(networks, size, runtime, update)
        reasons = unsupported(models, target.operators, runtime)
        for name in reasons:
            del models[name]
        update("checking the exports")
        with atomic_path(to) as partial:
            reasons |= write_kit(partial, networks, models, size, runtime)
            if len(reasons) == len(networks):
                lines = [f"{name}: {reason}" for name, reason in reasons.items()]
                raise UsageError(f"the device can run none of the networks; {'; '.join(lines)}.")
    return reasons
