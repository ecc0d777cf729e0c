"""Every setting of a run: one schema with the range of each value. configs/ has the defaults and what they mean."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import Field, NonNegativeFloat, PositiveInt
from pydantic.dataclasses import dataclass

from unetlite.errors import UsageError
from unetlite.registry import STRICT, checked

PACKAGE = Path(__file__).resolve().parent
CHECKOUT = PACKAGE.parent
CONFIGS = next((path for path in (PACKAGE / "configs", CHECKOUT / "configs") if path.is_dir()), PACKAGE)
"""Where the configuration is: an installed package has its own, a checkout's lies beside the package."""
HOME = Path(os.environ.get("UNETLITE_HOME") or (CHECKOUT if CONFIGS.parent == CHECKOUT else "")).resolve()
"""data/ and outputs/ are here: where UNETLITE_HOME points, else in the checkout, else in the working directory."""
os.environ["UNETLITE_HOME"] = str(HOME)  # configs/train.yaml refers to it

KEY = "unetlite"  # where a file has its network's architecture and classes, and the run's configuration and scores

MAY_DIFFER = {"resume", "experiment", "data.num_workers", "data_dir", "output_dir", "run_dir", "trainer.loggers"}
"""Keys of the configuration that do not change what a run computes."""

Factor = Annotated[float, Field(ge=1, le=10)]
LARGEST_RESIZE = 2048
Resize = Annotated[int, Field(ge=1, le=LARGEST_RESIZE)]
Channels = Annotated[int, Field(ge=1, le=16384)]
Choice = dict[str, Any]  # {"name": ..., options}


@dataclass(frozen=True, config=STRICT)
class UNetConfig:
    """What a UNet is built from: plain values only, so that a checkpoint can carry them without code."""

    in_channels: Channels = 3  # of the image: 1 for grey, 3 for RGB
    num_classes: Annotated[int, Field(ge=2, le=255)] = 2  # channels of the logits
    # Channels at each resolution, finest first.
    widths: Annotated[tuple[Channels, ...], Field(min_length=2, max_length=9, strict=False)] = (16, 32, 64, 128, 256)
    upsample: Choice = Field(default_factory=lambda: {"name": "transpose"})
    downsample: Choice = Field(default_factory=lambda: {"name": "max"})
    norm: Literal["batch", "group", "instance", "none"] = "batch"  # "group" has 8 groups or fewer
    skip: Literal["concat", "add", "none"] = "concat"  # how an encoder map joins the decoder
    bottleneck_dilation: Annotated[int, Field(ge=1, le=64)] = 1  # of the convolutions at the coarsest resolution
    # Channels after each decoder step, coarsest first; None for the encoder's at each resolution.
    decoder_widths: Annotated[tuple[Channels, ...], Field(strict=False)] | None = None

    def __post_init__(self) -> None:
        decoder = self.widths[-2::-1] if self.decoder_widths is None else self.decoder_widths
        if len(decoder) != self.depth:
            raise UsageError(f"model.decoder_widths={list(decoder)}: expected {self.depth} numbers, or null.")
        object.__setattr__(self, "decoder_widths", decoder)

    @property
    def depth(self) -> int:
        return len(self.widths) - 1


@dataclass(frozen=True, config=STRICT)
class TrainerOptions:
    """How a network is trained; configs/trainer/default.yaml has the meaning of every key."""

    max_epochs: PositiveInt
    max_steps: int
    learning_rate: Annotated[float, Field(gt=0, le=10)]
    weight_decay: Annotated[float, Field(ge=0, le=10)]
    dice_weight: Annotated[float, Field(ge=0, le=1000)]
    gradient_clip: NonNegativeFloat
    judge: Literal["last", "best"]
    precision: Literal["auto", "bf16-mixed", "32-true"]
    accelerator: Literal["auto", "cpu", "gpu", "mps"]
    callbacks: dict[str, Choice] = Field(default_factory=dict)
    loggers: dict[str, Choice] = Field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.max_steps == 0 or self.max_steps < -1:
            raise UsageError(f"trainer.max_steps={self.max_steps}: should be 1 or more, or -1 for no limit.")


@dataclass(frozen=True, config=STRICT)
class AugmentOptions:
    """Random changes of a training image, each drawn per sample; what is left at its default does nothing."""

    horizontal_flip: bool = False  # with probability 1/2
    vertical_flip: bool = False
    quarter_turns: bool = False  # by 0, 90, 180 or 270 degrees
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0  # largest angle in degrees
    scale: Factor = 1.0  # largest zoom s: between 1/s and s
    brightness: Annotated[float, Field(ge=0, lt=1)] = 0.0  # largest relative change of all values
    gamma: Factor = 1.0  # largest exponent g of values in 0..1: between 1/g and g


