"""Whether tiles show: a large image predicted in tiles against the same image predicted whole.

python benchmarks/tiles.py outputs/coast/*/seed0/best.ckpt
"""

import sys

import numpy as np
from PIL import Image

from unetlite import load
from unetlite.data.coast import find_files

WINDOW = (800, 400, 800 + 2500, 400 + 1500)  # of the Blue Marble: left, top, right, bottom
TILE = 1024  # pixels, so that this image has six or more


def main(paths):
    """One line a checkpoint and overlap."""
    with Image.open(find_files()[0]) as earth:
        image = earth.convert("RGB").crop(WINDOW)
    for path in paths:
        whole = load(path, tile=10_000).predict(image)
        for overlap in (0, 32, None):
            model = load(path, tile=TILE, overlap=overlap)
            tiled = model.predict(image)
            differing = (tiled.classes != whole.classes).mean()
            largest = np.abs(tiled.probabilities - whole.probabilities).max()
            print(
                f"{model.metadata.network.upsample['name']:18} tile {TILE}, overlap {model.tiling.halo:3}"
                f"{' (default)' if overlap is None else '':10}  receptive field {model.metadata.receptive_field}: "
                f"{differing:.5%} of the classes differ, probabilities by {largest:.1e} at most"
            )


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
