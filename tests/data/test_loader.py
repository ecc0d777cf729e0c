"""Which crops make a batch, and in which order."""

from collections import Counter
from itertools import chain, product

import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers

from unetlite.data.loader import RandomCrops, SegmentationData, full_crops, held_out_images
from unetlite.errors import UsageError
from unetlite.settings.schema import AugmentOptions, DataOptions


def data_options(root=None, **options):
    dataset = {"name": "folder", "root": str(root)}
    augment = AugmentOptions(horizontal_flip=True)
    return DataOptions(**options, num_workers=0, augment=augment, dataset=dataset)


def draw(split, seed, epoch, **options):
    crops = RandomCrops(split, data_options(batch_size=2, **options), seed)
    crops.set_epoch(epoch)
    return list(crops)


@settings(max_examples=40, deadline=None)
@given(
    seed=integers(0, 5),
    epoch=integers(0, 5),
    size=integers(1, 10),
    count=integers(1, 3),
)
def test_crops_are_a_function_of_seed_and_epoch_and_lie_in_the_image(
    decoded, seed, epoch, size, count
):
    split = decoded.splits["train"]
    crops = draw(split, seed, epoch, crop_size=size, crops_per_image=count)
    assert crops == draw(split, seed, epoch, crop_size=size, crops_per_image=count)
    assert Counter(crop.image for crop in crops) == dict.fromkeys(range(len(split)), count)
    for crop in crops:
        height, width = split.sizes[crop.image]
        assert 0 <= crop.top <= max(0, height - size)
        assert 0 <= crop.left <= max(0, width - size)


def test_epochs_and_seeds_differ(decoded):
    split = decoded.splits["train"]
    drawn = set()
    for seed, epoch in product(range(3), range(3)):
        drawn.add(tuple(draw(split, seed, epoch, crop_size=3, crops_per_image=5)))
    assert len(drawn) == 9


def test_the_crops_of_a_seed_are_those_of_earlier_versions(decoded):
    """Published results depend on them."""
    crops = draw(decoded.splits["train"], seed=5, epoch=2, crop_size=3, crops_per_image=1)
    places = [(crop.image, crop.top, crop.left) for crop in crops]
    assert places == [(0, 0, 5), (3, 3, 2), (2, 1, 1), (1, 7, 2)]


def test_an_interrupted_epoch_goes_on_with_the_crops_that_are_left(discs, tmp_path):
    options = data_options(discs, batch_size=4, crop_size=16, crops_per_image=2)

    def orders(steps):
        data = SegmentationData(options, tmp_path, seed=0, steps=steps)
        crops = data.train_dataloader().sampler
        drawn = []
        for epoch in (0, 1, 2):
            crops.set_epoch(epoch)
            drawn.append(list(crops))
        return drawn

    whole = orders(steps=0)
    resumed = orders(steps=4)  # three steps an epoch
    assert resumed[1] == whole[1][4:]
    assert (resumed[0], resumed[2]) == (whole[0], whole[2])


def test_evaluation_has_every_image_once_whole_and_unpadded(decoded):
    split = decoded.splits["test"]
    batches = full_crops(split, max_pixels=100)
    assert sorted(crop.image for batch in batches for crop in batch) == [0, 1, 2, 3]
    assert [len(batch) for batch in batches] == [2, 1, 1]
    for batch in batches:
        assert len({split.sizes[crop.image] for crop in batch}) == 1
        assert all(crop == split.full_crop(crop.image) for crop in batch)


def test_batches_for_training_and_test(discs, tmp_path):
    options = data_options(discs, batch_size=4, crop_size=16, crops_per_image=2)
    data = SegmentationData(options, tmp_path, seed=0)
    shapes = [(batch.image.shape, batch.mask.shape) for batch in data.train_dataloader()]
    assert shapes == 3 * [((4, 3, 16, 16), (4, 16, 16))]  # twelve crops of six images
    test = data.dataset.splits["test"]
    names = []
    for crops, batch in zip(data.test_batches, data.test_dataloader(), strict=True):
        assert len(batch.mask) == len(crops)
        names += [test.names[crop.image] for crop in crops]
    assert data.tested["image"] == names
    assert sorted(names) == sorted(test.names)


def test_the_images_of_a_step_are_those_of_its_batch(discs, tmp_path):
    options = data_options(discs, batch_size=4, crop_size=16, crops_per_image=2)
    data = SegmentationData(options, tmp_path, seed=0, steps=2)
    crops = data.train_dataloader().sampler.crops_of(epoch=1)
    names = [data.dataset.splits["train"].names[crop.image] for crop in crops]
    assert data.images_of_step(4) == names[4:8]


def test_parts_share_the_images_and_no_group_is_in_two(decoded):
    split = decoded.splits["train"]
    parts = [held_out_images(split, f"{number}/2") for number in (1, 2)]
    assert sorted(chain(*parts)) == list(range(len(split)))
    assert all(parts)
    groups = [{split.groups[index] for index in part} for part in parts]
    assert groups[0].isdisjoint(groups[1])
    crops = draw(split, 0, 0, crop_size=3, crops_per_image=2, held_out="2/2")
    assert Counter(crop.image for crop in crops) == dict.fromkeys(parts[0], 2)
    assert held_out_images(split, None) == []
    with pytest.raises(UsageError, match=r"held_out=1/99.* groups"):
        held_out_images(split, "1/99")


@pytest.mark.parametrize("part", ["half", "0/2", "3/2", "1/1", "1/2/3", ""])
def test_what_is_no_part_is_refused(part):
    with pytest.raises(UsageError, match="expected a part"):
        data_options(batch_size=2, crop_size=3, crops_per_image=1, held_out=part)
