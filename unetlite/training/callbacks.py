"""What happens around the training steps: log, clock, pictures, signals, ripple."""

import logging
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from unetlite.data.cache import Batch
from unetlite.data.samples import spread_positions
from unetlite.errors import Interrupted, RunFailed
from unetlite.metrics.overlap import SegmentationScores
from unetlite.metrics.ripple import PhaseRipple
from unetlite.network.complexity import count_parameters
from unetlite.seeding import derive_seed
from unetlite.signals import raise_on_signal
from unetlite.tables import write_csv
from unetlite.training.segmenter import Segmenter
from unetlite.visualize import error_legend, error_pictures, picture_grid, rarest_class

log = logging.getLogger("unetlite")

PICTURES = 5  # validation images in TensorBoard


def writer(trainer: Trainer) -> SummaryWriter:
    """The writer of a run's TensorBoard events."""
    assert isinstance(trainer.logger, TensorBoardLogger)
    return trainer.logger.experiment


class KeptCallback(Callback):
    """A callback whose attributes `kept` are in checkpoints, and go on after an interruption."""

    kept: tuple[str, ...]

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for name in self.kept:
            setattr(self, name, state_dict[name])


class RunLog(Callback):
    """Logs what is trained on what, and a line an epoch. TensorBoard gets the configuration."""

    def on_fit_start(self, trainer: Trainer, pl_module: Any) -> None:
        dataset = pl_module.dataset
        millions = count_parameters(pl_module.network) / 1e6
        images = [f"{len(split)} {name}" for name, split in dataset.splits.items()]
        log.info(
            f"{millions:.2f} M parameters in {trainer.precision} on {pl_module.device}; "
            f"images: {', '.join(images)}; classes: {', '.join(dataset.classes)}"
        )
        if pl_module.device.type != "cpu":
            log.info(
                "on this device sums are taken in any order: "
                "the same seed repeats a run but for the last digits"
            )
        counts = dataset.splits["train"].labels
        unseen = [name for k, name in enumerate(dataset.classes) if counts[k] == 0]
        if unseen:
            log.info(
                f"warning: no training mask has the class {', '.join(unseen)}, "
                "so it cannot be learnt"
            )
        if trainer.ckpt_path is None:  # else TensorBoard has it from before the interruption
            config = yaml.safe_dump(pl_module.settings.as_dict(), sort_keys=False)
            lines = [f"    {line}\n" for line in config.splitlines()]  # Markdown's code block
            writer(trainer).add_text("configuration", "".join(lines))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        values = trainer.callback_metrics
        log.info(
            f"epoch {trainer.current_epoch + 1:3d}   step {trainer.global_step:5d}   "
            f"train loss {values['train/loss_epoch']:.4f}   "
            f"val loss {values['val/loss']:.4f}   val mIoU {values['val/miou']:.4f}"
        )


class EpochLoss(KeptCallback):
    """Logs the mean training loss of each epoch, through interruptions.

    Lightning's own mean would be that of the steps after a resume.
    """

    kept = ("sum", "crops")

    def __init__(self) -> None:
        self.sum: float | Tensor = 0.0  # of the loss of each crop; on the device while it trains
        self.crops = 0

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: Any,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        if batch_idx == 0:
            self.sum = 0.0
            self.crops = 0
        crops = len(batch.mask)
        self.sum = self.sum + crops * outputs["loss"].detach()
        self.crops += crops

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        if self.crops > 0:
            pl_module.log("train/loss_epoch", self.sum / self.crops)

    def state_dict(self) -> dict[str, Any]:
        return {"sum": float(self.sum), "crops": self.crops}


class OnlyFinite(Callback):
    """Ends a run whose loss or weights are not finite, before they are saved or scored."""

    def __init__(self, checkpoint: Path):
        self.checkpoint = checkpoint

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Tensor) -> None:
        if not loss.isfinite():
            images = ", ".join(trainer.datamodule.images_of_step(trainer.global_step))
            self.fail(trainer, f"the training loss is {loss.item()}, of the images {images}")

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        stage = "test" if trainer.testing else "val"
        loss = trainer.callback_metrics[f"{stage}/loss"]
        if not loss.isfinite():
            self.fail(trainer, f"the {stage} loss is {float(loss)}")
        for name, value in pl_module.network.state_dict().items():
            if not value.isfinite().all():
                self.fail(trainer, f"the weights {name} are not finite")

    on_test_end = on_validation_end

    def fail(self, trainer: Trainer, reason: str) -> None:
        checkpoint = "nothing was saved yet"
        if self.checkpoint.exists():
            checkpoint = f"the last good checkpoint is {self.checkpoint}"
        raise RunFailed(
            f"{reason}, at step {trainer.global_step}; {checkpoint}. "
            "Take a lower trainer.learning_rate, or look at the images."
        )


