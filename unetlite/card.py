"""What travels with a network wherever it goes: plain values that say what its input and its output mean."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from unetlite.checkpoint import KEY
from unetlite.errors import UsageError
from unetlite.explain.layers import steps
from unetlite.run import RunFiles
from unetlite.unet import UNet, UNetConfig

OUTPUTS = ("logits", "probabilities", "classes")


PAGE = """---
library_name: unetlite
pipeline_tag: image-segmentation
tags: [unet, semantic-segmentation]
---

# U-Net with {upsample} upsampling

Takes raw pixels, uint8 (B, {channels}, H, W) of any size, and gives logits (B, K, H, W) of the classes {classes}.
{table}
```python
from unetlite import load
from unetlite.unet import UNet

load("DIR").predict("image.png").overlay.save("overlay.png")
network = UNet.from_pretrained("DIR")  # to train on
```
"""


@dataclass(frozen=True)
class Card:
    """Of a checkpoint or of an exported file.

    Attributes:
        network: what the network is built from.
        classes, colours: names and RGB triples of the K classes.
        config: the configuration of the run that trained it.
        environment: where and with which versions that was.
        metrics: the scores that it reached, by their names in TensorBoard.
        receptive_field: pixels of the image, per axis, that can change a logit.
        output: "logits" or "probabilities" (B, K, H, W), or "classes" (B, H, W).
        precision: what the runtime is to compute with: "float32", "bfloat16" or "int8".
    """

    network: UNetConfig
    classes: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]
    config: dict[str, Any]
    environment: dict[str, Any]
    metrics: dict[str, float | None]
    receptive_field: int
    output: str = "logits"
    precision: str = "float32"

    @property
    def value_range(self) -> tuple[float, float] | None:
        """What becomes black and white in images of 16 bits; None stretches every image, see `Folder`."""
        low_high = self.config["data"].get("value_range")
        return None if low_high is None else (low_high[0], low_high[1])

    @property
    def resize(self) -> int | None:
        """The shorter side in pixels that images were scaled to in training; None keeps every size."""
        return self.config["data"].get("resize")

    def to_json(self) -> str:
        """One line that `from_json` reads."""
        return json.dumps(asdict(self))

    def to_markdown(self) -> str:
        """A page about the network, with the head that huggingface_hub reads."""
        names = ("test/miou", "test/dice", "test/boundary_iou_1px")
        scores = {name: value for name in names if (value := self.metrics.get(name)) is not None}
        rows = "".join(f"| {name.removeprefix('test/')} | {value:.4f} |\n" for name, value in scores.items())
        table = f"\n| test images of {self.config['data']['name']} | |\n|---|---|\n{rows}" if scores else ""
        return PAGE.format(
            upsample=self.network.upsample["name"], channels=self.network.in_channels, classes=", ".join(self.classes),
            table=table,
        )  # fmt: skip

    @classmethod
    def from_json(cls, text: str | None, path: Path) -> "Card":
        """The card in a file's metadata.

        Raises:
            UsageError: there is none, or it is not one that this version knows.
        """
        try:
            values = json.loads(text or "null")
            return cls.from_values({**values, "network": UNetConfig(**values["network"])})
        except (ValueError, TypeError, KeyError):
            raise UsageError(f"{path} was not exported by unetlite, or by another version of it.") from None

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "Card":
        """A card with tuples where JSON and checkpoints have lists."""
        colours = tuple((r, g, b) for r, g, b in values["colours"])
        card = cls(**{**values, "classes": tuple(values["classes"]), "colours": colours})
        if card.output not in OUTPUTS or len(card.classes) != card.network.num_classes or "data" not in card.config:
            raise ValueError(card)
        return card


def checkpoint_card(path: Path, checkpoint: Mapping[str, Any], network: UNet) -> Card:
    """The card of a checkpoint, with the scores of the test images if it lies in its finished run."""
    stored = checkpoint[KEY]
    # It does not depend on the number of channels, but the time to find it does.
    with torch.inference_mode(False):  # receptive fields are found by gradients
        *_, head = steps(UNet(replace(network.config, widths=(4,) * len(network.config.widths), decoder_widths=None)))
    run = RunFiles(path.parent)
    tested = json.loads(run.metrics.read_text()) if path.name == run.best.name and run.metrics.exists() else {}
    return Card.from_values(
        {
            **stored,
            "network": network.config,
            "metrics": {**stored["metrics"], **tested},
            "receptive_field": head.receptive_field,
        }
    )
