"""What is measured of the logits in the test: ripple before and after training, and their spectrum."""

import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor, nn

from unetlite.callbacks import writer
from unetlite.data.module import Batch
from unetlite.metrics import PhaseRipple, RadialSpectrum
from unetlite.seeding import derive_seed
from unetlite.segmenter import Segmenter
from unetlite.unet import UNet, initialise

SHIFTS = 4  # of every image


class ArtefactProbe(Callback):
    """Measures, on the test images, what the decoder adds to the logits.

    Attributes:
        ripple: of the trained network, over randomly shifted images.
        initial_ripple: of the same network before training.
        spectrum: of the trained network's logits, and of the truth.
    """

    ripple: PhaseRipple
    initial_ripple: PhaseRipple
    spectrum: RadialSpectrum

    def on_test_start(self, trainer: Trainer, pl_module: Segmenter) -> None:  # type: ignore[override]
        network = pl_module.network
        stride, classes = 2**network.config.depth, network.config.num_classes
        device = pl_module.device
        # Kept on the CPU, since Apple's GPUs have no float64.
        self.ripple, self.initial_ripple = (PhaseRipple(stride, classes, margin=stride) for _ in range(2))
        self.spectrum = RadialSpectrum()
        self.initial = UNet(network.config).to(device).to(memory_format=torch.channels_last).eval()
        initialise(self.initial, pl_module.run_config["seed"])
        self.initial.set_normalisation(network.mean, network.std)

    def on_test_batch_end(  # type: ignore[override]
        self, trainer: Trainer, pl_module: Segmenter, outputs: Tensor, batch: Batch, batch_idx: int, *_: int
    ) -> None:
        self.spectrum.update(outputs.cpu(), batch.mask.cpu())
        pairs: tuple[tuple[nn.Module, PhaseRipple], ...] = (
            (pl_module.network, self.ripple),
            (self.initial, self.initial_ripple),
        )
        for k in range(SHIFTS):
            generator = torch.Generator().manual_seed(derive_seed("shift", batch_idx, k))
            images = shifted(batch.image, self.ripple.stride, generator)
            for network, ripple in pairs:
                with trainer.precision_plugin.forward_context():
                    ripple.update(network(images).float().cpu())

    def on_test_epoch_end(self, trainer: Trainer, pl_module: Segmenter) -> None:  # type: ignore[override]
        for name, ripple in (("test", self.ripple), ("init", self.initial_ripple)):
            if not (value := ripple.compute()).isnan():
                pl_module.log(f"{name}/phase_ripple", value.float())
        # TensorBoard's horizontal axis takes whole numbers: thousandths of a cycle a pixel.
        steps = (1000 * self.spectrum.frequencies()).round().int().tolist()
        for name, fractions in zip(("logits", "truth"), self.spectrum.compute().tolist(), strict=True):
            for step, fraction in zip(steps, fractions, strict=True):
                writer(trainer).add_scalar(f"spectrum/{name}", fraction, step)


def shifted(images: Tensor, stride: int, generator: torch.Generator) -> Tensor:
    """Each image (B, C, H, W) less up to `stride - 1` rows and columns, from a random place: all of one size."""
    kept = [max(1, size - stride + 1) for size in images.shape[-2:]]
    rooms = [size - length + 1 for size, length in zip(images.shape[-2:], kept, strict=True)]
    places = [[int(torch.randint(room, (), generator=generator)) for room in rooms] for _ in images]
    height, width = kept
    windows = [
        image[:, top : top + height, left : left + width] for image, (top, left) in zip(images, places, strict=True)
    ]
    return torch.stack(windows)
