"""What travels with a network wherever it goes: plain values that say what its input and its output mean."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from unetlite.errors import MALFORMED, UsageError
from unetlite.network.checkpoint import KEY, build_network, load_checkpoint
from unetlite.network.measures import receptive_field
from unetlite.network.unet import UNet
from unetlite.network.upsampling import UPSAMPLERS
from unetlite.settings import UNetConfig
from unetlite.training.run import RunFiles

Byte = Annotated[int, Field(ge=0, le=255)]


class Metadata(BaseModel):
    """Of a checkpoint or of an exported file.

    Attributes:
        network: what the network is built from.
        classes, colours: names and RGB triples of the K classes.
        config: the configuration of the run that trained it.
        environment: where and with which versions that was.
        metrics: the scores that it reached, by their names in TensorBoard.
        receptive_field: pixels of the image, per axis, that can change a logit; but see `reads_anywhere`.
        output: "logits" or "probabilities" (B, K, H, W), or "classes" (B, H, W).
        precision: what it is to be computed with.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    network: UNetConfig
    classes: tuple[str, ...]
    colours: tuple[tuple[Byte, Byte, Byte], ...]
    config: dict[str, Any]
    environment: dict[str, Any]
    metrics: dict[str, float | None]
    receptive_field: PositiveInt
    output: Literal["logits", "probabilities", "classes"] = "logits"
    precision: Literal["float32", "bfloat16", "int8"] = "float32"

    @model_validator(mode="after")
    def _fits(self) -> "Metadata":
        low, high = self.value_range or (0, 1)
        names = self.config["data"]["name"], self.network.upsample["name"]
        counts = {len(self.classes), len(self.colours), self.network.num_classes}
        fits = low < high and (self.resize or 1) > 0 and len(counts) == 1
        if not fits or not all(isinstance(name, str) for name in names):
            raise ValueError("values that do not fit together")
        return self

    @property
    def value_range(self) -> tuple[float, float] | None:
        """What becomes black and white in images of 16 bits; None stretches every image, see `read_image`."""
        return self.config["data"].get("value_range")

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

    @classmethod
    def from_json(cls, text: str | None, path: Path) -> "Metadata":
        """Those that `model_dump_json` wrote into a file. Raises UsageError if this version knows no such."""
        try:
            return cls.model_validate_json(text or "null")
        except (UsageError, *MALFORMED):
            raise UsageError(f"{path} was not written by unetlite, or by another version of it.") from None


def read_checkpoint(path: Path) -> tuple[UNet, Metadata]:
    """The network of a checkpoint, on the CPU in float32 and evaluation mode, and its metadata.

    The scores are those of the test images if it is the best checkpoint of a finished run.

    Raises:
        UsageError: the file is missing, damaged, or was not written by unetlite.
    """
    checkpoint = load_checkpoint(path)
    network = build_network(checkpoint, path).eval()
    run, stored = RunFiles(path.parent), checkpoint[KEY]
    tested: dict[str, float] = {}
    if path.name == run.best.name:
        with suppress(OSError, ValueError):  # the checkpoint has scores of its own
            tested = json.loads(run.metrics.read_text())
    try:
        values = {**stored, "metrics": {**stored.get("metrics", {}), **tested}}
        text = json.dumps({**values, "receptive_field": receptive_field(network.config)})
    except MALFORMED:
        text = None
    return network, Metadata.from_json(text, path)
