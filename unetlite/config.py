"""From the composed configuration to typed options, with one clear line for a value of the wrong kind."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any, TypeVar, cast

from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from unetlite.errors import UsageError

T = TypeVar("T")

HOME = Path(__file__).resolve().parents[1]
"""The project: configs/ are here, and so are data/ and outputs/ unless UNETLITE_HOME points elsewhere."""
os.environ.setdefault("UNETLITE_HOME", str(HOME))


@dataclass(frozen=True)
class TrainerConfig:
    """How a network is trained; configs/trainer/default.yaml has the meaning of every key."""

    max_epochs: int
    max_steps: int
    learning_rate: float
    weight_decay: float
    schedule: str
    dice_weight: float
    gradient_clip: float
    early_stopping: int | None
    precision: str
    accelerator: str

    def __post_init__(self) -> None:
        choices = {
            "schedule": ("onecycle", "cosine"),
            "precision": ("auto", "bf16-mixed", "32-true"),
            "accelerator": ("auto", "cpu", "gpu", "mps"),
        }
        for key, allowed in choices.items():
            if getattr(self, key) not in allowed:
                raise UsageError(f"trainer.{key}={getattr(self, key)}: choose one of {', '.join(allowed)}.")
        for key in ("weight_decay", "dice_weight", "gradient_clip"):
            if not 0 <= getattr(self, key) < inf:
                raise UsageError(f"trainer.{key}={getattr(self, key)}: must be 0 or more.")
        for key in ("learning_rate", "max_epochs"):
            if not 0 < getattr(self, key) < inf:
                raise UsageError(f"trainer.{key}={getattr(self, key)}: must be above 0.")
        if self.max_steps != -1 and self.max_steps < 1:
            raise UsageError(f"trainer.max_steps={self.max_steps}: 1 or more, or -1 for no limit.")
        if self.early_stopping is not None and self.early_stopping < 1:
            raise UsageError(f"trainer.early_stopping={self.early_stopping}: a number of epochs, or null.")


@dataclass(frozen=True)
class LoaderConfig:
    """How samples become batches; the keys of `data` that every data set has.

    Attributes:
        batch_size: images in a training batch.
        crop_size: pixels, height and width of the windows for training.
        crops_per_image: windows of every image in an epoch.
        num_workers: processes that assemble batches; 0 is right unless a GPU waits.
        augment: options of unetlite.data.augment.Augmentation.
    """

    batch_size: int
    crop_size: int
    crops_per_image: int
    num_workers: int
    augment: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in ("batch_size", "crop_size", "crops_per_image"):
            if getattr(self, key) < 1:
                raise UsageError(f"data.{key}={getattr(self, key)}: must be 1 or more.")
        if self.num_workers < 0:
            raise UsageError(f"data.num_workers={self.num_workers}: must be 0 or more.")


def compose_run(overrides: Sequence[str]) -> dict[str, Any]:
    """The resolved configuration of the run `python train.py OVERRIDES`."""
    with initialize_config_dir(str(HOME / "configs"), version_base="1.3"):
        config = compose("train", overrides=list(overrides), return_hydra_config=True)
    HydraConfig.instance().set_config(config)  # what ${hydra:...} refers to
    return resolve(config)


def resolve(config: DictConfig) -> dict[str, Any]:
    """Plain values, without Hydra's own."""
    keys = [str(key) for key in config if key != "hydra"]
    return cast(dict[str, Any], OmegaConf.to_container(OmegaConf.masked_copy(config, keys), resolve=True))


def typed(schema: type[T], values: Mapping[str, Any], group: str) -> T:
    """`values` as the dataclass `schema`.

    Raises:
        UsageError: a value is of another type, or a key is unknown or missing.
    """
    try:
        return cast(T, OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), dict(values))))
    except OmegaConfBaseException as error:
        raise UsageError(f"{group}.{error.full_key or error.key}: {str(error.msg).splitlines()[0]}.") from None


def split_data(values: Mapping[str, Any]) -> tuple[LoaderConfig, dict[str, Any]]:
    """The group `data` as the options of the loader, and the name and options of the data set itself."""
    common = LoaderConfig.__dataclass_fields__
    loader = {key: value for key, value in values.items() if key in common}
    return typed(LoaderConfig, loader, "data"), {key: value for key, value in values.items() if key not in common}
