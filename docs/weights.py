"""Trains operators on coast, and writes for each a folder of weights with a model card, to share.

    python docs/weights.py DIR [OPERATOR ...] [KEY=VALUE ...]
    hf upload NAME DIR/unetlite-coast-transpose

Without operators they are the six of `experiment=compare`. Finished runs are taken as they are.
"""

import sys
from pathlib import Path

import yaml

from unetlite.commands.export import export
from unetlite.run_directory import RunFiles
from unetlite.settings.composition import compose_run
from unetlite.settings.paths import CONFIGS
from unetlite.settings.schema import NON_RESULT_KEYS
from unetlite.training.run import train

CARD = """---
license: mit
library_name: unetlite
pipeline_tag: image-segmentation
tags: [image-segmentation, u-net, {operator}]
---

# {name}

A small U-Net whose decoder upsamples by `{operator}`, trained by
[unetlite](https://github.com/unetlite/unetlite) on {data}: classes {classes}. It takes raw RGB
pixels of any size.

```python
from unetlite import load

model = load("{name}")  # this folder
model.predict("image.png").overlay.save("overlay.png")
```

| test images | |
|---|---|
| mean IoU | {miou:.4f} |
| boundary IoU within 1 pixel | {boundary_iou:.4f} |
| parameters | {parameters:.2f} M |

One training (seed {seed}), scored by the weights after its last step. It repeats by

```bash
python train.py {words}
```

The code and these weights are under the MIT licence. {licence}
"""

LICENCES = {
    "coast": "The images are NASA's Blue Marble, in the public domain. The land-sea mask is GSHHG "
    "(Wessel and Smith 1996, LGPL-3+). The whole Earth is 5400 x 2700 pixels: coastlines at seven "
    "kilometres a pixel."
}


def release(run: RunFiles, folder: Path) -> None:
    """Writes the weights of a finished run, their configuration and a card into a new folder."""
    export(run.path, format="safetensors", to=folder)
    config = run.stored_config()
    metrics = run.stored_metrics()
    prefix = "test/iou/"
    classes = [name.removeprefix(prefix) for name in metrics if name.startswith(prefix)]
    words = []
    for word in yaml.safe_load(run.overrides_file.read_text()):
        key, _, _ = word.partition("=")
        if key not in NON_RESULT_KEYS:
            words.append(word)
    data = config["data"]["name"]
    card = CARD.format(
        operator=config["upsample"]["name"],
        name=folder.name,
        data=f"`data={data}`",
        classes=", ".join(classes),
        miou=metrics["test/miou"],
        boundary_iou=metrics["test/boundary_iou_1px"],
        parameters=(metrics["model/parameters"] or 0) / 1e6,
        seed=config["seed"],
        words=" ".join(words),
        licence=LICENCES.get(data, "The licence of the images is their publisher's."),
    )
    (folder / "README.md").write_text(card, encoding="utf-8")


def compared_operators() -> list[str]:
    """The operators of `experiment=compare`."""
    file = CONFIGS / "experiment" / "compare.yaml"
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    return config["hydra"]["sweeper"]["params"]["upsample"].split(",")


def main() -> None:
    directory = Path(sys.argv[1])
    words = sys.argv[2:]
    operators = [word for word in words if "=" not in word]
    overrides = [word for word in words if "=" in word]
    for operator in operators or compared_operators():
        run_overrides = [f"upsample={operator}", *overrides, "resume=auto"]
        settings = compose_run(run_overrides, {"output_dir": str(directory / "runs")})
        train(settings)
        folder = directory / f"unetlite-coast-{operator}"
        if not folder.exists():
            release(RunFiles(Path(settings.run_dir)), folder)


if __name__ == "__main__":
    main()
