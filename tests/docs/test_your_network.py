"""The recipes of docs/your-network.md run, change the upsampling alone, and end in a verdict."""

import json

import numpy as np
import pytest
import torch
from helpers import run_cli
from torch.utils.data import DataLoader
from your_network import IMPORTS, UNTOUCHED, page_code, recipe

from unetlite import judge, upsampler
from unetlite.network.foreign import ForeignUpsampler


@pytest.fixture(params=IMPORTS)
def make_network(request):
    """A recipe; it is skipped where its library is not installed."""
    pytest.importorskip(request.param)
    return recipe(request.param)


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


def operators_in(network):
    return [each for each in network.modules() if isinstance(each, ForeignUpsampler)]


def test_a_recipe_exchanges_the_upsampling_and_keeps_the_rest(make_network):
    outputs = []
    kept = []
    for operator in ("nearest", "dysample", "carafe"):
        torch.manual_seed(0)
        network = make_network(operator).eval()
        operators = operators_in(network)
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


def test_a_recipe_has_the_untouched_network_and_others_of_about_its_size(make_network):
    untouched = make_network(UNTOUCHED)
    assert not operators_in(untouched)
    size = sum(value.numel() for value in untouched.parameters())
    for operator in ("nearest", "dysample", "pixelshuffle"):
        exchanged = sum(value.numel() for value in make_network(operator).parameters())
        assert 0.5 < exchanged / size < 2


class Small(torch.nn.Module):
    """(B, 3, H, W) -> (B, 1, H, W)."""

    def __init__(self, operator):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 2, stride=2)
        self.up = upsampler(operator, 4, 1)

    def forward(self, images):
        return self.up(self.conv(images))


def test_a_seed_gives_every_operator_the_same_batches(tmp_path):
    names = page_code("def compare(")
    operators = ("nearest", "pixelshuffle", "dysample")
    names["OPERATORS"] = operators
    names["make_network"] = Small
    orders = {seed: [] for seed in (0, 1, 2)}

    def train(_, seed):
        batches = DataLoader(range(50), batch_size=8, shuffle=True)
        orders[seed].append(torch.cat(list(batches)).tolist())

    test_images = [("a", torch.rand(3, 8, 8), torch.ones(8, 8))]
    names["compare"](train, test_images, file=tmp_path / "scores.csv")
    for of_seed in orders.values():
        assert of_seed == [of_seed[0]] * len(operators)
    assert orders[0] != orders[1]


def test_operators_with_three_seeds_end_in_a_verdict(make_network, tmp_path):
    names = page_code("def compare(")
    names["OPERATORS"] = (UNTOUCHED, "nearest")

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

    def train(network, seed):
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
    result = run_cli("judge", file, "--margin", "0.005", "--cost", "parameters")
    assert result.exit_code == 0, result.stderr
    assert "variant = operator; seed = seed; unit = image; score = dice; " in result.stdout
    assert "cost = parameters" in result.stdout
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
    page_code("metric_per_case")["convert"](summaries, file)
    judgement = judge.judge(file)
    assert judgement.candidates == ["large"]
    assert judgement.scores.images[0] == "case_0.nii.gz"
    assert len(judgement.scores.images) == 5


def test_the_short_examples_run():
    assert page_code("judgement = judge.judge(rows)")["judgement"].chosen == "b"
    assert "up" in page_code("assert up(torch")
