"""What a finished run leaves and says."""

from collections.abc import Mapping
from math import isnan, nan
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from lightning.pytorch import Trainer
from rich import get_console
from rich.table import Table

from unetlite.files import shorten, write_csv
from unetlite.metrics.overlap import SegmentationScores
from unetlite.network.checkpoint import load_checkpoint, load_network
from unetlite.network.measures import parameters
from unetlite.settings import KEY, MAY_DIFFER
from unetlite.training.callbacks import Clock
from unetlite.training.run import RunDirectory
from unetlite.training.segmenter import Segmenter

SHOWN = ("test/miou", "test/dice", "test/boundary_iou_1px", "test/phase_ripple")  # in TensorBoard, of the test scores
COSTS = ("model/parameters", "train/seconds", "train/images_per_second")


def collect_metrics(run: RunDirectory, segmenter: Segmenter, clock: Clock) -> dict[str, float | None]:
    """Scores of test and validation images by the checkpoint that is judged, and the times; None for absent classes.

    Beside them, as test/miou_last and test/miou_best, those of the weights after the last step and of the best epoch.
    """
    # Computed again, since Lightning keeps float32 of what is logged.
    scores = {f"test/{name}": float(value) for name, value in segmenter.test_scores.compute().items()}
    scores["test/phase_ripple"] = float(segmenter.trainer.callback_metrics.get("test/phase_ripple", nan))
    scores |= load_checkpoint(run.judged)[KEY]["metrics"]
    for checkpoint in (run.last, run.best):
        judged = checkpoint == run.judged
        scores[f"test/miou_{checkpoint.stem}"] = scores["test/miou"] if judged else test_miou(checkpoint, segmenter)
    costs = {"model/parameters": parameters(segmenter.network), "train/seconds": clock.seconds}
    costs["train/images_per_second"] = clock.images / clock.training_seconds
    return {name: None if isnan(value) else value for name, value in scores.items()} | costs


@torch.inference_mode()
def test_miou(checkpoint: Path, segmenter: Segmenter) -> float:
    """The mean IoU of the test images by another checkpoint than the segmenter was tested with."""
    trainer: Any = segmenter.trainer
    network = load_network(checkpoint).eval().to(trainer.strategy.root_device).to(memory_format=torch.channels_last)
    scores = SegmentationScores(segmenter.classes)
    for image, mask in trainer.test_dataloaders:
        with trainer.precision_plugin.forward_context():
            scores.update(network(image.to(trainer.strategy.root_device)).argmax(1).cpu(), mask)
    return float(scores.compute()["miou"])


def write_tables(run: RunDirectory, segmenter: Segmenter, tested: Mapping[str, list[str]]) -> None:
    """`per_image.csv`, scores of each test image, and `counts.csv`, the pixels that the data set's are made of."""
    scores: Any = segmenter.test_scores
    metrics = {"overlap": scores["overlap"], "boundary_1px": scores["boundary_iou_1px"]}
    iou, dice = metrics["overlap"].per_image()  # (N, K)
    columns = {"miou": iou.nanmean(1), "dice": dice.nanmean(1)}  # over the classes that an image has
    columns["boundary_iou_1px"] = metrics["boundary_1px"].per_image()[0].nanmean(1)
    classes = list(enumerate(segmenter.classes))
    columns |= {f"iou/{label}": iou[:, k] for k, label in classes}
    columns |= {f"dice/{label}": dice[:, k] for k, label in classes}
    counts = {
        f"{name}/{kind}/{label}": metric.all_counts()[:, k, j]
        for name, metric in metrics.items()
        for k, label in classes
        for j, kind in enumerate(("tp", "fp", "fn"))
    }
    for path, written in ((run.per_image, columns), (run.counts, counts)):
        rows = zip(*tested.values(), *(column.tolist() for column in written.values()), strict=True)
        write_csv(path, [*tested, *written], rows)


def log_hyperparameters(trainer: Trainer, config: Mapping[str, Any], metrics: Mapping[str, float | None]) -> None:
    """Fills TensorBoard's HPARAMS tab: operator, seed and what was typed besides; then test scores and costs."""
    typed = dict(word.split("=", 1) for word in HydraConfig.get().overrides.task if "=" in word)
    varied = {key.lstrip("+"): value for key, value in typed.items() if key not in {*MAY_DIFFER, "seed", "upsample"}}
    operator = ", ".join(map(str, config["upsample"].values()))
    # TensorBoard sorts, and shows five at first: a space comes before the others.
    settings: dict[str, Any] = {" upsample": operator, " seed": str(config["seed"]), **varied}
    scores = {name: value for name in SHOWN if (value := metrics[name]) is not None}
    costs = {f"costs/{name.split('/')[1]}": value for name in COSTS if (value := metrics[name]) is not None}
    logger: Any = trainer.logger
    logger.log_hyperparams(settings, scores | costs)
    for name, value in scores.items():
        logger.experiment.add_scalar(name, value, trainer.global_step)


def print_results(run: RunDirectory, metrics: Mapping[str, float | None], classes: tuple[str, ...]) -> None:
    """A table of the test scores, where things lie, and the command to look at them."""

    def score(name: str) -> str:
        value = metrics[f"test/{name}"]
        return "absent" if value is None else f"{value:.4f}"

    table = Table("test images", "IoU", "Dice", title=str(shorten(run.path)))
    for label in classes:
        table.add_row(label, score(f"iou/{label}"), score(f"dice/{label}"))
    table.add_section()
    table.add_row("mean over classes", score("miou"), score("dice"), style="bold")
    table.add_row("mean over images", score("miou_per_image"), score("dice_per_image"))
    get_console().print(table)
    print(f"{metrics['train/seconds']:.0f} s of training, {metrics['train/images_per_second']:.0f} images/s")
    print(f"checkpoint        {shorten(run.judged)}")
    print(f"curves, pictures  tensorboard --logdir {shorten(run.path.parents[1])}")
