"""Weights that are ready to share can be loaded, and their card has their scores."""

import numpy as np
from weights import compared_operators, release

from unetlite import load
from unetlite.network.upsampling import UPSAMPLERS
from unetlite.run_directory import RunFiles


def test_a_folder_of_weights_has_its_card_and_predicts(trained, tmp_path):
    run = RunFiles(trained / "transpose" / "seed0")
    folder = tmp_path / "unetlite-test-transpose"
    release(run, folder)
    card = (folder / "README.md").read_text()
    assert f"| mean IoU | {run.stored_metrics()['test/miou']:.4f} |" in card
    assert "python train.py" in card
    assert "output_dir" not in card  # what does not change the weights
    assert "{" not in card
    assert load(folder).predict(np.zeros((20, 30), np.uint8)).classes.shape == (20, 30)


def test_without_operators_it_trains_those_of_the_comparison():
    assert len(compared_operators()) == 6
    assert set(compared_operators()) <= UPSAMPLERS.keys()
