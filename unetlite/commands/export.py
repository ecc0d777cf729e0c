"""`unetlite export`: a checkpoint in, one checked file or folder out."""

import re
from pathlib import Path
from typing import Annotated

import typer

from unetlite.errors import UsageError
from unetlite.inference.runtimes.base import EXPORTS
from unetlite.run_directory import RunFiles
from unetlite.terminal import load_libraries

OUTPUTS = ("logits", "probabilities", "classes")
PRECISIONS = ("float32", "bfloat16")


def export(
    checkpoint: Annotated[
        Path, typer.Argument(help="A checkpoint, or the run directory that holds it.")
    ],
    format: Annotated[str, typer.Option(help="onnx, openvino or safetensors.")] = "onnx",
    to: Annotated[
        Path | None, typer.Option(help="What to write; beside the checkpoint by default.")
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="logits, probabilities (default) or classes.")
    ] = None,
    fold: Annotated[
        bool, typer.Option(help="Rewrite the network into an equal one that computes less.")
    ] = True,
    precision: Annotated[str, typer.Option(help="float32, or for openvino bfloat16.")] = "float32",
    int8: Annotated[
        bool, typer.Option("--int8", help="8-bit integers, calibrated on training images.")
    ] = False,
    input: Annotated[
        str | None, typer.Option(help="float32, for readers without other types; else the files'.")
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="HEIGHTxWIDTH, for readers without free sizes.")
    ] = None,
    images: Annotated[
        list[str] | None,
        typer.Option(help="Files to check with, else test images; for --int8, the data set."),
    ] = None,
) -> None:
    """A checkpoint for other runtimes: raw pixels of any size in, classes out. Checked first."""
    if output is None:
        output = "logits" if format == "safetensors" else "probabilities"
    validate_options(format, output, precision, int8)
    chosen = {
        "output": output,
        "precision": "int8" if int8 else precision,
        "input_type": input,
        "input_size": parse_input(format, input, size),
    }
    if checkpoint.is_dir():
        checkpoint = RunFiles(checkpoint).test_checkpoint
    load_libraries("torch")
    from unetlite.commands.checked_export import export_checkpoint

    export_checkpoint(checkpoint, format, to, chosen, fold, images or [])


def validate_options(
    format: str,
    output: str,
    precision: str,
    int8: bool,
) -> None:
    """Raises UsageError for options that are unknown or do not go together."""
    if format not in EXPORTS:
        raise UsageError(f"--format {format}: choose one of {', '.join(EXPORTS)}.")
    if output not in OUTPUTS:
        raise UsageError(f"--output {output}: choose one of {', '.join(OUTPUTS)}.")
    if precision not in PRECISIONS:
        raise UsageError(f"--precision {precision}: choose one of {', '.join(PRECISIONS)}.")
    if int8 and precision == "bfloat16":
        raise UsageError("--int8 --precision bfloat16: choose one of them.")
    if precision == "bfloat16" and format != "openvino":
        raise UsageError("--precision bfloat16 is for --format openvino, which gains by it.")
    if format == "safetensors" and int8:
        raise UsageError("--int8 is for --format onnx and openvino.")
    if format == "safetensors" and output != "logits":
        raise UsageError("--format safetensors holds the network itself, which gives logits.")


def parse_input(format: str, type: str | None, size: str | None) -> tuple[int, int] | None:
    """Height and width of --size. Raises UsageError for what an export cannot take."""
    if type not in (None, "float32"):
        raise UsageError(f"--input {type}: expected float32, or nothing for the type of the files.")
    if format == "safetensors" and (type or size):
        raise UsageError("--input and --size are for --format onnx and openvino.")
    if size is None:
        return None
    match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", size)
    if match is None:
        raise UsageError(f"--size {size}: expected HEIGHTxWIDTH in pixels, such as 256x320.")
    return int(match[1]), int(match[2])
