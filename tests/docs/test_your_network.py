"""The recipes of docs/your-network.md run, change the upsampling alone, and end in a verdict."""

import json
import re

import numpy as np
import pytest
import torch
from helpers import run_cli

from unetlite import judge
from unetlite.network.foreign import ForeignUpsampler
from unetlite.settings.paths import CHECKOUT

PAGE = (CHECKOUT / "docs" / "your-network.md").read_text(encoding="utf-8")
RECIPES = {
    "segmentation_models_pytorch": {"weights": None},
    "monai": {},
    "torchvision": {},
}


def block(words):
    """The names that the one block of Python with these words defines."""
    (code,) = [
        code for code in re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S) if words in code
    ]
    names = {}
    exec(compile(code, "your-network.md", "exec"), names)
    return names


@pytest.fixture(params=RECIPES)
def make_network(request):
    """A recipe; it is skipped where its library is not installed."""
    pytest.importorskip(request.param)
    imported = {"segmentation_models_pytorch": "smp.Unet("}.get(
        request.param, f"from {request.param}"
    )
    recipe = block(imported)["make_network"]
    return lambda operator: recipe(operator, **RECIPES[request.param])


def logits(network, images):
    output = network(images)
    return output["out"] if isinstance(output, dict) else output


def others(network):
    """The parameters outside the operators, by name."""
    inside = set()
    for module in network.modules():
        if isinstance(module, ForeignUpsampler):
            inside |= set(module.parameters())
    return [value for value in network.parameters() if value not in inside]


def test_a_recipe_exchanges_the_upsampling_and_keeps_the_rest(make_network):
    outputs = []
    kept = []
    for operator in ("nearest", "dysample", "carafe"):
        torch.manual_seed(0)
        network = make_network(operator).eval()
        operators = [each for each in network.modules() if isinstance(each, ForeignUpsampler)]
        assert operators
        assert {each.name for each in operators} == {operator}
        result = logits(network, torch.ones(2, 3, 64, 96))
        assert result.shape == (2, 1, 64, 96)
        result.mean().backward()
        for each in operators:
            assert any(value.grad is not None for value in each.parameters())
        outputs.append(result)
        kept.append(others(network))
    for other in kept[1:]:
        assert all(map(torch.equal, kept[0], other))
    assert not torch.equal(outputs[0], outputs[1])


def test_four_operators_with_three_seeds_end_in_a_verdict(make_network, tmp_path):
    names = block("def compare(")
    names["OPERATORS"] = ("nearest", "transpose")

    class Logits(torch.nn.Module):
        def __init__(self, network):
            super().__init__()
            self.network = network

        def forward(self, images):
            return logits(self.network, images)

    names["make_network"] = lambda operator: Logits(make_network(operator))
    random = torch.Generator().manual_seed(0)
    images = torch.rand(4, 3, 64, 64, generator=random)
    masks = images.mean(1) > 0.5
    test_images = [(f"i{k}", images[k], masks[k].long()) for k in range(4)]

    def train(network):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            network(images)[:, 0], masks.float()
        )
        loss.backward()
        with torch.no_grad():
            for value in network.parameters():
                if value.grad is not None:
                    value -= 0.1 * value.grad

    file = tmp_path / "scores.csv"
    names["compare"](train, test_images, file=file)
    result = run_cli("judge", file)
    assert result.exit_code == 0, result.stderr
    assert "variant = operator; seed = seed; unit = image; score = dice" in result.stdout
    assert "3 seeds" in result.stdout or "No verdict" in result.stdout


def test_summaries_of_nnunet_become_a_table(tmp_path):
    random = np.random.default_rng(0)
    summaries = {}
    for model, mean in {"plain": 0.8, "large": 0.9}.items():
        for seed in range(3):
            cases = []
            for case in range(5):
                scores = {"1": mean + 0.01 * random.normal(), "2": mean}
                if case == 0:
                    scores["2"] = float("nan")
                metrics = {label: {"Dice": score, "IoU": 0.5} for label, score in scores.items()}
                reference = f"/labelsTr/case_{case}.nii.gz"
                cases.append({"metrics": metrics, "reference_file": reference})
            path = tmp_path / model / str(seed) / "summary.json"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps({"metric_per_case": cases, "foreground_mean": {}}))
            summaries[model, seed] = path
    file = tmp_path / "scores.csv"
    block("metric_per_case")["convert"](summaries, file)
    judgement = judge.judge(file)
    assert judgement.candidates == ["large"]
    assert judgement.scores.images[0] == "case_0.nii.gz"
    assert len(judgement.scores.images) == 5


def test_the_short_examples_run():
    assert block("judgement = judge.judge(rows)")["judgement"].chosen == "b"
    assert "up" in block("assert up(torch")
