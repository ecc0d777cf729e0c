"""Different images that have the same mask: one of them has the mask of the other."""

from collections.abc import Collection, Mapping
from hashlib import sha256

import numpy as np

MIN_DRAWN = 20  # pixels off the commonest value; fewer may be equal by chance
MAX_SAME = 0.05  # of the masks, or two: more are drawn after a template


def find_same_masks(
    masks: Mapping[str, np.ndarray], alike: Collection[frozenset[str]]
) -> list[str]:
    """A warning of named masks that are equal, though their images are not `alike`, pairs of names.

    Masks are values (H, W) or (H, W, 3).
    """
    by_content: dict[bytes, list[str]] = {}
    for name, values in masks.items():
        _, counts = np.unique(values, return_counts=True)
        if counts.sum() - counts.max() >= MIN_DRAWN:
            content = str(values.shape).encode() + values.tobytes()
            by_content.setdefault(sha256(content).digest(), []).append(name)
    same = [names for names in by_content.values() if len(names) > 1]
    if sum(map(len, same)) > max(2, MAX_SAME * len(masks)):
        return []
    found = []
    for names in same:
        first, *others = sorted(names)
        different = [other for other in others if frozenset((first, other)) not in alike]
        found += [f"{first} and {other}" for other in different]
    if not found:
        return []
    return [
        f"masks are the same, but their images differ: {', '.join(found)}; one of two has the "
        "mask of the other"
    ]