@dataclass(frozen=True, config=STRICT)
class LoaderOptions:
    """How samples become batches, the keys of `data` that every data set has; configs/loader.yaml explains them."""

    batch_size: Annotated[int, Field(ge=1, le=4096)]
    crop_size: Annotated[int, Field(ge=1, le=16384)]
    crops_per_image: Annotated[int, Field(ge=1, le=100_000)]
    num_workers: Annotated[int, Field(ge=0, le=64)]
    augment: AugmentOptions


@dataclass(frozen=True, config=STRICT)
class Settings:
    """All settings of a run, in their types. The configuration itself is kept beside them, as plain values."""

    seed: Annotated[int, Field(ge=0, lt=2**63)]
    resume: Literal[False, True, "auto"]
    experiment: str
    data_dir: str
    output_dir: str
    run_dir: str
    loader: LoaderOptions
    source: Choice  # the data set, which checks its options when it is built
    network: UNetConfig  # before `match`, and with the channels and classes of no data set yet
    match: Literal["params", "macs"] | None  # see network.measures.match_budget
    match_to: str
    trainer: TrainerOptions


def read_settings(config: Mapping[str, Any]) -> Settings:
    """The settings of a resolved configuration, or a UsageError for the first that is wrong."""
    groups = ("data", "model", "upsample", "downsample")
    for group in groups:
        if not isinstance(config.get(group), Mapping):
            raise UsageError(f"{group}={config.get(group)}: expected the name of one of configs/{group}.")
    values = {key: value for key, value in config.items() if key not in groups}
    values |= {"loader": loader_options(config["data"]), "source": source_options(config["data"])}
    values |= {key: config["model"][key] for key in ("match", "match_to") if key in config["model"]}
    values |= {"network": network_config(config), "trainer": checked(TrainerOptions, config.get("trainer"), "trainer")}
    return checked(Settings, values, "")


def network_config(config: Mapping[str, Any], **given: Any) -> UNetConfig:
    """The network of the groups `model`, `upsample` and `downsample`, before any matching of budgets."""
    options = {key: value for key, value in config["model"].items() if key not in ("match", "match_to")}
    choices = {"upsample": config["upsample"], "downsample": config["downsample"]}
    return checked(UNetConfig, {**options, **choices, **given}, "model")


def loader_options(data: Mapping[str, Any]) -> LoaderOptions:
    """The keys of the group `data` that every data set has."""
    loader = {key: value for key, value in data.items() if key in LoaderOptions.__dataclass_fields__}
    loader["augment"] = checked(AugmentOptions, loader.get("augment", {}), "data.augment")
    return checked(LoaderOptions, loader, "data")


def source_options(data: Mapping[str, Any]) -> dict[str, Any]:
    """The name and the options of the data set itself."""
    return {key: value for key, value in data.items() if key not in LoaderOptions.__dataclass_fields__}


def compose_run(overrides: Sequence[str]) -> dict[str, Any]:
    """The resolved configuration of the run `python train.py OVERRIDES`."""
    from hydra import compose, initialize_config_dir
    from hydra.core.hydra_config import HydraConfig

    check_groups(overrides)
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose("train", overrides=list(overrides), return_hydra_config=True)
    HydraConfig.instance().set_config(config)  # what ${hydra:...} refers to
    return resolve(config)


def check_groups(words: Sequence[str]) -> None:
    """Raises UsageError if words on a command line give a group of settings a value that is no name, or two values.

    Of two, Hydra would take the last, and drop the other without a word.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser

    groups = {path.relative_to(CONFIGS).as_posix() for path in CONFIGS.rglob("*") if path.is_dir()}
    chosen: dict[str, str] = {}
    for word in words:
        key, _, value = word.partition("=")
        group = key.lstrip("+~")
        if group not in groups or not value:
            continue
        override = OverridesParser.create().parse_override(word)
        if not override.is_sweep_override() and not (isinstance(override.value(), str) and override.value()):
            raise UsageError(f"{word}: expected the name of one of configs/{group}.")
        if chosen.setdefault(group, value) != value:
            remedy = "To keep the runs of a comparison elsewhere, give output_dir=DIR."
            raise UsageError(f"{group}={chosen[group]} {group}={value}: only one can be chosen. {remedy}")


def resolve(config: Any) -> dict[str, Any]:
    """Plain values of a DictConfig, without Hydra's own."""
    from omegaconf import OmegaConf

    keys = [key for key in config if key != "hydra"]
    plain = OmegaConf.to_container(OmegaConf.masked_copy(config, keys), resolve=True, throw_on_missing=True)
    return cast(dict[str, Any], plain)


def seconds_of(duration: str | None) -> float | None:
    """Of a duration such as 90s, 30m or 2h; None for none."""
    if duration is None:
        return None
    found = re.fullmatch(r"(\d*\.?\d+)([smh])", str(duration))
    if not found or float(found[1]) == 0:
        raise UsageError(f"budget={duration}: expected a duration such as 90s, 30m or 2h.")
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]]


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat
