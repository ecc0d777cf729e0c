"""From the command line to settings."""

import pytest
from helpers import overrides

from unetlite.errors import UsageError
from unetlite.settings.composition import check_overrides, compose_run


def test_values_are_taken_as_they_are():
    root = "/a dir\\x\\'s it's, [odd]=1${seed}\\"
    classes = {"a": 0, "b c": [1, 2, 3], "d.e": 4, "%%f%%": 5}
    settings = compose_run(["data=folder"], {"data.root": root, "data.classes": classes, "seed": 3})
    assert settings.data.dataset["root"] == root
    assert settings.data.dataset["classes"] == classes
    assert settings.run_dir.endswith("seed3")  # what refers to a value sees it


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["experiment=compare", "experiment=mine"], "experiment=compare experiment=mine"),
        (["upsample=1"], "upsample=1: expected the name"),
        (["upsample={a:1}"], "expected the name"),
    ],
)
def test_a_group_that_is_chosen_twice_or_by_no_name_is_refused(words, message):
    with pytest.raises(UsageError, match=message.replace("{", r"\{")):
        check_overrides(words)


def test_a_sweep_over_a_group_is_one_choice():
    check_overrides(["upsample=transpose,nearest", "seed=0,1"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["upsample=transposed"], ["transposed", "bilinear", "nearest", "transpose"]),
        (["data=coasts"], ["coasts", "camvid", "coast", "drive", "folder", "nuclei"]),
        (["hydra/launcher=ray"], ["hydra/launcher=ray", "unetlite[launchers]"]),
        (["trainer.epochs=3"], ["epochs"]),
        (["data=folder"], ["data.root has no value"]),
        (["seed"], ["seed: expected KEY=VALUE"]),
    ],
)
def test_hydras_errors_are_translated_to_one_line(words, expected):
    with pytest.raises(UsageError) as error:
        compose_run(words)
    assert "\n" not in str(error.value)
    for word in expected:
        assert word in str(error.value)


def test_the_overrides_are_kept(tmp_path):
    words = overrides(tmp_path, tmp_path)
    assert compose_run(words).overrides == tuple(words)
