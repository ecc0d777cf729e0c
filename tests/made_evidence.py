"""Evidence of data sets that were never there."""

from dataclasses import asdict

from unetlite.compare.across_sets import Evidence
from unetlite.data.meta_features import MetaFeatures
from unetlite.judge.across import SetDifference

ERROR = 0.001


def make_evidence(lead, spread=0.001, sets=6):
    """Evidence in which carafe leads by so much on each of several sets, give or take."""
    by_set, looks = {}, {}
    for k in range(sets):
        scores = {"transpose": 0.0, "nearest": -0.001 * (k % 2), "carafe": lead}
        scores["carafe"] += spread * (-1) ** k
        pairs = {}
        for first, high in scores.items():
            for second, low in scores.items():
                if first != second:
                    pairs[first, second] = SetDifference(high - low, ERROR**2)
        by_set[f"set{k}"] = pairs
        looks[f"set{k}"] = asdict(MetaFeatures(2, 50 * (k + 1), 256, 0.1 * k, 0.2, 3 + k, 2))
    provenance = {"looks": looks, "settings": ["model=mini"], "network": "mini"}
    provenance |= {"steps": 300, "seeds_of_an_operator": 3}
    return Evidence({"miou": by_set}, provenance)
