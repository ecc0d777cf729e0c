"""The LightningModule: loss, optimiser, scores, and what a checkpoint carries."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
import torch.nn.functional as F
from kornia.losses import dice_loss
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.optim.lr_scheduler import OneCycleLR
from torchmetrics import MetricCollection

from unetlite.classes import IGNORE
from unetlite.data.cache import Batch, Store
from unetlite.hardware import environment
from unetlite.metrics.boundary import BoundaryIoU
from unetlite.metrics.overlap import SegmentationScores
from unetlite.network.unet import UNet
from unetlite.seeding import derive_seed
from unetlite.settings import KEY, TrainerOptions


def make_scores(classes: Sequence[str]) -> MetricCollection:
    """What is scored after every epoch: the overlap with the truth, and that of the boundaries alone."""
    metrics: Any = {"overlap": SegmentationScores(classes), "boundary_iou_1px": BoundaryIoU(classes, width=1)}
    return MetricCollection(metrics, compute_groups=False)


class Segmenter(LightningModule):
    """Trains a UNet, raw pixels to logits (B, K, H, W), on Batches; `run_config`, plain values, is checkpointed."""

    def __init__(self, network: UNet, store: Store, options: TrainerOptions, run_config: Mapping[str, Any]):
        super().__init__()
        self.network, self.store, self.options, self.run_config = network, store, options, dict(run_config)
        self.classes, self.colours = store.classes, store.colours
        self.val_scores, self.test_scores = make_scores(store.classes), make_scores(store.classes)

    def forward(self, image: Tensor) -> Tensor:
        return self.network(image)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        # What a network draws in a step, as in stochastic pooling, is the same after an interruption.
        torch.manual_seed(derive_seed(self.run_config["seed"], "step", self.global_step))
        loss, _ = self._loss(batch, "train")
        self.log("train/loss_epoch", loss, on_step=False, on_epoch=True, batch_size=len(batch.mask))
        return loss

    @property
    def _evaluated(self) -> tuple[str, MetricCollection]:
        return ("test", self.test_scores) if self.trainer.testing else ("val", self.val_scores)

    def on_validation_epoch_start(self) -> None:
        self._evaluated[1].reset()  # and kept afterwards, for checkpoints and the scores per image

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        stage, scores = self._evaluated
        _, logits = self._loss(batch, stage)
        scores.update(logits.argmax(1), batch.mask)

    def on_validation_epoch_end(self) -> None:
        stage, scores = self._evaluated
        # A class that is absent from truth and prediction has no score, and no curve.
        values = {f"{stage}/{name}": value.float() for name, value in scores.compute().items()}
        self.log_dict({name: value for name, value in values.items() if not value.isnan()})

    on_test_epoch_start = on_validation_epoch_start
    test_step = validation_step
    on_test_epoch_end = on_validation_epoch_end

    def _loss(self, batch: Batch, stage: str) -> tuple[Tensor, Tensor]:
        logits = self.network(batch.image).float()  # (B, K, H, W)
        mask = batch.mask.long()
        # A batch can be ignored altogether; the mean over no pixel would be NaN.
        labelled = (mask != IGNORE).sum().clamp(min=1)
        cross_entropy = F.cross_entropy(logits, mask, ignore_index=IGNORE, reduction="sum") / labelled
        dice = dice_loss(logits, mask, average="macro", ignore_index=IGNORE)
        loss = cross_entropy + self.options.dice_weight * dice
        parts = {"loss": loss, "cross_entropy": cross_entropy, "dice_loss": dice}
        self.log_dict({f"{stage}/{name}": value for name, value in parts.items()}, batch_size=len(mask))
        return loss, logits

    def configure_optimizers(self) -> Any:
        rate, decay = self.options.learning_rate, self.options.weight_decay
        optimizer = torch.optim.AdamW(self.parameters(), lr=rate, weight_decay=decay, fused=True)
        steps = int(self.trainer.estimated_stepping_batches)
        steps = min(steps, self.options.max_steps) if self.options.max_steps > 0 else steps
        scheduler = OneCycleLR(optimizer, rate, total_steps=steps)
        schedule = {"scheduler": scheduler, "interval": "step", "name": "train/learning_rate"}
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        # Lightning's Trainer refuses to clip with mixed precision and a fused optimiser, for the sake of float16's loss
        # scaling, which bfloat16 does not need.
        if self.options.gradient_clip:
            torch.nn.utils.clip_grad_norm_(self.parameters(), self.options.gradient_clip)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        validated = self.trainer.callback_metrics.get("val/loss")  # None before the first validation
        scores = {} if validated is None else {f"val/{k}": float(v) for k, v in self.val_scores.compute().items()}
        checkpoint[KEY] = {
            "network": asdict(self.network.config),
            "classes": list(self.classes),
            "colours": [list(colour) for colour in self.colours],
            "config": self.run_config,
            "environment": environment(),
            "metrics": {**scores, **({} if validated is None else {"val/loss": float(validated)})},
        }
