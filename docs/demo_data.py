"""Draws the data set of the networks that come with the package: coasts, thin lines, many discs.

`write_data(DIR)` writes images/, masks/ and splits.csv: some are coasts from space, most are drawn.
Everything follows from SEED, and no image of a split is in another one.
"""

import csv
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from unetlite.data.coast import LAND, PIXELS_PER_DEGREE, read_earth, tiles

CLASSES = ("background", "land", "line", "disc")
BACKGROUND, LAND_CLASS, LINE, DISC = range(len(CLASSES))

SEED = 0
SIDE = 128  # pixels of an image
EXAMPLE_SIDE = 256
COUNTS = {
    "train": {"coast": 140, "lines": 120, "discs": 80, "both": 60},
    "val": {"coast": 21, "lines": 18, "discs": 12, "both": 9},
    "test": {"coast": 35, "lines": 30, "discs": 20, "both": 15},
    "example": {"coast": 1, "lines": 1, "discs": 1, "both": 1},
}
"""Images of each kind. An example is a test image, and larger."""

JAPAN = (46, 126)  # degrees north and east of the upper left corner; no run is trained there

LINES = 4  # in an image of SIDE x SIDE pixels, on average
DISCS = 40  # at most
TRIES = 20  # to place a disc
WIDTHS = (1.0, 1.5, 2.0, 3.0)  # of lines, in pixels
STEP = 3.0  # pixels between the corners of a line
FINE = 4  # lines are drawn so many times as large, and averaged
THIN = 0.4  # of a pixel is covered, at least, where the mask has a line
GAPS = (1.0, 2.5)  # pixels between discs that nearly touch
RADII = (2.5, 3.5, 11.0)  # the smallest, the commonest, the largest


class Drawing(NamedTuple):
    """An image with its mask and its group."""

    image: np.ndarray  # uint8 (H, W, 3)
    mask: np.ndarray  # uint8 (H, W), class indices
    group: str


class Disc(NamedTuple):
    """A disc that is nearly round, in pixels."""

    y: float
    x: float
    radius: float


