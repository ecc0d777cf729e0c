"""Coastlines: the land-sea mask lies on the image, and splits share no pixel."""

import numpy as np
import torch

from unetlite.data import coast


def test_area_average_is_exact():
    """Against the definition: the mean over 3.2 x 3.2 cells, by integrating their step function."""
    cells = np.random.default_rng(0).random((32, 48))
    integral = np.zeros((33, 49))
    integral[1:, 1:] = cells.cumsum(0).cumsum(1)
    rows_at, columns_at = (np.arange(n * 5 // 16 + 1) * 3.2 for n in cells.shape)
    rows = np.array([np.interp(rows_at, np.arange(33), column) for column in integral.T]).T
    corners = np.array([np.interp(columns_at, np.arange(49), row) for row in rows])
    expected = np.diff(np.diff(corners, axis=0), axis=1) / 3.2**2
    np.testing.assert_allclose(coast.area_average(torch.from_numpy(cells)), expected, rtol=1e-5)


def test_tiles_of_different_splits_share_no_pixel():
    columns = {}
    for split, blocks in coast.BLOCKS.items():
        starts = [block * coast.BLOCK_WIDTH for block in blocks]
        columns[split] = {x for start in starts for x in range(start, start + coast.BLOCK_WIDTH)}
    assert sum(map(len, columns.values())) == len(set.union(*columns.values())) == 5400
    earth = np.zeros((3, 2700, 5400), np.uint8)  # every pixel holds its column
    earth[0] = np.arange(5400) // 256
    earth[1] = np.arange(5400) % 256
    land = np.zeros((2700, 5400), np.uint8)
    land[::2] = coast.LAND
    for split in coast.BLOCKS:
        tiles = list(coast.tiles(earth, land, split))
        read = set()
        for tile in tiles:
            assert tile.image.shape == (3, 128, 128)
            assert tile.mask.mean() == 0.5
            read |= set(np.unique(tile.image[0].astype(int) * 256 + tile.image[1]).tolist())
        assert read <= columns[split]
        bands = 5  # from 62 S to 85 N
        assert len({tile.group for tile in tiles}) == bands * len(coast.BLOCKS[split])


def test_land_is_where_there_is_land():
    image, kind = coast.read_earth()
    assert image.shape == (3, 2700, 5400)
    places = {  # latitude, longitude
        coast.LAND: [(48.5, 2.5), (-25.0, 134.0), (40.0, -100.0), (0.0, 22.0), (64.9, -18.5)],
        coast.OCEAN: [(0.0, -160.0), (45.0, -35.0), (-40.0, 90.0), (35.0, 18.5)],
        coast.LAKE: [(47.7, -87.5), (-1.0, 33.0)],  # Superior, Victoria
    }
    for expected, points in places.items():
        for latitude, longitude in points:
            y, x = round((90 - latitude) * 15), round((longitude + 180) * 15)
            assert kind[y, x] == expected, (latitude, longitude)
    # Image and mask lie on each other: shifted by a few pixels they fit worse.
    blueness = image[2].astype(int) - image[0].astype(int)
    water = kind[300:2000] != coast.LAND

    def contrast(dx):
        rolled = np.roll(blueness, dx, axis=1)[300:2000]
        return rolled[water].mean() - rolled[~water].mean()

    assert contrast(0) > max(contrast(-3), contrast(3))


def test_places_are_named_by_hemisphere():
    assert coast.format_place(62.04, 6.0) == "62.0N_006.0E"
    assert coast.format_place(-60, -150.0) == "60.0S_150.0W"
