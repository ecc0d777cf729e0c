"""Flips and turns are suggested where networks hardly notice them, and only if they are off."""

from types import SimpleNamespace

import pytest
import torch

from unetlite.compare.doctor import orientation
from unetlite.compare.doctor.orientation import TRANSFORMS, find_orientation
from unetlite.data.cache import Batch

IMAGE = torch.zeros(1, 8, 10)
IMAGE[0, :2] = 1  # what is bright is at the top


class Split:
    names = ("a",)
    sizes = ((8, 10),)
    labels = (60, 20)

    def full_crop(self, index):
        return index

    def __getitem__(self, index):
        return Batch(IMAGE, IMAGE[0].byte())


def by_brightness(image):
    return (image[0] > 0.5).byte().numpy()


def by_place(image):
    classes = torch.zeros(image.shape[1:], dtype=torch.uint8)
    classes[:2] = 1
    return classes.numpy()


@pytest.fixture
def find(monkeypatch):
    splits = {"train": Split(), "val": Split()}
    dataset = SimpleNamespace(splits=splits, classes=("rest", "bright"))
    data = SimpleNamespace(dataset=dataset)

    def find(network, **augment):
        monkeypatch.setattr(orientation, "predict_classes", lambda _, image: network(image))
        run = SimpleNamespace(config={"data": {"augment": augment}})
        return find_orientation(SimpleNamespace(runs=[run], networks={"a": None}), data)

    return find


def test_what_a_network_does_not_notice_is_suggested_in_words_to_type(find):
    (sentence,) = find(by_brightness, horizontal_flip=True)
    assert "data.augment.vertical_flip=true data.augment.quarter_turns=true" in sentence
    assert "horizontal_flip" not in sentence
    assert "1.000 upside down and 1.000 turned by 90 degrees" in sentence


def test_images_with_an_up_are_not_to_be_turned(find):
    assert find(by_place, horizontal_flip=True) == []
    (sentence,) = find(by_place)
    assert "vertical_flip" not in sentence


def test_nothing_is_tried_if_all_is_on(find):
    assert find(by_brightness, **dict.fromkeys(TRANSFORMS, True)) == []
