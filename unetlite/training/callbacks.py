"""What happens around the training steps: pictures, the log, the clock, the last validation."""

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
from unetlite.errors import Failure, Stopped, raising_stopped
from unetlite.metrics.overlap import SegmentationScores
from unetlite.metrics.ripple import PhaseRipple
from unetlite.network.measures import parameters
from unetlite.pictures import picture_grid, pictures_of
from unetlite.seeding import derive_seed
from unetlite.training.segmenter import Segmenter

log = logging.getLogger("unetlite")


def writer(trainer: Trainer) -> SummaryWriter:
    """Where TensorBoard's events of a run go."""
    assert isinstance(trainer.logger, TensorBoardLogger)
    return trainer.logger.experiment


class RunLog(Callback):
    """What is trained on what, and a line an epoch; TensorBoard gets the configuration as text."""

    def on_fit_start(self, trainer: Trainer, pl_module: Segmenter) -> None:  # type: ignore[override]
        store = pl_module.store
        images = ", ".join(f"{len(split)} {name}" for name, split in store.splits.items())
        network = f"{parameters(pl_module.network) / 1e6:.2f} M parameters in {trainer.precision} on {pl_module.device}"
        log.info(f"{network}; images: {images}; classes: {', '.join(pl_module.classes)}")
        if pl_module.device.type != "cpu":
            log.info("on this device sums are taken in any order: the same seed repeats a run but for the last digits")
        if unseen := [name for k, name in enumerate(store.classes) if not store.splits["train"].labels[k]]:
            log.info(f"mind: no training mask has the class {', '.join(unseen)}, so it cannot be learnt")
        if trainer.ckpt_path is not None:
            return  # TensorBoard has the rest from before the interruption
        lines = yaml.safe_dump(pl_module.run_config, sort_keys=False).splitlines()
        writer(trainer).add_text("configuration", "".join(f"    {line}\n" for line in lines))  # Markdown: as it is

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        values = trainer.callback_metrics
        shown = {"train loss": "train/loss_epoch", "val loss": "val/loss", "val mIoU": "val/miou"}
        scores = "   ".join(f"{title} {values[name]:.4f}" for title, name in shown.items())
        log.info(f"epoch {trainer.current_epoch + 1:3d}   step {trainer.global_step:5d}   {scores}")


class OnlyFinite(Callback):
    """Ends a run whose loss or weights are not finite, before they are saved or scored."""

    def __init__(self, checkpoint: Path):
        self.checkpoint = checkpoint

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Tensor) -> None:
        if not loss.isfinite():
            images = ", ".join(trainer.datamodule.images_of_step(trainer.global_step))
            self.fail(trainer, f"the training loss is {float(loss)}, of the images {images}")

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        stage = "test" if trainer.testing else "val"
        if not (loss := trainer.callback_metrics[f"{stage}/loss"]).isfinite():
            self.fail(trainer, f"the {stage} loss is {float(loss)}")
        if wrong := [name for name, value in pl_module.network.state_dict().items() if not value.isfinite().all()]:
            self.fail(trainer, f"the weights {wrong[0]} are not finite")

    on_test_end = on_validation_end

    def fail(self, trainer: Trainer, what: str) -> None:
        good = f"the last good checkpoint is {self.checkpoint}" if self.checkpoint.exists() else "nothing was saved yet"
        where = f"at step {trainer.global_step}; {good}"
        raise Failure(f"{what}, {where}. Take a lower trainer.learning_rate, or look at the images.")


