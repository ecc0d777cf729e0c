"""What travels with a network wherever it goes: plain values that say what its input and its output mean."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from unetlite.classes import check_names
from unetlite.errors import MALFORMED, UsageError
from unetlite.registry import is_plain
from unetlite.settings import LARGEST_RESIZE, UNetConfig

LONGEST = 2**22  # characters of metadata
Byte = Annotated[int, Field(ge=0, le=255)]


class Metadata(BaseModel):
    """Of a checkpoint or of an exported file."""

    model_config = ConfigDict(frozen=True, strict=True)

    network: UNetConfig
    classes: tuple[str, ...]
    colours: tuple[tuple[Byte, Byte, Byte], ...]
    config: dict[str, Any]  # of the run that trained it
    environment: dict[str, Any]  # where and with which versions that was
    metrics: dict[str, float | None]  # by their names in TensorBoard
    receptive_field: PositiveInt  # pixels of the image, per axis, that can change a logit; but see `reads_anywhere`
    output: Literal["logits", "probabilities", "classes"] = "logits"  # the first two (B, K, H, W), classes (B, H, W)
    precision: Literal["float32", "bfloat16", "int8"] = "float32"  # to compute with

    @model_validator(mode="after")
    def _fits(self) -> "Metadata":
        check_names(self.classes)
        low, high = self.value_range or (0, 1)
        words = self.config["data"]["name"], self.network.upsample["name"]
        fits = low < high and 0 < (self.resize or 1) <= LARGEST_RESIZE and all(isinstance(word, str) for word in words)
        if not fits or not len(self.classes) == len(self.colours) == self.network.num_classes:
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
        from unetlite.network.upsampling import UPSAMPLERS

        name, norm = self.network.upsample["name"], self.network.norm
        if getattr(UPSAMPLERS.get(name), "reads_anywhere", False):
            return f"{name} reads at places that it has learnt"
        over_all = f"model.norm={norm} takes its statistics over the whole image"
        return over_all if norm in ("group", "instance") else None

    @classmethod
    def read(cls, stored: Any, path: Path) -> "Metadata":
        """Those that a file holds, as values or as JSON. Raises UsageError if this version knows no such."""
        try:
            text = stored if isinstance(stored, str) else json.dumps(stored)
            if len(text) > LONGEST or not is_plain(json.loads(text)):
                raise ValueError("more than a network needs")
            return cls.model_validate_json(text)
        except (UsageError, *MALFORMED):
            raise UsageError(f"{path} was not written by unetlite, or by another version of it.") from None