def write_data(directory: Path) -> None:
    """Writes the images of all splits but the examples, in the layout of `data=folder`."""
    image, kind = read_earth()
    rows = []
    for split in ("train", "val", "test"):
        drawings = {**coasts(image, kind, split), **drawn(split, SIDE)}
        for name, drawing in drawings.items():
            write_png(directory / "images" / f"{name}.png", drawing.image)
            write_png(directory / "masks" / f"{name}.png", drawing.mask)
            rows.append((name, split, drawing.group))
    with (directory / "splits.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "split", "group"))
        writer.writerows(rows)


def write_examples(directory: Path) -> None:
    """Writes a large image of each kind as JPEG, and the masks of those that are drawn.

    That of the coast is made from GSHHG, whose licence is another one.
    """
    examples = {"coast": japan(), **drawn("example", EXAMPLE_SIDE)}
    for name, drawing in examples.items():
        kind, _, _ = name.partition("-")
        file = directory / "images" / f"{kind}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawing.image).save(file, quality=92, subsampling=0)
        if kind != "coast":
            write_png(directory / "masks" / f"{kind}.png", drawing.mask)


def example_masks(directory: Path) -> dict[str, np.ndarray]:
    """The masks uint8 (H, W) of what `write_examples` wrote, by the name of the image's file."""
    masks = {"coast.jpg": japan().mask}
    for file in (directory / "masks").iterdir():
        masks[f"{file.stem}.jpg"] = read_mask(file)
    return masks


def read_test_masks(directory: Path) -> dict[str, np.ndarray]:
    """The masks of the test images that `write_data` wrote, by the name of the image's file."""
    masks = {}
    with (directory / "splits.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == "test":
                name = f"{row['id']}.png"
                masks[name] = read_mask(directory / "masks" / name)
    return masks


def read_mask(file: Path) -> np.ndarray:
    """Class indices uint8 (H, W)."""
    with Image.open(file) as mask:
        return np.array(mask)


def write_png(file: Path, values: np.ndarray) -> None:
    """Writes an image, and its folder if need be."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(file, optimize=True)


def coasts(image: np.ndarray, kind: np.ndarray, split: str) -> dict[str, Drawing]:
    """Tiles of a split of `data=coast` at equal distances, by name; water is background."""
    samples = list(tiles(image, kind, split))
    positions = np.linspace(0, len(samples) - 1, COUNTS[split]["coast"]).round().astype(int)
    drawings = {}
    for position in positions.tolist():
        sample = samples[position]
        pixels = np.ascontiguousarray(sample.image.transpose(1, 2, 0))
        mask = sample.mask * np.uint8(LAND_CLASS)
        drawings[f"coast-{sample.name}"] = Drawing(pixels, mask, sample.group)
    return drawings


def japan() -> Drawing:
    """The coast of the examples."""
    image, kind = read_earth()
    north, east = JAPAN
    top = (90 - north) * PIXELS_PER_DEGREE
    left = (180 + east) * PIXELS_PER_DEGREE
    area = np.s_[..., top : top + EXAMPLE_SIDE, left : left + EXAMPLE_SIDE]
    pixels = np.ascontiguousarray(image[area].transpose(1, 2, 0))
    mask = np.where(kind[area] == LAND, LAND_CLASS, BACKGROUND)
    return Drawing(pixels, mask.astype(np.uint8), "japan")


def drawn(split: str, side: int) -> dict[str, Drawing]:
    """The drawn images of a split, by name. Each is a group of its own."""
    drawings = {}
    kinds = list(COUNTS[split])
    for kind, count in COUNTS[split].items():
        if kind == "coast":
            continue
        for number in range(count):
            key = [SEED, list(COUNTS).index(split), kinds.index(kind), number]
            random = np.random.default_rng(key)
            name = f"{kind}-{split}-{number:03d}"
            drawings[name] = draw(random, side, kind, name)
    return drawings


def draw(random: np.random.Generator, side: int, kind: str, name: str) -> Drawing:
    """An image of lines, of discs or of both on a textured ground."""
    image = draw_ground(random, side)
    mask = np.zeros((side, side), np.uint8)
    size = (side / SIDE) ** 2
    if kind in ("discs", "both"):
        share = 0.4 if kind == "both" else random.uniform(0.4, 1)
        draw_discs(random, image, mask, round(share * DISCS * size))
    if kind in ("lines", "both"):
        draw_lines(random, image, mask, max(2, round(random.normal(LINES, 1) * size)))
    image = gaussian_filter(image, (0.5, 0.5, 0))  # as a lens does
    image += random.normal(0, random.uniform(2, 6), image.shape)  # and a sensor
    return Drawing(image.clip(0, 255).astype(np.uint8), mask, name)


def draw_ground(random: np.random.Generator, side: int) -> np.ndarray:
    """A textured ground, float64 (H, W, 3): wide shades, patches and fibres around a colour."""
    colour = random.uniform(115, 195) + random.normal(0, 6, 3)  # grey, unlike land
    strength = random.uniform(0.4, 1)
    texture = np.zeros((side, side))
    for sigma, contrast in ((24.0, 24), (5.0, 9), ((1.0, 3.0), 9)):
        noise = gaussian_filter(random.standard_normal((side, side)), sigma)
        texture += contrast * noise / noise.std()
    return colour + strength * texture[..., None]


def draw_lines(
    random: np.random.Generator, image: np.ndarray, mask: np.ndarray, count: int
) -> None:
    """Draws curved lines, brighter or darker than the ground. Half of them branch off another."""
    side = len(mask)
    curves: list[np.ndarray] = []
    for _ in range(count):
        start = random.uniform(0, side, 2)
        if curves and random.random() < 0.5:
            trunk = curves[random.integers(len(curves))]
            start = trunk[random.integers(len(trunk))]
        curve = bend(random, start, random.uniform(0.4, 1.3) * side)
        curves.append(curve)
        covered = cover(curve, random.choice(WIDTHS), side)
        contrast = random.choice((-1, 1)) * random.uniform(45, 95)
        tint = contrast + random.normal(0, 8, 3)
        image += covered[..., None] * tint
        mask[covered >= THIN] = LINE


def bend(random: np.random.Generator, start: np.ndarray, length: float) -> np.ndarray:
    """The corners (n, 2) of a curve whose direction wanders."""
    steps = round(length / STEP)
    bends = gaussian_filter(random.standard_normal(steps), 4) * 0.35
    angles = random.uniform(0, 2 * np.pi) + bends.cumsum()
    moves = STEP * np.stack([np.sin(angles), np.cos(angles)], axis=1)
    return start + moves.cumsum(0)


def cover(curve: np.ndarray, width: float, side: int) -> np.ndarray:
    """The share of each pixel that a curve of this width covers, float64 (H, W)."""
    canvas = Image.new("L", (FINE * side, FINE * side))
    corners = [(FINE * x, FINE * y) for y, x in curve.tolist()]
    ImageDraw.Draw(canvas).line(corners, fill=255, width=round(FINE * width), joint="curve")
    return np.asarray(canvas.reduce(FINE)) / 255


def draw_discs(
    random: np.random.Generator, image: np.ndarray, mask: np.ndarray, count: int
) -> None:
    """Draws discs that shade towards their rim. Where two nearly touch, there is background."""
    rows, columns = np.indices(mask.shape)
    contrast = random.choice((-1, 1)) * random.uniform(40, 85)
    colour = contrast + random.normal(0, 15, 3)
    for disc in place_discs(random, len(mask), count):
        angle = random.uniform(0, np.pi)
        stretch = random.uniform(0.9, 1)  # of one axis, so that no gap closes
        down, right = rows - disc.y, columns - disc.x
        along = down * np.sin(angle) + right * np.cos(angle)
        across = (down * np.cos(angle) - right * np.sin(angle)) / stretch
        distance = np.hypot(along, across)
        covered = (disc.radius + 0.5 - distance).clip(0, 1)
        shade = random.uniform(0.75, 1.1) * (1 - 0.35 * (distance / disc.radius) ** 2)
        image += (covered * shade)[..., None] * colour
        mask[covered >= 0.5] = DISC


def place_discs(random: np.random.Generator, side: int, count: int) -> list[Disc]:
    """So many discs that do not overlap, if there is room. Most stand close to another one."""
    placed: list[Disc] = []
    for _ in range(TRIES * count):
        radius = random.triangular(*RADII)
        y, x = random.uniform(0, side, 2)
        if placed and random.random() < 0.75:
            other = placed[random.integers(len(placed))]
            angle = random.uniform(0, 2 * np.pi)
            away = other.radius + radius + random.uniform(*GAPS)
            y = other.y + away * np.sin(angle)
            x = other.x + away * np.cos(angle)
        disc = Disc(y, x, radius)
        if len(placed) < count and fits(disc, placed, side):
            placed.append(disc)
    return placed


def fits(disc: Disc, placed: list[Disc], side: int) -> bool:
    """True if the centre is in the image, and no other disc is nearer than the smallest gap."""
    if not (0 <= disc.y < side and 0 <= disc.x < side):
        return False
    for other in placed:
        away = math.hypot(disc.y - other.y, disc.x - other.x)
        if away < disc.radius + other.radius + GAPS[0]:
            return False
    return True
