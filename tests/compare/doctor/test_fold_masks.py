"""Masks of training images that fit elsewhere are named by networks that did not see them."""

from types import SimpleNamespace

import numpy as np
import pytest
from discs import Split, area

from unetlite.compare.doctor import suspects
from unetlite.compare.doctor.fold_masks import PARTS, check_training_masks


@pytest.fixture
def check(monkeypatch):
    """The check of training masks by networks that predict the truth of some images."""

    def check(masks, areas):
        split = Split("", areas, masks)
        split.groups = split.names
        display = SimpleNamespace(rgb=lambda image: np.repeat(image.transpose(1, 2, 0), 3, 2))
        dataset = SimpleNamespace(
            splits={"train": split},
            classes=("rest", "nucleus"),
            colours=((0, 0, 0), (9, 9, 9)),
            display=display,
        )
        return check_training_masks(
            SimpleNamespace(dataset=dataset), {part: part for part in PARTS}
        )

    monkeypatch.setattr(suspects, "predict_classes", lambda _, image: image[0].numpy())
    return check


def test_swapped_and_shifted_masks_are_named_and_others_are_not(check):
    areas = [area(seed) for seed in range(12)]
    masks = list(areas)
    masks[1], masks[2] = areas[2], areas[1]
    masks[5] = np.roll(areas[5], (0, 8), (0, 1))
    result = check(masks, areas)
    assert result.has_learnt
    assert {suspect.name for suspect in result.suspects.misplaced} == {"1", "2", "5"}
    assert result.suspects.failed == []
    assert check(areas, areas).suspects.sentences == []


def test_an_image_that_no_mask_fits_is_one_to_look_at(check):
    areas = [area(seed) for seed in range(12)]
    masks = list(areas)
    masks[4] = np.zeros_like(areas[4])
    masks[4][:3, :3] = 1
    (suspect,) = check(masks, areas).suspects.failed
    assert suspect.name == "4"
    assert suspect.reason.startswith("A network that was not trained on 4 fails on it: IoU 0.00")


def test_networks_that_have_learnt_nothing_name_no_image(check):
    areas = [area(seed) for seed in range(12)]
    result = check([np.roll(mask, 40, 0) for mask in areas], areas)
    assert not result.has_learnt
    assert result.suspects.sentences == []


def test_each_image_is_examined_by_the_network_that_did_not_see_it(check, monkeypatch):
    asked = {}

    def predict(network, image):
        asked.setdefault(network, set()).add(image.numpy().tobytes())
        return image[0].numpy()

    monkeypatch.setattr(suspects, "predict_classes", predict)
    areas = [area(seed) for seed in range(12)]
    check(areas, areas)
    for number, part in enumerate(PARTS):
        assert asked[part] == {mask.tobytes() for mask in areas[number::2]}
