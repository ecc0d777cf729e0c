"""Trains what is missing of protocol.yaml, and writes the scores of all that is there.

    python docs/results/trainings.py DATA [--only NETWORK/SET ...] [--workers 2] [--scores-only]

DATA holds a folder for each set, made by the scripts in sets/. Runs go to outputs/protocol/, as
mini/nuclei/transpose/seed100. Trainings that are finished stay, and interrupted ones go on.
"""

import argparse
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from unetlite.compare.runs import read_run
from unetlite.run_directory import RunFiles
from unetlite.scheduling.devices import Device
from unetlite.scheduling.local import LocalScheduler
from unetlite.settings.composition import compose_run
from unetlite.settings.paths import HOME
from unetlite.settings.schema import Settings

HERE = Path(__file__).parent
SCORES = HERE / "scores"
METRICS = ("miou", "boundary_iou_1px")
NEEDS_POSITIONS = "unpool"  # of maxima, which encoders of timm do not give


def list_trainings(protocol: dict[str, Any], data: Path) -> Iterator[tuple[str, Settings]]:
    """The name of each comparison, as mini/nuclei, with the settings of its trainings."""
    for seed in protocol["seeds"]:
        for network, model in protocol["networks"].items():
            for name, words in protocol["sets"].items():
                if network != "mini" and name not in protocol["pretrained_sets"]:
                    continue
                of_set = [word.replace("{root}", str(data / name)) for word in words]
                experiment = f"protocol/{network}/{name}"
                for operator in protocol["operators"]:
                    if operator == NEEDS_POSITIONS and network != "mini":
                        continue
                    overrides = [*of_set, *model, *protocol["schedule"], f"upsample={operator}"]
                    values = {"seed": seed, "resume": "auto", "experiment": experiment}
                    yield f"{network}/{name}", compose_run(overrides, values)


def write_scores(comparison: str, runs: list[Settings]) -> None:
    """One row a training and test image: scores by the columns that `unetlite judge` reads.

    The mean of a column over the images of a training is its score.
    """
    file = SCORES / f"{comparison.replace('/', '-')}.csv.gz"
    SCORES.mkdir(exist_ok=True)
    with gzip.GzipFile(file, "wb", mtime=0) as packed:
        lines = [",".join(["upsample", "seed", "group", "image", *METRICS])]
        for settings in runs:
            run = read_run(Path(settings.run_dir))
            columns = [run.image_scores(metric) for metric in METRICS]
            for image, group, *scores in zip(run.images, run.groups, *columns, strict=True):
                cells = [settings.upsample["name"], str(run.seed), group, image]
                cells += [f"{score:.6g}" for score in scores]
                lines.append(",".join(cells))
        packed.write(("\n".join(lines) + "\n").encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", default=[], metavar="NETWORK/SET")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--scores-only", action="store_true", help="train nothing")
    options = parser.parse_args()
    protocol = yaml.safe_load((HERE / "protocol.yaml").read_text())
    trainings = list(list_trainings(protocol, options.data))
    wanted = options.only or sorted({name for name, _ in trainings})
    missing = []
    for comparison in wanted:
        for name, settings in trainings:
            if name == comparison and not RunFiles(Path(settings.run_dir)).metrics.exists():
                missing.append(settings)
    if not options.scores_only:
        print(f"{len(missing)} trainings are missing", flush=True)
        log = HOME / "outputs" / "protocol" / "trainings.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        slots = [Device("cpu")] * options.workers
        with LocalScheduler(slots, 1, log) as scheduler:
            for done, outcome in enumerate(scheduler.run(missing), start=1):
                failure = "" if outcome.failure is None else f"   failed: {outcome.failure}"
                print(f"{done} of {len(missing)}: {outcome.settings.run_dir}{failure}", flush=True)
    for comparison in wanted:
        runs = [settings for name, settings in trainings if name == comparison]
        finished = [each for each in runs if RunFiles(Path(each.run_dir)).metrics.exists()]
        write_scores(comparison, finished)


if __name__ == "__main__":
    main()
