"""The command `unetlite`. Thin: it reads arguments, calls a module, and prints."""

from pathlib import Path
from typing import Annotated

import typer

from unetlite.errors import UsageError, hydra_mistakes, mistakes_in_one_line

app = typer.Typer(
    help="Which decoder upsampling should I use? Training is `python train.py`; this looks at what came of it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def explain(
    what: Annotated[
        list[str] | None,
        typer.Argument(help="A checkpoint, or settings of train.py such as upsample=nearest model=classic."),
    ] = None,
    size: Annotated[str, typer.Option(help="Height and width of the image, such as 128 or 96x128.")] = "128",
    png: Annotated[Path | None, typer.Option(help="Also draw what the upsampling operator does.")] = None,
    compare: Annotated[bool, typer.Option("--compare", help="All operators side by side, at initialisation.")] = False,
) -> None:
    """Every layer with its shape, receptive field, parameters and multiplications; and what the operator does."""
    with mistakes_in_one_line(), hydra_mistakes():
        from unetlite.explain.report import explain_all, explain_one

        (explain_all if compare else explain_one)(what or [], parse_size(size), png)


@app.command()
def compare(
    directory: Annotated[Path, typer.Argument(help="Where the runs are, such as outputs/coast.")],
    by: Annotated[
        str, typer.Option(help="The key that is compared: upsample, downsample, model.norm, ...")
    ] = "upsample",
    metric: Annotated[str, typer.Option(help="The test score that decides.")] = "miou",
    allow: Annotated[list[str] | None, typer.Option(help="A key in which the runs may differ as well.")] = None,
    output: Annotated[Path | None, typer.Option(help="Where the report goes; beside the runs by default.")] = None,
    size: Annotated[str, typer.Option(help="Height and width of the image that costs are measured with.")] = "256",
    rounds: Annotated[int, typer.Option(min=0, help="Of the measurement of latencies; 0 leaves it out.")] = 15,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write each variant's mean curves and intervals for TensorBoard.")
    ] = False,
) -> None:
    """Which variant is better, with evidence: a verdict, report.html, report.json and report.md."""
    with mistakes_in_one_line():
        from unetlite.compare.command import compare as run

        run(
            directory,
            by=by,
            metric=metric,
            allow=allow or [],
            output=output,
            size=parse_size(size),
            rounds=rounds,
            tensorboard=tensorboard,
        )


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint, or the run directory that holds it.")],
    format: Annotated[str, typer.Option(help="onnx, torch-export, openvino or safetensors.")] = "onnx",
    to: Annotated[
        Path | None, typer.Option(help="The file or folder to write; beside the checkpoint by default.")
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="What it gives: logits, probabilities (default) or classes.")
    ] = None,
    fold: Annotated[bool, typer.Option(help="Rewrite the network into an equal one that computes less.")] = True,
    precision: Annotated[str, typer.Option(help="float32 or bfloat16.")] = "float32",
    int8: Annotated[bool, typer.Option("--int8", help="8-bit integers, calibrated on training images.")] = False,
    images: Annotated[
        list[str] | None, typer.Option(help="Image files to check with; test images of the data set by default.")
    ] = None,
) -> None:
    """A checkpoint for other runtimes: raw pixels of any size in, classes out. Checked before it is kept."""
    with mistakes_in_one_line():
        from unetlite.export.command import export as run

        run(
            checkpoint,
            format=format,
            to=to,
            output=output,
            folded=fold,
            precision=precision,
            int8=int8,
            images=images or [],
        )


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="A checkpoint, or anything that `unetlite export` wrote.")],
    inputs: Annotated[list[str], typer.Argument(help="Image files, folders, or patterns such as 'images/*.png'.")],
    output: Annotated[Path, typer.Option(help="A new folder: masks/, overlays/, predictions.csv.")],
    overlays: Annotated[bool, typer.Option(help="Images tinted by class.")] = True,
    probabilities: Annotated[bool, typer.Option("--probabilities", help="Also as TIFF of 16-bit floats.")] = False,
    flips: Annotated[bool, typer.Option("--flips", help="Average over mirror images, four times the work.")] = False,
    truth: Annotated[Path | None, typer.Option(help="A folder of masks with the images' names; adds scores.")] = None,
    tile: Annotated[int, typer.Option(help="Pixels; larger images are predicted in tiles of this size.")] = 1536,
    overlap: Annotated[
        int | None, typer.Option(help="Of tiles, pixels; by default the receptive field and 32, up to half of a tile.")
    ] = None,
) -> None:
    """Masks, overlays and areas for image files of any size. Exit code 1 if some could not be read."""
    with mistakes_in_one_line():
        from unetlite.predict.command import predict as run

        code = run(
            model,
            inputs,
            output,
            overlays=overlays,
            probabilities=probabilities,
            flips=flips,
            truth=truth,
            tile=tile,
            overlap=overlap,
        )
    raise typer.Exit(code)


@app.command()
def demo(
    models: Annotated[list[Path], typer.Argument(help="Checkpoints, run directories or exports, to compare by eye.")],
    host: Annotated[str, typer.Option(help="Address to listen on; other machines reach 0.0.0.0.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 7860,
) -> None:
    """A web page on this machine: drop an image, see each model's mask and timing side by side."""
    with mistakes_in_one_line():
        from unetlite.demo import demo as run

        run(models, host=host, port=port)


def parse_size(size: str) -> tuple[int, int]:
    """Height and width of "128" or "96x128"."""
    parts = size.lower().split("x")
    if len(parts) > 2 or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise UsageError(f"--size {size}: expected a number of pixels such as 128, or height x width such as 96x128.")
    return int(parts[0]), int(parts[-1])
