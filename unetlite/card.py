"""What travels with a network wherever it goes: plain values that say what its input and its output mean."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from unetlite.checkpoint import KEY
from unetlite.errors import MALFORMED, UsageError
from unetlite.explain.layers import steps
from unetlite.run import RunFiles
from unetlite.unet import UNet, UNetConfig
from unetlite.upsample import UPSAMPLERS

OUTPUTS = ("logits", "probabilities", "classes")
PRECISIONS = ("float32", "bfloat16", "int8")

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
        receptive_field: pixels of the image, per axis, that can change a logit; but see `reads_anywhere`.
        output: "logits" or "probabilities" (B, K, H, W), or "classes" (B, H, W).
        precision: what it is to be computed with, "float32", "bfloat16" or "int8"; ONNX only stores in bfloat16.
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

    @property
    def reads_anywhere(self) -> str | None:
        """Why pixels beyond the receptive field can change a logit, in words; None if they cannot."""
        name, norm = self.network.upsample["name"], self.network.norm
        if getattr(UPSAMPLERS.get(name), "reads_anywhere", False):
            return f"{name} reads at places that it has learnt"
        if norm in ("group", "instance"):
            return f"model.norm={norm} takes its statistics over the whole image"
        return None

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
            return cls.from_values(json.loads(text or "null"), path)
        except ValueError:
            raise foreign(path) from None

    @classmethod
    def from_values(cls, values: Mapping[str, Any], path: Path) -> "Card":
        """A card of what a file holds: plain values, any of which may be wrong.

        Raises:
            UsageError: they are not those of a card that this version knows.
        """
        known = {field.name for field in fields(cls)}
        try:
            card = cls(
                **{
                    **{key: value for key, value in values.items() if key in known},
                    "network": UNetConfig(**values["network"]),
                    "classes": tuple(map(str, values["classes"])),
                    "colours": tuple((int(r) % 256, int(g) % 256, int(b) % 256) for r, g, b in values["colours"]),
                    "receptive_field": int(values["receptive_field"]),
                }
            )
            low, high = card.value_range or (0, 1)
            fits = [
                len(card.classes) == len(card.colours) == card.network.num_classes,
                card.receptive_field > 0,
                card.output in OUTPUTS,
                card.precision in PRECISIONS,
                low < high,
                (card.resize or 1) > 0,
                all(value is None or isinstance(value, (int, float)) for value in card.metrics.values()),
                isinstance(card.network.upsample["name"], str),
                isinstance(card.config["data"]["name"], str),
            ]
        except MALFORMED:
            raise foreign(path) from None
        if not all(fits):
            raise foreign(path)
        return card


def foreign(path: Path) -> UsageError:
    """What is said of a file without a card."""
    return UsageError(f"{path} was not written by unetlite, or by another version of it.")


def checkpoint_card(path: Path, checkpoint: Mapping[str, Any], network: UNet) -> Card:
    """The card of a checkpoint, with the scores of the test images if it lies in its finished run."""
    # Receptive fields are found by gradients. They do not depend on the number of channels; the time to find them does.
    thin = replace(network.config, widths=(4,) * len(network.config.widths), decoder_widths=None)
    with torch.inference_mode(False):
        *_, head = steps(UNet(thin))
    run, stored = RunFiles(path.parent), checkpoint[KEY]
    tested: dict[str, float] = {}
    if path.name == run.best.name and run.metrics.exists():
        with suppress(ValueError, OSError):  # the checkpoint has its own
            tested = json.loads(run.metrics.read_text())
    metrics = {**stored.get("metrics", {}), **tested}
    return Card.from_values({**stored, "metrics": metrics, "receptive_field": head.receptive_field}, path)
