"""The networks that come with the package: they score what their cards say, and are small."""

import json

import pytest
import torch
from demo_data import example_masks
from demo_networks import score, scores_table
from helpers import run_cli

from unetlite import UsageError, load
from unetlite.inference.demo_networks import EXAMPLES, FOLDER, NAMES, PREFIX, example_files
from unetlite.settings.paths import CHECKOUT

MAX_BYTES = 8_000_000
ENCODER = "tf_efficientnet_lite0"


def read(name, file):
    return json.loads((FOLDER / name / file).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def masks():
    return example_masks(FOLDER)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_scores_on_the_examples_what_its_card_says(name, masks):
    if name == "pretrained":
        pytest.importorskip("timm")
    card = read(name, "card.json")
    model = load(PREFIX + name)
    assert set(masks) == {file.name for file in example_files()}
    assert score(model, EXAMPLES, masks) == pytest.approx(card["examples"], abs=2e-3)
    assert card["test"]["miou"] == model.metadata.metrics["test/miou"] > 0.6
    assert card["operator"] == model.metadata.network.upsample["name"]
    assert card["encoder"] == (ENCODER if name == "pretrained" else None)
    assert {weight.dtype for weight in model.network.parameters()} == {torch.float32}


def test_they_differ_in_the_operator_alone():
    configs, cards = [], []
    for name in NAMES:
        config = read(name, "config.json")["unetlite"]["config"]
        assert config.pop("upsample")["name"] == read(name, "card.json")["operator"]
        if name != "pretrained":
            configs.append(config)
        card = read(name, "card.json")
        cards.append((card["seed"], card["steps"], card["test_images"]))
    assert all(config == configs[0] for config in configs)
    assert len(set(cards)) == 1


def test_the_page_has_the_scores_of_the_cards():
    page = (CHECKOUT / "docs" / "network.md").read_text(encoding="utf-8")
    assert scores_table() in page, "python docs/demo_networks.py prints the table"


def test_they_take_at_most_eight_megabytes_and_name_no_place_of_the_machine_that_made_them():
    files = [file for file in FOLDER.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= MAX_BYTES
    for file in files:
        if file.suffix == ".json":
            assert '"/' not in file.read_text(encoding="utf-8"), file


def test_a_name_predicts_on_the_command_line_and_another_is_refused_in_one_line(tmp_path):
    image = EXAMPLES / "coast.jpg"
    result = run_cli("predict", "demo:transpose", image, "--output", tmp_path / "out")
    assert result.exit_code == 0
    assert "land" in result.output
    assert (tmp_path / "out" / "masks" / "coast.png").exists()
    explained = run_cli("explain", "demo:unpool", "--size", "32")
    assert "unpool as a transposed convolution" in explained.output
    refused = run_cli("predict", "demo:carafe", image, "--output", tmp_path / "none")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("error: demo:carafe: choose one of demo:transpose, ")
    assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "none").exists()
    with pytest.raises(UsageError, match="demo:pretrained"):
        load("demo:")
