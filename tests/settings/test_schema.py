"""The schema: what is refused, and that stored settings are read back."""

import pytest
import yaml
from helpers import overrides

from unetlite.errors import UsageError
from unetlite.settings.composition import compose_run
from unetlite.settings.schema import UNetConfig, flatten, read_settings, upgrade_config


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("data.batch_size=0", ["data.batch_size=0"]),
        ("data.augment.scale=0.5", ["data.augment.scale=0.5"]),
        ("data.augment.scale=big", ["data.augment.scale=big", "number"]),
        ("data.augment.rotation=-10", ["data.augment.rotation=-10"]),
        ("trainer.learning_rate=nan", ["trainer.learning_rate=nan"]),
        ("seed=foo", ["seed=foo"]),
        ("trainer.max_steps=0", ["trainer.max_steps=0", "-1"]),
        ("resume=5", ["resume=5", "auto"]),
        ("trainer.test_checkpoint=middle", ["middle", "last", "best"]),
        ("trainer.precision=16", ["16", "bf16-mixed"]),
        ("model.norm=layer", ["layer", "batch"]),
        ("model.decoder_widths=[4]", ["model.decoder_widths=[4]", "expected 2 numbers"]),
        ("upsample=null", ["upsample=null", "configs/upsample"]),
        ("+foo=1", ["foo is not known", "seed"]),
        ("+trainer.foo=1", ["trainer.foo is not known", "max_epochs"]),
    ],
)
def test_a_wrong_value_is_named_with_what_is_expected(tmp_path, override, words):
    with pytest.raises(UsageError) as error:
        compose_run(overrides(tmp_path, tmp_path, override))
    for word in words:
        assert word in str(error.value)


def test_stored_settings_are_read_back(tmp_path):
    settings = compose_run(overrides(tmp_path, tmp_path, "upsample=carafe", "seed=7"))
    stored = yaml.safe_load(yaml.safe_dump(settings.as_dict()))
    assert read_settings(stored, settings.overrides) == settings
    assert read_settings(stored).as_dict() == stored


def test_the_keys_of_a_data_set_are_its_own_and_the_others_are_shared(tmp_path):
    settings = compose_run(overrides(tmp_path, tmp_path, "data.resize=64"))
    assert settings.data.dataset["name"] == "folder"
    assert settings.data.dataset["resize"] == 64
    assert settings.data.batch_size == 2
    assert "batch_size" not in settings.data.dataset


def test_a_network_has_the_channels_and_classes_of_the_data(tmp_path):
    settings = compose_run(overrides(tmp_path, tmp_path, "upsample=nearest"))
    config = settings.unet_config(in_channels=1, num_classes=5)
    assert config == UNetConfig(
        in_channels=1,
        num_classes=5,
        widths=(4, 6, 8),
        upsample={"name": "nearest", "kernel_size": 3},
    )
    assert config.decoder_widths == (6, 4)


def test_renamed_keys_of_earlier_versions_are_read():
    upgraded = upgrade_config({"trainer": {"judge": "best"}})
    assert upgraded == {"trainer": {"test_checkpoint": "best"}, "test": True}
    current = {"trainer": {"test_checkpoint": "last"}, "test": False}
    assert upgrade_config(dict(current)) == current
    for suffix, mask_name in (("", None), ("_m", "{stem}_m")):
        upgraded = upgrade_config({"data": {"mask_suffix": suffix}})
        assert upgraded == {"data": {"mask_name": mask_name, "held_out": None}}


def test_nested_keys_are_joined_by_dots():
    assert flatten({"a": {"b": 1, "c": {"d": [2]}}, "e": None}) == {
        "a.b": 1,
        "a.c.d": [2],
        "e": None,
    }


def test_the_library_has_the_defaults_of_the_configuration():
    composed = compose_run([]).unet_config()
    library = UNetConfig()
    for field in ("widths", "norm", "skip", "bottleneck_dilation", "decoder_widths"):
        assert getattr(library, field) == getattr(composed, field)
    assert library.upsample["name"] == composed.upsample["name"]
    assert library.downsample == composed.downsample
