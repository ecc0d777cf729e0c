"""Whether tiles show: a large image predicted in tiles against the same image predicted whole.

python benchmarks/tiles.py outputs/coast/*/seed0/best.ckpt
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from unetlite import load
from unetlite.data.coast import find_files

WINDOW = (800, 400, 800 + 2500, 400 + 1500)  # of the Blue Marble: left, top, right, bottom
TILE = 1024  # pixels, so that this image has six
LEAST = (0, 64)  # overlaps besides the default


def main(paths):
    """One line a checkpoint and overlap."""
    with Image.open(find_files()[0]) as earth:
        image = earth.convert("RGB").crop(WINDOW)
    for path in paths:
        whole = load(path, tile=10_000).predict(image)
        for overlap in (*LEAST, None):
            model = load(path, tile=TILE, overlap=overlap)
            tiled = model.predict(image)
            differing = (tiled.classes != whole.classes).mean()
            largest = np.abs(tiled.probabilities - whole.probabilities).max()
            print(
                f"{model.card.config['upsample']['name']:18} tile {TILE}, overlap {model.tiling.overlap:3}"
                f"{' (default)' if overlap is None else '':10}  receptive field {model.card.receptive_field}: "
                f"{differing:.5%} of the classes differ, probabilities by {largest:.1e} at most"
            )


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main([Path(path) for path in sys.argv[1:]])
