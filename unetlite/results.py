"""What a finished run leaves and says."""

import os
from math import isnan, nan
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from torch import Tensor

from unetlite.callbacks import Clock, writer
from unetlite.checkpoint import KEY, load_checkpoint
from unetlite.metrics import RadialSpectrum
from unetlite.run import RunDirectory
from unetlite.segmenter import Segmenter

LOGGED_BY_TEST = ("test/surface_dice_1px", "test/hausdorff95", "test/phase_ripple", "init/phase_ripple")


def collect_metrics(run: RunDirectory, segmenter: Segmenter, trainer: Trainer, clock: Clock) -> dict[str, float | None]:
    """Scores of the test and, at the best epoch, of the validation images, and the times; None for absent classes."""
    # In the test Lightning has float32 of them; the scores are kept in full.
    logged = {name: float(value) for name, value in trainer.callback_metrics.items() if name in LOGGED_BY_TEST}
    test = {f"test/{name}": float(value) for name, value in segmenter.test_scores.compute().items()}
    test["test/boundary_iou_2pct_width"] = float(segmenter.test_scores.boundary_2pct.widths().cpu().double().mean())
    scores = {**test, **dict.fromkeys(LOGGED_BY_TEST, nan), **logged, **load_checkpoint(run.best)[KEY]["metrics"]}
    parameters = sum(parameter.numel() for parameter in segmenter.network.parameters())
    return {
        **{name: None if isnan(value) else value for name, value in scores.items()},
        "model/parameters": parameters,
        "train/seconds": clock.seconds,
        "train/images_per_second": clock.images_per_second,
    }


def per_image_columns(segmenter: Segmenter) -> dict[str, Tensor]:
    """The columns of `per_image.csv`: means over the classes that an image has, then every class."""
    scores = segmenter.test_scores
    iou, dice = scores.overlap.per_image()  # (N, K)
    surface_dice, hausdorff = segmenter.surface.per_image()
    columns = {
        "miou": iou.nanmean(1),
        "dice": dice.nanmean(1),
        "boundary_iou_1px": scores.boundary_1px.per_image().nanmean(1),
        "boundary_iou_2pct": scores.boundary_2pct.per_image().nanmean(1),
        "surface_dice_1px": surface_dice.nanmean(1),
        "hausdorff95": hausdorff.nanmean(1),
        "boundary_iou_2pct_width": scores.boundary_2pct.widths(),
    }
    for name, values in (("iou", iou), ("dice", dice)):
        columns |= {f"{name}/{label}": values[:, k] for k, label in enumerate(segmenter.classes)}
    return columns


def count_columns(segmenter: Segmenter) -> dict[str, Tensor]:
    """The columns of `counts.csv`: the pixels that the scores of the whole data set are made of."""
    scores = segmenter.test_scores
    metrics = {"overlap": scores.overlap, "boundary_1px": scores.boundary_1px, "boundary_2pct": scores.boundary_2pct}
    return {
        f"{name}/{kind}/{label}": counts[:, k, j]
        for name, counts in ((name, metric.all_counts()) for name, metric in metrics.items())
        for k, label in enumerate(segmenter.classes)
        for j, kind in enumerate(("tp", "fp", "fn"))
    }


def spectrum_columns(spectrum: RadialSpectrum) -> dict[str, Tensor]:
    """The columns of `spectrum.csv`: the share of the power, of the logits and of the truth, by frequency."""
    logits, truth = spectrum.compute()
    return {"cycles_per_pixel": spectrum.frequencies(), "logits": logits, "truth": truth}


def log_hyperparameters(trainer: Trainer, config: dict[str, Any], metrics: dict[str, float | None]) -> None:
    """Fills TensorBoard's HPARAMS tab, where runs can be sorted by their test scores."""
    # The tab sorts by name and first shows five: what is compared comes before the rest.
    hparams = {key: ", ".join(map(str, config[key].values())) for key in ("upsample", "downsample")}
    hparams |= {"data": config["data"]["name"], "seed": config["seed"]}
    rest = {**config["model"], **config["trainer"], "batch_size": config["data"]["batch_size"]}
    hparams |= {f"with/{key}": value for key, value in rest.items()}
    plain = {key: value if isinstance(value, (bool, int, float)) else str(value) for key, value in hparams.items()}
    scores = {name: value for name, value in metrics.items() if value is not None and not name.startswith("val/")}
    # "." is the run itself; by default the tab would show a second run beside it.
    writer(trainer).add_hparams(plain, scores, run_name=".", global_step=trainer.global_step)


def print_results(run: RunDirectory, metrics: dict[str, float | None], classes: tuple[str, ...]) -> None:
    """A table of the test scores, where things lie, and the command to look at them."""
    from rich import get_console
    from rich.table import Table

    def score(name: str) -> str:
        value = metrics[f"test/{name}"]
        return "absent" if value is None else f"{value:.4f}"

    table = Table("test images", "IoU", "Dice", title=str(shorten(run.path)))
    for label in classes:
        table.add_row(label, score(f"iou/{label}"), score(f"dice/{label}"))
    table.add_section()
    table.add_row("mean over classes", score("miou"), score("dice"), style="bold")
    table.add_row("mean over images", score("miou_per_image"), score("dice_per_image"))
    console = get_console()
    console.print(table)
    console.print(
        f"{metrics['train/seconds']:.0f} s of training, {metrics['train/images_per_second']:.0f} images/s\n"
        f"best checkpoint   {shorten(run.best)}\n"
        f"curves, pictures  tensorboard --logdir {shorten(run.path.parents[1])}",
        highlight=False,
        soft_wrap=True,
    )


def shorten(path: Path) -> Path:
    """Relative to the working directory if it is below it."""
    return path.relative_to(os.getcwd()) if path.is_relative_to(os.getcwd()) else path