class ValidationPictures(Callback):
    """The same validation images with truth, prediction and error, to TensorBoard: a few times in a run, and last."""

    @torch.no_grad()
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: Segmenter) -> None:  # type: ignore[override]
        epoch, epochs = trainer.current_epoch, trainer.max_epochs or 1
        if epoch % max(1, epochs // 4) and epoch + 1 < epochs and not trainer.should_stop:
            return
        split, rows = pl_module.store.splits["val"], {}
        for index in np.linspace(0, len(split) - 1, min(5, len(split))).round().astype(int).tolist():
            image, mask = split[split.whole(index)]
            with trainer.precision_plugin.forward_context():
                prediction = pl_module(image[None].to(pl_module.device)).argmax(1).cpu()  # (1, H, W)
            score = SegmentationScores(pl_module.classes)
            score.update(prediction, mask[None])
            pictures = pictures_of(image.numpy(), mask.numpy(), prediction[0].byte().numpy(), pl_module.colours)
            rows[f"{split.names[index]}   mIoU {score.compute()['miou']:.3f}"] = pictures
        grid = picture_grid(rows, dict(zip(pl_module.classes, pl_module.colours, strict=True)))
        writer(trainer).add_image("val/pictures", grid, trainer.global_step, dataformats="HWC")


class Clock(Callback):
    """How long training takes."""

    def __init__(self) -> None:
        self.seconds = 0.0  # from the first step to the end of the last validation, without interruptions
        self.training_seconds, self.images = 0.0, 0  # of the steps alone, data and logging included

    def on_train_start(self, *_: Any) -> None:
        self._since = time.perf_counter()

    def on_validation_end(self, *_: Any) -> None:
        now = time.perf_counter()
        self.seconds += now - self._since
        self._since = now

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Batch, batch_idx: int) -> None:
        before = self.seconds
        self.on_validation_end()
        self.training_seconds += self.seconds - before
        self.images += len(batch.mask)

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self.seconds, "training_seconds": self.training_seconds, "images": self.images}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        vars(self).update(state_dict)


class StopOnSignal(Checkpoint):  # which Lightning calls after all other callbacks
    """After SIGINT, SIGTERM or SIGHUP, saves at the end of the step and raises Stopped; after a second, at once."""

    def __init__(self, checkpoint: Path):
        self.checkpoint, self.number, self.signals = checkpoint, 0, ExitStack()

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        self.signals.enter_context(raising_stopped(self.remember))

    def remember(self, number: int, frame: object) -> None:
        if self.number:
            raise Stopped(number)
        self.number = number

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if self.number and not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:  # else validation saves
            trainer.save_checkpoint(self.checkpoint)
            self.on_validation_end(trainer)

    def on_validation_end(self, trainer: Trainer, *_: Any) -> None:
        if self.number:
            raise Stopped(self.number, f" at step {trainer.global_step}; resume=true goes on from there")

    def on_train_end(self, *_: Any) -> None:
        self.signals.close()

    on_exception: Any = on_train_end


class EndAfterSteps(Callback):
    """Validates, saves and ends after `steps`; by Lightning's `max_steps`, a run that goes on ends its epoch again."""

    def __init__(self, steps: int):
        self.steps = steps

    def on_train_start(self, trainer: Trainer, *_: Any) -> None:
        trainer.should_stop = trainer.global_step >= self.steps

    on_train_batch_end: Any = on_train_start


class RippleProbe(Callback):
    """The ripple that the decoder adds to the logits of test images, each shifted at random."""

    def on_test_start(self, trainer: Trainer, pl_module: Segmenter) -> None:  # type: ignore[override]
        config = pl_module.network.config
        self.stride = 2**config.depth
        # It is kept on the CPU, since Apple's GPUs have no float64.
        self.ripple = PhaseRipple(self.stride, config.num_classes, margin=self.stride)

    def on_test_batch_end(  # type: ignore[override]
        self, trainer: Trainer, pl_module: Segmenter, outputs: Any, batch: Batch, batch_idx: int, *_: int
    ) -> None:
        generator = torch.Generator().manual_seed(derive_seed("shift", batch_idx, 0))
        with trainer.precision_plugin.forward_context():
            self.ripple.update(pl_module(shifted(batch.image, self.stride, generator)).float().cpu())

    def on_test_epoch_end(self, trainer: Trainer, pl_module: Segmenter) -> None:  # type: ignore[override]
        if not (value := self.ripple.compute()).isnan():
            pl_module.log("test/phase_ripple", value.float())


def shifted(images: Tensor, stride: int, generator: torch.Generator) -> Tensor:
    """Each image (B, C, H, W) less up to `stride - 1` rows and columns, from a random place: all of one size."""
    height, width = (max(1, size - stride + 1) for size in images.shape[-2:])
    windows = []
    for image in images:
        top = int(torch.randint(image.shape[-2] - height + 1, (), generator=generator))
        left = int(torch.randint(image.shape[-1] - width + 1, (), generator=generator))
        windows.append(image[:, top : top + height, left : left + width])
    return torch.stack(windows)
