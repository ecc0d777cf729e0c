"""Trains operators on coast, and writes for each a folder of weights with a model card, ready to share.

    python docs/weights.py DIR [OPERATOR ...] [KEY=VALUE ...]
    hf upload NAME DIR/unetlite-coast-transpose

Without operators they are the six of `experiment=compare`. Finished runs are taken as they are.
"""

import json
import subprocess
import sys
from pathlib import Path

import yaml

from unetlite.settings import CONFIGS, MAY_DIFFER, flatten

CARD = """---
license: mit
library_name: unetlite
pipeline_tag: image-segmentation
tags: [image-segmentation, u-net, {operator}]
---

# {name}

A small U-Net whose decoder upsamples by `{operator}`, trained by [unetlite](https://github.com/unetlite/unetlite) on
{data}: classes {classes}. It takes raw RGB pixels of any size.

```python
from unetlite import load

model = load("{name}")  # this folder
model.predict("image.png").overlay.save("overlay.png")
```

| test images | |
|---|---|
| mean IoU | {miou:.4f} |
| boundary IoU within 1 pixel | {boundary:.4f} |
| parameters | {parameters:.2f} M |

One training (seed {seed}), scored by the weights after its last step. It repeats by

```bash
python train.py {words}
```

The code and these weights are under the MIT licence. {licence}
"""
LICENCES = {
    "coast": "The images are NASA's Blue Marble, in the public domain; the land-sea mask is GSHHG (Wessel and Smith "
    "1996, LGPL-3+). Of 5400 x 2700 pixels for the whole Earth: coastlines of a scale of seven kilometres a pixel."
}


def release(run: Path, folder: Path) -> None:
    """Writes the weights of a finished run, their configuration and a card into a new folder."""
    export = [sys.executable, "-m", "unetlite", "export", str(run), "--format", "safetensors", "--to", str(folder)]
    subprocess.run(export, check=True)
    config, metrics = yaml.safe_load((run / "config.yaml").read_text()), json.loads((run / "metrics.json").read_text())
    words = yaml.safe_load((run / "overrides.yaml").read_text())
    card = CARD.format(
        operator=config["upsample"]["name"],
        name=folder.name,
        data=f"`data={config['data']['name']}`",
        classes=", ".join(key.removeprefix("test/iou/") for key in metrics if key.startswith("test/iou/")),
        miou=metrics["test/miou"],
        boundary=metrics["test/boundary_iou_1px"],
        parameters=metrics["model/parameters"] / 1e6,
        seed=config["seed"],
        words=" ".join(word for word in words if word.partition("=")[0] not in MAY_DIFFER),
        licence=LICENCES.get(config["data"]["name"], "The licence of the images is their publisher's."),
    )
    (folder / "README.md").write_text(card, encoding="utf-8")


def main() -> None:
    place, words = Path(sys.argv[1]), sys.argv[2:]
    compare = flatten(yaml.safe_load((CONFIGS / "experiment" / "compare.yaml").read_text()))
    operators = [word for word in words if "=" not in word] or compare["hydra.sweeper.params.upsample"].split(",")
    for operator in operators:
        settings = [word for word in words if "=" in word] + [f"output_dir={place / 'runs'}", "resume=auto"]
        train = [sys.executable, "-m", "unetlite", "train", f"upsample={operator}", *settings]
        subprocess.run(train, check=True)
        folder = place / f"unetlite-coast-{operator}"
        if not folder.exists():
            release(place / "runs" / "coast" / operator / "seed0", folder)


if __name__ == "__main__":
    main()
