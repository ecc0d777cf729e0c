"""What a finished run leaves and prints."""

from math import isnan, nan
from typing import Any

from lightning.pytorch import Trainer
from rich import get_console
from rich.table import Table
from rich.text import Text
from torch.utils.tensorboard.summary import hparams

from unetlite.checkpoint import load_checkpoint
from unetlite.files import relative_path, shell_path
from unetlite.network.complexity import count_parameters
from unetlite.run_directory import RunDirectory
from unetlite.settings.schema import METADATA_KEY, NON_RESULT_KEYS, Settings
from unetlite.training.callbacks import Clock, writer
from unetlite.training.segmenter import Segmenter

BOARD_COLUMNS = {
    "  test mIoU": "test/miou",
    " parameters": "model/parameters",
    " train seconds": "train/seconds",
    "test Dice": "test/dice",
    "test boundary IoU": "test/boundary_iou_1px",
    "test ripple": "test/phase_ripple",
    "images per second": "train/images_per_second",
}
"""Of TensorBoard's HPARAMS. It sorts, and shows five at first: spaces come before the others."""

BOARD_SCORE = "score/miou"
"""The curve whose last value HPARAMS shows as the score."""

Metrics = dict[str, float | None]


def collect_metrics(run: RunDirectory, segmenter: Segmenter, clock: Clock) -> Metrics:
    """Scores of test and validation images by the tested checkpoint, and times.

    None for an absent class. With test=false there are none of test images.
    """
    scores: dict[str, float] = {}
    if segmenter.settings.test:
        scores = collect_test_scores(segmenter)
    scores.update(load_checkpoint(run.test_checkpoint)[METADATA_KEY]["metrics"])
    metrics: Metrics = {}
    for name, value in scores.items():
        metrics[name] = None if isnan(value) else value
    metrics["model/parameters"] = count_parameters(segmenter.network)
    metrics["train/seconds"] = clock.seconds
    metrics["train/images_per_second"] = clock.images / clock.training_seconds
    return metrics


def collect_test_scores(segmenter: Segmenter) -> dict[str, float]:
    """Scores of test images by the tested checkpoint."""
    scores = {}
    # Computed again, since Lightning keeps float32 of what is logged.
    for name, value in segmenter.test_scores.compute().items():
        scores[f"test/{name}"] = float(value)
    ripple = segmenter.trainer.callback_metrics.get("test/phase_ripple", nan)
    scores["test/phase_ripple"] = float(ripple)
    return scores


def log_hyperparameters(trainer: Trainer, settings: Settings, metrics: Metrics) -> None:
    """Fills TensorBoard's HPARAMS: operator, seed, test scores and costs, and other overrides.

    Test scores and costs are columns and not scalars, of which each would be a chart of one dot.
    """
    operator = ", ".join(map(str, settings.upsample.values()))
    columns: dict[str, Any] = {"   upsample": operator, "  seed": str(settings.seed)}
    for title, name in BOARD_COLUMNS.items():
        if metrics.get(name) is not None:
            columns[title] = metrics[name]
    for override in settings.overrides:
        key, separator, value = override.lstrip("+").partition("=")
        if separator and key not in NON_RESULT_KEYS and key not in ("seed", "upsample"):
            columns[key] = value
    file_writer = writer(trainer)._get_file_writer()
    for summary in hparams(columns, {BOARD_SCORE: 0}):
        file_writer.add_summary(summary)


def print_results(run: RunDirectory, metrics: Metrics, classes: tuple[str, ...]) -> None:
    """Prints the scores, where the files are, and the command to look at them."""
    tests = run.settings.test
    stage, images = ("test", "test images") if tests else ("val", "validation images")

    def score(name: str) -> str:
        value = metrics[f"{stage}/{name}"]
        return "absent" if value is None else f"{value:.4f}"

    headings = {"iou": "IoU", "dice": "Dice"}
    if tests:
        headings |= {"recall_2px": "recall, 2 px", "precision_2px": "precision, 2 px"}
    table = Table(
        images,
        *headings.values(),
        title=Text(str(relative_path(run.path))),
    )
    for label in classes:
        table.add_row(label, *(score(f"{kind}/{label}") for kind in headings))
    table.add_section()
    table.add_row(
        "mean over classes",
        score("miou"),
        score("dice"),
        style="bold",
    )
    table.add_row("mean over images", score("miou_per_image"), score("dice_per_image"))
    get_console().print(table)
    seconds, rate = metrics["train/seconds"], metrics["train/images_per_second"]
    print(f"{seconds:.0f} s of training, {rate:.0f} images/s")
    print(f"checkpoint        {relative_path(run.test_checkpoint)}")
    print(f"curves, pictures  unetlite board {shell_path(run.path.parents[1])}")
