"""The LightningModule: loss, optimiser, scores, and what a checkpoint carries."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
import torch.nn.functional as F
from kornia.losses import dice_loss
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from unetlite.checkpoint import KEY
from unetlite.config import TrainerConfig
from unetlite.data.module import Batch
from unetlite.data.source import IGNORE
from unetlite.hardware import environment
from unetlite.metrics import BoundaryIoU, SegmentationScores, SurfaceDistances
from unetlite.seeding import derive_seed
from unetlite.unet import UNet


class Scores(nn.Module):
    """What is scored after every epoch: the overlap with the truth, and that of the boundaries alone."""

    def __init__(self, classes: Sequence[str]):
        super().__init__()
        self.overlap = SegmentationScores(classes)
        self.boundary_1px = BoundaryIoU(classes, 1)
        self.boundary_2pct = BoundaryIoU(classes, 0.02, relative=True)

    def update(self, prediction: Tensor, mask: Tensor) -> None:
        """Class indices (B, H, W), and the truth."""
        for metric in (self.overlap, self.boundary_1px, self.boundary_2pct):
            metric.update(prediction, mask)

    def compute(self) -> dict[str, Tensor]:
        """All scores by name."""
        return self.overlap.compute() | {
            "boundary_iou_1px": self.boundary_1px.compute(),
            "boundary_iou_2pct": self.boundary_2pct.compute(),
        }

    def reset(self) -> None:
        """Forgets what was counted."""
        for metric in (self.overlap, self.boundary_1px, self.boundary_2pct):
            metric.reset()


class Segmenter(LightningModule):
    """Trains a UNet on Batches of images and masks.

    Args:
        network: takes raw pixels, gives logits (B, K, H, W).
        classes, colours: names and RGB triples of the K classes.
        options: how to train.
        run_config: plain values, stored in the checkpoint.
    """

    def __init__(
        self,
        network: UNet,
        classes: Sequence[str],
        colours: Sequence[tuple[int, int, int]],
        options: TrainerConfig,
        run_config: Mapping[str, Any],
    ):
        super().__init__()
        self.network = network
        self.classes, self.colours = tuple(classes), tuple(colours)
        self.options, self.run_config = options, dict(run_config)
        self.val_scores, self.test_scores = Scores(classes), Scores(classes)
        self.surface = SurfaceDistances(classes)

    def forward(self, image: Tensor) -> Tensor:
        return self.network(image)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        # What a network draws in a step, as in stochastic pooling, is the same after an interruption.
        torch.manual_seed(derive_seed(self.run_config["seed"], "step", self.global_step))
        loss, _ = self._loss(batch, "train")
        self.log("train/loss_epoch", loss, on_step=False, on_epoch=True, batch_size=len(batch.mask))
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._evaluate(batch, "val", self.val_scores)

    def test_step(self, batch: Batch, batch_idx: int) -> Tensor:
        logits = self._evaluate(batch, "test", self.test_scores)
        self.surface.update(logits.argmax(1), batch.mask)
        return logits

    def on_validation_epoch_end(self) -> None:
        self._log_scores("val", self.val_scores)

    def on_test_epoch_end(self) -> None:
        self._log_scores("test", self.test_scores)
        dice, distance = self.surface.compute()
        self.log_dict({"test/surface_dice_1px": dice.float(), "test/hausdorff95": distance.float()})

    def _loss(self, batch: Batch, stage: str) -> tuple[Tensor, Tensor]:
        logits = self.network(batch.image).float()  # (B, K, H, W)
        mask = batch.mask.long()
        # A batch can be ignored altogether; the mean over no pixel would be NaN.
        labelled = (mask != IGNORE).sum().clamp(min=1)
        cross_entropy = F.cross_entropy(logits, mask, ignore_index=IGNORE, reduction="sum") / labelled
        dice = dice_loss(logits, mask, average="macro", ignore_index=IGNORE)
        loss = cross_entropy + self.options.dice_weight * dice
        self.log_dict(
            {f"{stage}/loss": loss, f"{stage}/cross_entropy": cross_entropy, f"{stage}/dice_loss": dice},
            batch_size=len(mask),
        )
        return loss, logits

    def _evaluate(self, batch: Batch, stage: str, scores: "Scores") -> Tensor:
        _, logits = self._loss(batch, stage)
        scores.update(logits.argmax(1), batch.mask)
        return logits

    def _log_scores(self, stage: str, scores: "Scores") -> None:
        # A class that is absent from truth and prediction has no score, and no curve.
        self.log_dict(
            {f"{stage}/{name}": value.float() for name, value in scores.compute().items() if not value.isnan()}
        )

    def on_validation_epoch_start(self) -> None:
        self.val_scores.reset()

    def on_test_epoch_start(self) -> None:
        self.test_scores.reset()  # and kept afterwards, for the scores per image
        self.surface.reset()

    def configure_optimizers(self) -> Any:
        options = self.options
        optimizer = torch.optim.AdamW(
            self.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay, fused=True
        )
        steps = int(self.trainer.estimated_stepping_batches)
        if options.schedule == "onecycle":
            scheduler: Any = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.learning_rate, total_steps=steps)
        else:
            scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        # Lightning refuses to clip with mixed precision and a fused optimiser, for the sake of float16's loss scaling,
        # which bfloat16 does not need.
        if gradient_clip_val:
            torch.nn.utils.clip_grad_norm_(self.parameters(), gradient_clip_val)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        scores = {f"val/{name}": float(value) for name, value in self.val_scores.compute().items()}
        checkpoint[KEY] = {
            "network": asdict(self.network.config),
            "classes": list(self.classes),
            "colours": [list(colour) for colour in self.colours],
            "config": self.run_config,
            "environment": environment(),
            "metrics": {**scores, "val/loss": float(self.trainer.callback_metrics["val/loss"])},
        }
