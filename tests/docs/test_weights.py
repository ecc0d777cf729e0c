"""Weights that are ready to share can be loaded, and their card has their scores."""

import json

import numpy as np
from weights import release

from unetlite import load


def test_a_folder_of_weights_has_its_card_and_predicts(trained, tmp_path):
    run, folder = trained / "transpose" / "seed0", tmp_path / "unetlite-test-transpose"
    release(run, folder)
    card = (folder / "README.md").read_text()
    assert f"| mean IoU | {json.loads((run / 'metrics.json').read_text())['test/miou']:.4f} |" in card
    assert "{" not in card.replace("{...}", "")
    assert load(folder).predict(np.zeros((20, 30), np.uint8)).classes.shape == (20, 30)
