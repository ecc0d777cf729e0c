"""What the boundary measures add to a validation epoch: python benchmarks/validation.py

Validates one network on the default data, with all scores and with IoU and Dice alone, in turn. The pictures, which a
training draws as well, are left out of both. Printed are medians and their ratio.
"""

from pathlib import Path

import torch
from lightning.pytorch import Trainer
from torchmetrics import MetricCollection

from unetlite.data.batches import SegmentationData
from unetlite.hardware import fast_precision
from unetlite.metrics.overlap import SegmentationScores
from unetlite.network.unet import UNet, initialise
from unetlite.settings import compose_run, network_config, read_settings
from unetlite.timing import in_turn
from unetlite.training.segmenter import Segmenter, make_scores
from unetlite.training.trainer import quieten_lightning


def overlap_alone(classes):
    """IoU and Dice without the boundary measures."""
    return MetricCollection({"overlap": SegmentationScores(classes)})


def main() -> None:
    quieten_lightning()
    config = compose_run([])
    settings = read_settings(config)
    data = SegmentationData(settings.source, Path(settings.data_dir), settings.loader, seed=0)
    network = UNet(network_config(config, in_channels=data.store.channels, num_classes=len(data.store.classes)))
    initialise(network, seed=0)
    network.set_normalisation(data.store.mean, data.store.std)
    network.to(memory_format=torch.channels_last)
    trainer = Trainer(accelerator="auto", devices=1, logger=False, enable_checkpointing=False,
                      enable_progress_bar=False, enable_model_summary=False)  # fmt: skip
    trainer = Trainer(accelerator="auto", devices=1, precision=fast_precision(trainer.accelerator), logger=False,
                      enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)  # fmt: skip
    calls = {}
    for name, scores in (("IoU and Dice", overlap_alone), ("with boundaries", make_scores)):
        segmenter = Segmenter(network, data.store, settings.trainer, config)
        segmenter.val_scores = scores(data.store.classes)
        calls[name] = lambda segmenter=segmenter: trainer.validate(segmenter, data, verbose=False)
    seconds = {name: milliseconds / 1000 for name, milliseconds in in_turn(calls, rounds=15).items()}
    for name, value in seconds.items():
        print(f"{name:16} {1000 * value:6.0f} ms")
    print(f"added            {100 * (seconds['with boundaries'] / seconds['IoU and Dice'] - 1):+6.1f} %")


if __name__ == "__main__":
    main()