class ValidationPictures(Callback):
    """The same validation images with truth, prediction and error: a few times, and at the end."""

    @torch.no_grad()
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        epoch = trainer.current_epoch
        epochs = trainer.max_epochs or 1
        is_last = epoch + 1 >= epochs or trainer.should_stop
        if epoch % max(1, epochs // 4) == 0 or is_last:
            grid = self.draw(trainer, pl_module)
            writer(trainer).add_image(
                "val/pictures",
                grid,
                trainer.global_step,
                dataformats="HWC",
            )

    def draw(self, trainer: Trainer, pl_module: Segmenter) -> np.ndarray:
        """RGB uint8 (H, W, 3): a row for each of up to PICTURES images."""
        split = pl_module.dataset.splits["val"]
        focus = rarest_class(split.labels[: len(pl_module.classes)])
        rows = {}
        for index in spread_positions(len(split), PICTURES):
            image, mask = split[split.full_crop(index)]
            with trainer.precision_plugin.forward_context():
                logits = pl_module(image[None].to(pl_module.device))
            prediction = logits.argmax(1).cpu()  # (1, H, W)
            score = SegmentationScores(pl_module.classes)
            score.update(prediction, mask[None])
            caption = f"{split.names[index]}   mIoU {score.compute()['miou']:.3f}"
            classes = prediction[0].byte().numpy()
            rows[caption] = error_pictures(
                pl_module.dataset.display.rgb(image.numpy()),
                mask.numpy(),
                classes,
                pl_module.colours,
                focus,
            )
        legend = dict(zip(pl_module.classes, pl_module.colours, strict=True))
        return picture_grid(rows, legend, errors=error_legend(pl_module.classes, focus))


class Clock(KeptCallback):
    """How long training takes, without interruptions."""

    kept = ("seconds", "training_seconds", "images")

    def __init__(self) -> None:
        self.seconds = 0.0  # from the first step to the end of the last validation
        self.training_seconds = 0.0  # of the steps alone, with data and logging
        self.images = 0  # trained on

    def on_train_start(self, *_: Any) -> None:
        self._since = time.perf_counter()

    def on_validation_end(self, *_: Any) -> None:
        self._advance()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: Any,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        self.training_seconds += self._advance()
        self.images += len(batch.mask)

    def _advance(self) -> float:
        now = time.perf_counter()
        elapsed = now - self._since
        self._since = now
        self.seconds += elapsed
        return elapsed


class ScoreCurve(KeptCallback):
    """Writes the validation score after each epoch to a table, through interruptions."""

    kept = ("points",)

    def __init__(self, file: Path):
        self.file = file
        self.points: list[tuple[int, float]] = []  # step and mean IoU

    def on_validation_end(self, trainer: Trainer, *_: Any) -> None:
        score = trainer.callback_metrics.get("val/miou")
        if score is not None:
            self.points.append((trainer.global_step, float(score)))
            write_csv(self.file, ["step", "miou"], self.points)


class StopOnSignal(Checkpoint):  # Lightning calls checkpoints after all other callbacks
    """After a signal to stop, saves at the end of the step and raises Interrupted.

    A second signal raises it at once.
    """

    def __init__(self, checkpoint: Path):
        self.checkpoint = checkpoint
        self.number = 0  # of the signal
        self.signals = ExitStack()

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        self.signals.enter_context(raise_on_signal(self.remember))

    def remember(self, number: int, frame: object) -> None:
        if self.number:
            raise Interrupted(number)
        self.number = number

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
        if not self.number:
            return
        if trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            return  # the validation that follows saves
        trainer.save_checkpoint(self.checkpoint)
        self.on_validation_end(trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        if self.number:
            command = "the same command"
            if pl_module.settings.resume != "auto":
                command += " with resume=auto"  # which a sweep takes, too
            note = f" at step {trainer.global_step}; {command} goes on from there"
            raise Interrupted(self.number, note)

    def on_train_end(self, *_: Any) -> None:
        self.signals.close()

    on_exception: Any = on_train_end


class EndAfterSteps(Callback):
    """Validates, saves and ends after `steps`.

    With Lightning's own `max_steps`, a run that goes on ends its epoch again.
    """

    def __init__(self, steps: int):
        self.steps = steps

    def on_train_start(self, trainer: Trainer, *_: Any) -> None:
        trainer.should_stop = trainer.global_step >= self.steps

    on_train_batch_end: Any = on_train_start


class RippleProbe(Callback):
    """The ripple that the decoder adds to the logits of test images, each shifted at random."""

    def on_test_start(self, trainer: Trainer, pl_module: Any) -> None:
        config = pl_module.network.config
        self.stride = config.stride
        # It is kept on the CPU, since Apple's GPUs have no float64.
        self.ripple = PhaseRipple(self.stride, config.num_classes, margin=self.stride)

    def on_test_batch_end(  # type: ignore[override]
        self,
        trainer: Trainer,
        pl_module: Segmenter,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        *_: int,
    ) -> None:
        generator = torch.Generator().manual_seed(derive_seed("shift", batch_idx, 0))
        images = shift_randomly(batch.image, self.stride, generator)
        with trainer.precision_plugin.forward_context():
            logits = pl_module(images)
        self.ripple.update(logits.float().cpu())

    def on_test_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        value = self.ripple.compute()
        if not value.isnan():
            pl_module.log("test/phase_ripple", value.float())


def shift_randomly(images: Tensor, stride: int, generator: torch.Generator) -> Tensor:
    """Each image (B, C, H, W) without up to `stride - 1` rows and columns, at a random place."""
    height = max(1, images.shape[-2] - stride + 1)
    width = max(1, images.shape[-1] - stride + 1)
    crops = []
    for image in images:
        top = int(torch.randint(image.shape[-2] - height + 1, (), generator=generator))
        left = int(torch.randint(image.shape[-1] - width + 1, (), generator=generator))
        crops.append(image[:, top : top + height, left : left + width])
    return torch.stack(crops)
