"""`unetlite export`: a checkpoint in, one checked artefact out."""

from pathlib import Path
from typing import Annotated

import typer

from unetlite.commands.predict import find_inputs
from unetlite.data.images import read_image
from unetlite.errors import UsageError, first_line, needs
from unetlite.files import load_libraries, progress, whole
from unetlite.inference.runtimes import EXPORTS, open_runtime
from unetlite.training.run import RunFiles

CHECKED, CALIBRATION = 6, 64  # images


def export(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint, or the run directory that holds it.")],
    format: Annotated[str, typer.Option(help="onnx, openvino or safetensors.")] = "onnx",
    to: Annotated[Path | None, typer.Option(help="What to write; beside the checkpoint by default.")] = None,
    output: Annotated[str | None, typer.Option(help="logits, probabilities (default) or classes.")] = None,
    fold: Annotated[bool, typer.Option(help="Rewrite the network into an equal one that computes less.")] = True,
    precision: Annotated[str, typer.Option(help="float32, or for openvino bfloat16.")] = "float32",
    int8: Annotated[bool, typer.Option("--int8", help="8-bit integers, calibrated on training images.")] = False,
    images: Annotated[list[str] | None, typer.Option(help="Files to check with, else test images.")] = None,
) -> None:
    """A checkpoint for other runtimes: raw pixels of any size in, classes out. Checked before it is kept."""
    refuse(format, output, precision, int8)
    load_libraries("torch")

    from unetlite.data.batches import data_of_run
    from unetlite.inference.export import SIZES, agreement, demand, latency, loss, some_images, write
    from unetlite.inference.pytorch import read_checkpoint
    from unetlite.network.folding import fold as fold_network

    output = output or ("logits" if format == "safetensors" else "probabilities")
    precision = "int8" if int8 else precision
    if checkpoint.is_dir():
        checkpoint = RunFiles(checkpoint).judged
    network, metadata = read_checkpoint(checkpoint)
    metadata = metadata.model_copy(update={"output": output, "precision": precision})
    suffix = EXPORTS[format]
    destination = to or checkpoint.with_suffix(suffix if precision == "float32" else f".{precision}{suffix}")
    if destination.suffix != suffix and (format == "onnx" or destination.suffix):
        raise UsageError(f"--to {destination}: a name for --format {format} ends in {suffix}.")
    if destination.exists():
        raise UsageError(f"{destination} exists; delete it, or choose another name by --to.")
    splits = {} if images and not int8 else data_of_run(metadata.config).store.splits
    if images:
        files = list(find_inputs(images).values())[:CHECKED]
        checked = [read_image(file, metadata.network.in_channels, metadata.value_range) for file in files]
    else:
        checked = list(some_images(splits["test"], CHECKED))

    exported = network
    if fold and format != "safetensors":  # which is for training on, too; it is folded when it is opened to predict
        # ONNX Runtime's transposed convolution of 4 x 4 is slow: see `python benchmarks/exports.py forms`.
        exported = fold_network(network, nearest_3x3=format == "openvino")
    lines = []
    try:
        with progress(f"exporting to {format}") as tell, whole(destination) as partial:
            with needs("export"):
                write(exported, metadata, format, partial, some_images(splits["train"], CALIBRATION) if int8 else ())
            runtime = open_runtime(partial, kind=suffix, device="cpu")
            tell("comparing with the checkpoint")
            found = agreement(runtime, network, checked)
            demand(found, metadata)
            if int8:
                tell("scoring test images")
                lines.append(f"mean IoU            {loss(runtime, network, splits['test'])}")
            tell("measuring")
            lines.append(f"latency             {latency(runtime, network, checked)}")
    except OSError as error:
        raise UsageError(f"{destination} cannot be written ({first_line(error)}); choose another by --to.") from None
    size = sum(file.stat().st_size for file in (*destination.rglob("*"), destination) if file.is_file())
    sizes = ", ".join(f"{height} x {width}" + f" ({batch} at once)" * (batch > 1) for batch, height, width in SIZES)
    difference = f"{found.difference:.3%} of" if output == "classes" else f"{found.difference:.1e}, of"
    print(f"{destination}  ({runtime.name}, {precision}, {output})")
    print(f"size                {size / 1e6:.1f} MB")
    print(f"largest difference  {difference} {output}")
    print(f"equal classes       at {found.classes:.3%} of the pixels, in images of {sizes}")
    print(*lines, sep="\n")
    print(f"use it              unetlite predict {destination} IMAGES --output DIR")


def refuse(format: str, output: str | None, precision: str, int8: bool) -> None:
    """Raises UsageError for options that are unknown or do not go together."""
    outputs, precisions = ("logits", "probabilities", "classes"), ("float32", "bfloat16")
    network, no_logits = format == "safetensors", output not in (None, "logits")
    bfloat16 = precision == "bfloat16"
    mistakes = {
        f"--format {format}: choose one of {', '.join(EXPORTS)}.": format not in EXPORTS,
        f"--output {output}: choose one of {', '.join(outputs)}.": output not in (None, *outputs),
        f"--precision {precision}: choose one of {', '.join(precisions)}.": precision not in precisions,
        "--int8 --precision bfloat16: choose one of them.": int8 and bfloat16,
        "--precision bfloat16 is for --format openvino, which gains by it.": bfloat16 and format != "openvino",
        "--int8 is for --format onnx and openvino.": int8 and network,
        "--format safetensors holds the network itself, which gives logits.": network and no_logits,
    }
    for mistake, made in mistakes.items():
        if made:
            raise UsageError(mistake)
