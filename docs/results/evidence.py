"""Makes the evidence in the package from scores/: what `unetlite advise` says is drawn from it.

    python docs/results/evidence.py [DATA]

DATA holds the folders of the sets, as for trainings.py: there the looks of a set are measured, and
kept from then on. Without it every set must have been looked at before.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import yaml
from transfer import SEEDS, read_judgement

import unetlite.data.coast
import unetlite.data.public  # noqa: F401
from unetlite.compare.across_sets import HEADER, PROVENANCE, TABLE
from unetlite.data.folder import FilePairs
from unetlite.data.meta_features import MetaFeatures, measure_meta_features
from unetlite.data.samples import DATASETS, spread
from unetlite.files import write_text
from unetlite.judge.judgement import Judgement
from unetlite.judge.statistics import pair_differences
from unetlite.settings.composition import compose_run
from unetlite.tables import write_csv

HERE = Path(__file__).parent
NETWORK = "mini"
METRICS = ("miou", "boundary_iou_1px")
MAX_SAMPLES = 40

Row = tuple[str, str, str, str, float, float]


def read_judgements(scores: Path, metric: str) -> dict[str, Judgement]:
    """By set, of all comparisons of the network that are there."""
    judgements = {}
    for file in sorted(scores.glob(f"{NETWORK}-*.csv.gz")):
        judgement = read_judgement(file, metric)
        if judgement is not None:
            judgements[file.name.removeprefix(f"{NETWORK}-").removesuffix(".csv.gz")] = judgement
    return judgements


def list_rows(scores: Path) -> Iterator[Row]:
    """The rows of the table: each pair of operators once."""
    for metric in METRICS:
        for name, judgement in read_judgements(scores, metric).items():
            operators = sorted(judgement.scores.values)
            differences = pair_differences(judgement.scores.by_group(operators))
            for first, second in combinations(operators, 2):
                difference = differences[first, second]
                yield (
                    name,
                    metric,
                    first,
                    second,
                    float(f"{difference.mean:.4g}"),
                    float(f"{difference.standard_error:.3g}"),
                )


def describe_sets(scores: Path) -> dict[str, dict[str, Any]]:
    """By set: what was compared."""
    sets = {}
    for name, judgement in read_judgements(scores, "miou").items():
        table = judgement.scores
        sets[name] = {
            "operators": sorted(table.values),
            "seeds": list(table.seeds),
            "test_images": len(table.images),
            "test_groups": len(set(table.groups)),
        }
    return sets


def find_meta_features(words: list[str], folder: Path) -> MetaFeatures:
    """The meta-features of a set of the protocol."""
    settings = compose_run([word.replace("{root}", str(folder)) for word in words])
    dataset = DATASETS.build(settings.data.dataset)
    if isinstance(dataset, FilePairs):
        pairs = list(dataset.all_pairs())
        count = len(pairs)
        samples = [dataset.read(pair) for pair in spread(pairs, MAX_SAMPLES)]
    else:
        everything = list(chain.from_iterable(dataset.samples().values()))
        count = len(everything)
        samples = spread(everything, MAX_SAMPLES)
    return measure_meta_features(samples, count, len(dataset.classes))


def round_values(features: MetaFeatures) -> dict[str, int | float]:
    """The values, with four digits after the point."""
    values = {}
    for key, value in asdict(features).items():
        values[key] = round(value, 4) if isinstance(value, float) else value
    return values


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--scores", type=Path, default=HERE / "scores")
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--provenance", type=Path, default=PROVENANCE)
    options = parser.parse_args()
    protocol = yaml.safe_load((HERE / "protocol.yaml").read_text())
    sets = describe_sets(options.scores)
    looks = {}
    if options.provenance.exists():
        looks = json.loads(options.provenance.read_text())["looks"]
    for name in sets:
        if name in looks:
            continue
        if options.data is None:
            parser.error(f"{name} was not looked at yet. Give the folder DATA.")
        features = find_meta_features(protocol["sets"][name], options.data / name)
        looks[name] = round_values(features)
    write_csv(options.table, HEADER, list(list_rows(options.scores)))
    content = {
        "format": "unetlite evidence",
        "version": 1,
        "made_by": f"docs/results/evidence.py of unetlite {version('unetlite')}",
        "protocol": "docs/results/protocol.md",
        "network": NETWORK,
        "settings": protocol["networks"][NETWORK],
        "schedule": protocol["schedule"],
        "steps": compose_run(protocol["schedule"]).trainer.max_steps,
        "seeds_of_an_operator": SEEDS,
        "sets": sets,
        "looks": looks,
    }
    write_text(options.provenance, json.dumps(content, indent=1) + "\n")
    print(f"{len(sets)} sets: {', '.join(sets) or 'none'}")


if __name__ == "__main__":
    main()
