"""The LightningModule: what a training step draws."""

import torch
from helpers import overrides

from unetlite.checkpoint import load_checkpoint
from unetlite.settings.composition import compose_run
from unetlite.training.run import train


def test_stochastic_pooling_draws_by_the_seed_and_the_step_alone(discs, tmp_path):
    weights = []
    for name in ("a", "b"):
        torch.manual_seed(len(weights))
        more = ["downsample=stochastic", "trainer.max_steps=3", f"output_dir={tmp_path / name}"]
        train(compose_run(overrides(discs, tmp_path, *more)))
        path = tmp_path / name / "test" / "transpose" / "seed0" / "last.ckpt"
        weights.append(load_checkpoint(path)["state_dict"])
    for name, value in weights[0].items():
        assert torch.equal(value, weights[1][name]), name
