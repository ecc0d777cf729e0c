"""Pictures of test images and features."""

import shutil

import numpy as np
import torch
from helpers import noise, save

from unetlite.compare.comparison import read_comparison
from unetlite.compare.doctor.run_data import find_data
from unetlite.compare.report.figures import (
    SIDE,
    ZOOM,
    draw_figures,
    principal_components,
    zoomed,
)


def test_another_augmentation_still_gives_pictures_and_another_data_set_does_not(runs, change):
    for file in (runs / "bilinear").rglob("config.yaml"):
        change(file, data__augment__rotation=5.0, data__crops_per_image=3)
    comparison = read_comparison(runs, allow=["data"])
    figures = draw_figures(comparison, find_data(comparison, None), "foreground")
    assert figures.missing is None
    assert list(figures.legend) == ["foreground found", "missed", "false"]
    assert len(figures.images) == 4
    assert len(set(figures.images)) == 4
    for pictures in figures.images.values():
        captions = list(pictures)
        assert captions[:2] == ["part", "truth"]  # the images are no larger than a part
        assert pictures["part"].shape == (192, 192, 3)
        assert [caption.split(", mean IoU")[0] for caption in captions[2:]] == list(
            comparison.variants
        )
    assert len(figures.features) == comparison.networks["transpose"].config.depth
    for pictures in figures.features.values():
        assert list(pictures) == ["image", *comparison.variants]

    change(runs / "bilinear" / "seed2" / "config.yaml", data__val_fraction=0.3)
    comparison = read_comparison(runs, allow=["data"])
    figures = draw_figures(comparison, find_data(comparison, None), "foreground")
    assert "differ in the data set" in figures.missing
    assert not figures.images


def test_pictures_are_drawn_from_data_that_moved(runs, trained, tmp_path, change):
    moved = shutil.copytree(trained.parents[1] / "squares", tmp_path / "moved")
    for file in runs.rglob("config.yaml"):
        change(file, data__root=str(tmp_path / "gone"))
    comparison = read_comparison(runs)
    assert "no such directory" in find_data(comparison, None).missing
    figures = draw_figures(comparison, find_data(comparison, moved), "background")
    assert figures.missing is None
    assert figures.images
    save(moved / "masks" / "0.png", np.ones((64, 64), np.uint8))
    assert "made with other data" in find_data(comparison, moved).missing


def test_the_part_with_most_errors_is_enlarged_beside_the_whole_image():
    density = np.zeros((100, 400), int)
    density[60, 350] = 2
    drawn = {name: noise(100, 400, 3) for name in ("image", "truth", "error")}
    pictures = zoomed({"a": drawn, "b": drawn}, density)
    assert list(pictures) == ["image", "part", "truth", "a", "b"]
    assert pictures["image"].shape == (72, 288, 3)
    side = SIDE // ZOOM
    for caption in ("part", "truth", "a"):
        assert pictures[caption].shape == (SIDE, SIDE, 3)
    windows = np.lib.stride_tricks.sliding_window_view(drawn["image"], (side, side), (0, 1))
    part = pictures["part"][::ZOOM, ::ZOOM].transpose(2, 0, 1)  # (3, side, side)
    places = np.argwhere((windows == part).all((2, 3, 4)))
    ((top, left),) = places.tolist()
    assert top <= 60 < top + side
    assert left <= 350 < left + side


def test_principal_components_do_not_depend_on_how_a_network_mixes_its_channels():
    scale = torch.tensor([9.0, 3.0, 1.0])[:, None, None]
    components = scale * torch.randn(3, 40, 50, dtype=torch.float64)
    mixing = torch.linalg.qr(torch.randn(8, 8, dtype=torch.float64)).Q[:, :3]  # orthogonal
    mixed = torch.einsum("cp,phw->chw", mixing, components)
    before = principal_components(components).astype(int)
    after = principal_components(mixed).astype(int)
    distance = np.minimum(abs(after - before), abs(255 - after - before))  # a sign is free
    assert distance.mean() < 12  # the sampled components correlate a little


def test_a_decoder_of_two_channels_has_pictures():
    assert principal_components(torch.randn(2, 4, 6)).shape == (4, 6, 3)
