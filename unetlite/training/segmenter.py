"""The LightningModule: loss, optimiser, scores, and what a checkpoint carries."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch
import torch.nn.functional as F
from kornia.losses import dice_loss
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor
from torch.optim.lr_scheduler import OneCycleLR
from torchmetrics import MetricCollection

from unetlite.classes import IGNORE
from unetlite.data.cache import Batch, DecodedDataset
from unetlite.device import environment
from unetlite.metrics.boundary import BoundaryIoU
from unetlite.metrics.overlap import SegmentationScores
from unetlite.metrics.tolerance import NearMatches
from unetlite.network.names import upgrade_names
from unetlite.network.unet import UNet
from unetlite.seeding import derive_seed
from unetlite.settings.schema import METADATA_KEY, Settings, TrainerOptions


def make_scores(classes: Sequence[str]) -> MetricCollection:
    """The scores after every epoch: the overlap with the truth, and that of boundaries."""
    metrics: Any = {
        "overlap": SegmentationScores(classes),
        "boundary_iou_1px": BoundaryIoU(classes, width=1),
    }
    return MetricCollection(metrics, compute_groups=False)


def total_steps(trainer: Trainer, options: TrainerOptions) -> int:
    """The steps of a whole training, as Lightning counts them and as max_steps ends it."""
    steps = int(trainer.estimated_stepping_batches)
    if options.max_steps > 0:
        steps = min(steps, options.max_steps)
    return steps


class Segmenter(LightningModule):
    """Trains a UNet on Batches: raw pixels (B, C, H, W) in, logits (B, K, H, W) out."""

    def __init__(self, network: UNet, dataset: DecodedDataset, settings: Settings):
        super().__init__()
        self.network = network
        self.dataset = dataset
        self.settings = settings
        self.environment = {**environment(), "data_hash": dataset.content_hash}
        self.classes = dataset.classes
        self.colours = dataset.colours
        self.val_scores = make_scores(dataset.classes)
        self.test_scores = make_scores(dataset.classes)
        self.test_scores.add_metrics({"near_2px": NearMatches(dataset.classes, width=2)})

    def forward(self, image: Tensor) -> Tensor:
        return self.network(image)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        # What a network draws in a step, as in stochastic pooling, is the same after a resume.
        torch.manual_seed(derive_seed(self.settings.seed, "step", self.global_step))
        logits = self.network(batch.image).float()  # (B, K, H, W)
        return self._loss(logits, batch.mask, "train")

    @property
    def _stage(self) -> str:
        return "test" if self.trainer.testing else "val"

    @property
    def _scores(self) -> MetricCollection:
        return self.test_scores if self.trainer.testing else self.val_scores

    def on_validation_epoch_start(self) -> None:
        # Scores are kept after an epoch, for checkpoints and the tables of images.
        self._scores.reset()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        logits = self.network(batch.image).float()  # (B, K, H, W)
        self._loss(logits, batch.mask, self._stage)
        self._scores.update(logits.argmax(1), batch.mask)

    def on_validation_epoch_end(self) -> None:
        for name, value in self._scores.compute().items():
            if not value.isnan():  # NaN: the class is absent from truth and prediction
                self.log(f"{self._stage}/{name}", value.float())

    on_test_epoch_start = on_validation_epoch_start
    test_step = validation_step
    on_test_epoch_end = on_validation_epoch_end

    def _loss(self, logits: Tensor, mask: Tensor, stage: str) -> Tensor:
        """Cross-entropy plus the weighted Dice loss of logits (B, K, H, W) and a mask (B, H, W)."""
        target = mask.long()
        # A batch can be ignored altogether; the mean over no pixel would be NaN.
        labelled = (target != IGNORE).sum().clamp(min=1)
        summed = F.cross_entropy(
            logits,
            target,
            ignore_index=IGNORE,
            reduction="sum",
        )
        cross_entropy = summed / labelled
        dice = dice_loss(logits, target, average="macro", ignore_index=IGNORE)
        loss = cross_entropy + self.settings.trainer.dice_weight * dice
        parts = {
            f"{stage}/loss": loss,
            f"{stage}/cross_entropy": cross_entropy,
            f"{stage}/dice_loss": dice,
        }
        self.log_dict(parts, batch_size=len(mask))
        return loss

    def configure_optimizers(self) -> Any:
        options = self.settings.trainer
        groups = self._parameter_groups()
        optimizer = torch.optim.AdamW(
            groups,
            lr=options.learning_rate,
            weight_decay=options.weight_decay,
            fused=True,
        )
        rates = [group["lr"] for group in groups]
        scheduler = OneCycleLR(optimizer, rates, total_steps=total_steps(self.trainer, options))
        schedule = {"scheduler": scheduler, "interval": "step", "name": "train/learning_rate"}
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """What is trained, with its highest learning rate: an encoder of timm has its own."""
        rate = self.settings.trainer.learning_rate
        encoder = self.settings.model.encoder
        if encoder is None:
            return [{"params": list(self.parameters()), "lr": rate}]
        rates: dict[str, list[Tensor]] = {"encoder": [], "rest": []}
        for name, parameter in self.network.named_parameters():
            if parameter.requires_grad:
                group = "encoder" if name.startswith("encoder.body.") else "rest"
                rates[group].append(parameter)
        groups = [{"params": rates["rest"], "lr": rate}]
        if not encoder.frozen:
            rate = encoder.learning_rate_factor * rate
            groups.append({"params": rates["encoder"], "lr": rate, "name": "encoder"})
        return groups

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        # Lightning refuses to clip with mixed precision and a fused optimiser, for the sake of
        # float16's loss scaling, which bfloat16 does not need.
        limit = self.settings.trainer.gradient_clip
        if limit > 0:
            torch.nn.utils.clip_grad_norm_(self.parameters(), limit)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["state_dict"] = upgrade_names(checkpoint["state_dict"], "network.")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        metrics = {}
        loss = self.trainer.callback_metrics.get("val/loss")
        if loss is not None:  # None before the first validation
            for name, value in self.val_scores.compute().items():
                metrics[f"val/{name}"] = float(value)
            metrics["val/loss"] = float(loss)
        display = self.dataset.display
        checkpoint[METADATA_KEY] = {
            "network": asdict(self.network.config),
            "classes": list(self.classes),
            "mask_values": self.trainer.datamodule.mask_values,  # type: ignore[attr-defined]
            "colours": [list(colour) for colour in self.colours],
            "display_channels": list(display.channels),
            "value_range": [list(display.low), list(display.high)],
            "config": self.settings.as_dict(),
            "environment": self.environment,
            "metrics": metrics,
        }
