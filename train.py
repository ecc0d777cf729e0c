"""Trains one U-Net and leaves a run directory.

python train.py upsample=transpose                          coastlines from space, a few minutes on a laptop
python train.py upsample=nearest data=pets                  another operator, another data set
python train.py data=folder data.root=DIR                   your own images and masks
python train.py -m upsample=transpose,nearest seed=0,1,2    several runs, one after the other

Every key is explained in configs/; `python train.py --help` shows the composed configuration.
"""

import os
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf

from unetlite.errors import tell_mistakes

# Data and runs are kept beside this file, from wherever it is called.
os.environ.setdefault("UNETLITE_HOME", str(Path(__file__).resolve().parent))


@hydra.main(version_base="1.3", config_path="configs", config_name="train")
def main(config: DictConfig) -> float:
    """Trains, tests, and returns the mean IoU on the validation images at the best epoch."""
    return train(OmegaConf.to_container(config, resolve=True))  # type: ignore[arg-type]


def train(config: dict[str, Any]) -> float:
    """One run: configuration -> fit -> test -> a run directory."""
    # Imported here because it takes seconds: a misspelt choice is answered before.
    from unetlite.callbacks import Clock
    from unetlite.config import TrainerConfig, split_data, typed
    from unetlite.data.module import SegmentationData
    from unetlite.results import collect_metrics, log_hyperparameters, per_image_columns, print_results
    from unetlite.run import RunDirectory
    from unetlite.segmenter import Segmenter
    from unetlite.trainer import log_to, make_trainer
    from unetlite.unet import UNet, UNetConfig, initialise

    options = typed(TrainerConfig, config["trainer"], "trainer")
    run = RunDirectory(Path(config["run_dir"]), config)

    loader, source = split_data(config["data"])
    data = SegmentationData(source, Path(config["data_dir"]), loader, seed=config["seed"])

    network = UNet(
        UNetConfig(
            in_channels=data.store.channels,
            num_classes=len(data.store.classes),
            upsample=config["upsample"],
            downsample=config["downsample"],
            **config["model"],
        )
    )
    initialise(network, config["seed"])
    network.set_normalisation(data.store.mean, data.store.std)
    segmenter = Segmenter(network, data.store.classes, data.store.colours, options, config)

    run.create()
    log_to(run.log)
    clock = Clock()
    trainer = make_trainer(options, run, data, clock)
    trainer.fit(segmenter, data, ckpt_path=run.resume_from, weights_only=True)
    trainer.test(segmenter, data, ckpt_path=run.best, weights_only=True, verbose=False)

    metrics = collect_metrics(run, segmenter, clock)
    run.write_per_image(data.test_names, per_image_columns(segmenter))
    log_hyperparameters(trainer, config, metrics)
    run.finish(metrics)
    print_results(run, metrics, segmenter.classes)
    return metrics["val/miou"]


if __name__ == "__main__":
    tell_mistakes(main)
