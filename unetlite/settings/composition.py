"""From the words on a command line to the settings of a run, by Hydra."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from unetlite.errors import UsageError
from unetlite.settings.overrides import (
    NO_OVERRIDE,
    decode_value,
    encode_value,
    parse,
    quote_overrides,
)
from unetlite.settings.paths import CONFIGS
from unetlite.settings.schema import Settings, read_settings


def compose_run(overrides: Sequence[str], values: Mapping[str, Any] | None = None) -> Settings:
    """The settings of `python train.py OVERRIDES`.

    `values` are set by dotted key, such as {"data.root": "my images"}, as they are: no grammar of
    the command line reads them. Raises UsageError for settings that are wrong, or are not there.
    """
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf, open_dict

    words = quote_overrides(overrides)
    check_overrides(words)
    with translate_hydra_errors():
        config = compose_config(words)
        HydraConfig.instance().set_config(config)  # what ${hydra:...} refers to
        with open_dict(config):
            for key, value in (values or {}).items():
                OmegaConf.update(config, key, encode_value(value), merge=False)
        return read_settings(resolve(config), overrides)


def compose_config(words: Sequence[str]) -> Any:
    """The DictConfig of words that Hydra can parse, with Hydra's own settings."""
    from hydra import compose, initialize_config_dir

    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose("train", overrides=list(words), return_hydra_config=True)


def check_overrides(overrides: Sequence[str]) -> None:
    """Raises UsageError if a group of settings gets a value that is no name, or two values.

    Of two values Hydra takes the last and drops the other without a word.
    """
    groups = set()
    for path in CONFIGS.rglob("*"):
        if path.is_dir():
            groups.add(path.relative_to(CONFIGS).as_posix())
    chosen: dict[str, str] = {}
    for word in overrides:
        key, _, value = word.partition("=")
        group = key.lstrip("+~")
        if group not in groups or not value:
            continue
        check_choice(group, word)
        if chosen.setdefault(group, value) != value:
            raise UsageError(
                f"{group}={chosen[group]} {group}={value}: only one can be chosen. "
                "To keep the runs of a comparison elsewhere, give output_dir=DIR."
            )


def check_choice(group: str, word: str) -> None:
    """Raises UsageError if an override of a group gives no name, and is no sweep over names."""
    override = parse(word)
    if override is None or override.is_sweep_override():
        return
    name = override.value()
    if not isinstance(name, str) or not name:
        raise UsageError(f"{word}: expected the name of one of configs/{group}.")


def resolve(config: Any) -> dict[str, Any]:
    """Plain values of a DictConfig, without Hydra's own."""
    from omegaconf import OmegaConf

    keys = [key for key in config if key != "hydra"]
    own = OmegaConf.masked_copy(config, keys)
    plain = OmegaConf.to_container(own, resolve=True, throw_on_missing=True)
    return cast(dict[str, Any], decode_value(plain))


@contextmanager
def translate_hydra_errors() -> Iterator[None]:
    """Turns Hydra's and OmegaConf's errors about a command line into a UsageError."""
    from hydra.errors import HydraException, MissingConfigException, OverrideParseException
    from omegaconf.errors import (
        GrammarParseError,
        InterpolationResolutionError,
        MissingMandatoryValue,
        OmegaConfBaseException,
    )

    os.environ["HYDRA_FULL_ERROR"] = "1"  # else Hydra prints several lines, and exits with 1
    try:
        yield
    except MissingConfigException as error:
        raise UsageError(unknown_choice(error)) from None
    except MissingMandatoryValue as error:
        raise UsageError(f"{error.full_key} has no value; give {error.full_key}=...") from None
    except OverrideParseException as error:
        raise UsageError(f"{error.override}: {NO_OVERRIDE}") from None
    except (InterpolationResolutionError, GrammarParseError) as error:
        reason, *_ = str(error).splitlines()
        raise UsageError(
            f"{reason}. ${{...}} stands for another setting; in a name write \\${{...}}."
        ) from None
    except (HydraException, OmegaConfBaseException) as error:
        reason = " ".join(str(error).split())
        if "'model.encoder." in reason:
            reason = f"{reason}; that is a key of model=pretrained: give it as well."
        raise UsageError(reason) from None


def unknown_choice(error: Any) -> str:
    """What is wrong with the name of a configuration file, and which names there are."""
    group, _, name = (error.missing_cfg_file or "").rpartition("/")
    remedy = "there is no such file"
    if error.options:
        remedy = f"choose one of {', '.join(error.options)}"
    if group == "hydra/launcher":
        remedy += '; submitit and ray come with pip install "unetlite[launchers]"'
    return f"{group}={name} is not known; {remedy}."
