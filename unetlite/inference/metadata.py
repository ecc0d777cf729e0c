"""The metadata of a network: plain values that say what its input and its output mean."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from unetlite.classes import check_names
from unetlite.data.raster import PixelKind
from unetlite.errors import PARSE_ERRORS, UsageError, first_line
from unetlite.settings.schema import MAX_RESIZE, PixelType, UNetConfig
from unetlite.validation import is_small_json
from unetlite.visualize import Display, default_channels

MAX_LENGTH = 2**22  # characters of metadata

Byte = Annotated[int, Field(ge=0, le=255)]


class Metadata(BaseModel):
    """Metadata of a checkpoint or of an exported file."""

    model_config = ConfigDict(frozen=True, strict=True)

    network: UNetConfig
    classes: tuple[str, ...]
    colours: tuple[tuple[Byte, Byte, Byte], ...]
    mask_values: dict[str, Any] | None = None  # data.classes and data.ignore, also of a layout
    config: dict[str, Any]  # of the run that trained it
    environment: dict[str, Any]  # where and with which versions that was
    metrics: dict[str, float | None]  # by their names in TensorBoard
    # Pixels of the image, per axis, that can change a logit. See also `why_tiles_differ`.
    receptive_field: PositiveInt
    encoder_reads_anywhere: bool = False  # as with squeeze-and-excitation
    # The channels that pictures show, and the values that are black and white in each channel of
    # the images: see Display. Those of 8 bits in version 0.1 had neither.
    display_channels: tuple[PositiveInt, ...] = ()
    value_range: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
    input_type: PixelType | None = None  # of pixels that an export takes; None: the network's
    input_size: tuple[PositiveInt, PositiveInt] | None = None  # height and width; None: any
    # The first two have shape (B, K, H, W), classes (B, H, W).
    output: Literal["logits", "probabilities", "classes"] = "logits"
    precision: Literal["float32", "bfloat16", "int8"] = "float32"  # to compute with

    @model_validator(mode="after")
    def _check_consistency(self) -> "Metadata":
        check_names(self.classes)
        if not len(self.classes) == len(self.colours) == self.network.num_classes:
            raise ValueError("the number of classes, of colours and of logits differ")
        for name in (self.config["data"]["name"], self.network.upsample["name"]):
            if not isinstance(name, str):
                raise ValueError("a name that is not text")
        channels = self.network.in_channels
        if max(self.display_channels, default=1) > channels:
            raise ValueError("a channel to show that is not there")
        for ends in self.value_range:
            if len(ends) not in (0, channels):
                raise ValueError("a range of another number of channels")
        if self.resize is not None and not 0 <= self.resize <= MAX_RESIZE:
            raise ValueError("a size out of range")
        return self

    @property
    def takes(self) -> PixelType:
        """The type of the pixels that the file takes."""
        return self.input_type or self.network.pixel_type

    @property
    def pixels(self) -> PixelKind:
        """What the network takes."""
        return PixelKind(self.network.in_channels, self.network.pixel_type)

    @property
    def as_viewed(self) -> bool:
        """True if photographs are turned as their EXIF says."""
        return self.config["data"].get("orientation") != "stored"

    @property
    def nodata(self) -> float | None:
        """The value of pixels without data, if files do not say it."""
        return self.config["data"].get("nodata")

    @property
    def display(self) -> Display:
        """How images are shown."""
        low, high = self.value_range
        channels = self.display_channels or default_channels(self.network.in_channels)
        return Display(channels, low, high)

    @property
    def resize(self) -> int | None:
        """Pixels of the shorter side that images were resized to; None keeps every size."""
        return self.config["data"].get("resize")

    @property
    def why_tiles_differ(self) -> str | None:
        """Why pixels beyond the receptive field can change a logit; None if they cannot."""
        from unetlite.network.upsampling.base import UPSAMPLERS

        name = self.network.upsample["name"]
        if name in UPSAMPLERS and UPSAMPLERS[name].reads_anywhere:
            return f"{name} samples at positions that it has learnt"
        if self.encoder_reads_anywhere:
            return f"the encoder {self.network.encoder} reads the whole image"
        norm = self.network.norm
        if norm in ("group", "instance"):
            return f"model.norm={norm} takes its statistics over the whole image"
        return None

    @classmethod
    def read(
        cls,
        stored: Any,
        path: Path,
    ) -> "Metadata":
        """The metadata that a file holds, as values or as JSON.

        Raises UsageError if this version cannot read them.
        """
        try:
            text = stored if isinstance(stored, str) else json.dumps(stored)
            if len(text) > MAX_LENGTH or not is_small_json(json.loads(text)):
                raise ValueError("more than a network needs")
            return cls.model_validate_json(text)
        except (UsageError, *PARSE_ERRORS) as error:
            raise UsageError(
                f"{path} was not written by unetlite, or by another version of it "
                f"({first_line(error)})."
            ) from None
