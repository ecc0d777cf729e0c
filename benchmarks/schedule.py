r"""Longer trainings or more seeds? python benchmarks/schedule.py RUNS

RUNS holds trainings of two operators that differ in `trainer.max_epochs` and the seed, wherever below it they are:

for epochs in 3 6 12 24; do
    python train.py -m upsample=nearest,transpose 'seed=range(100,110)' trainer.max_epochs=$epochs \
        'run_dir=${output_dir}/schedule/e${trainer.max_epochs}/${hydra:runtime.choices.upsample}/seed${seed}'
done

For each schedule: the mean of the validation images, the standard deviation of the difference of the two operators at
the same seed, and how far a bound on that difference reaches if the same time goes into more seeds of a shorter
schedule (one-sided, 95 %, Student's t). Test images are not looked at, and
seeds from 100 on are in no published result.
"""

import sys
from pathlib import Path

import numpy as np
import yaml
from scipy import stats

from unetlite.training.run import RunFiles

EQUAL_TIMES = (24, 72)  # in epochs of one operator
SCORE = "val/miou"


def read(directory: Path) -> dict[int, dict[str, dict[int, tuple[float, float]]]]:
    """By epochs, operator and seed: the score, and the seconds of the training."""
    found: dict[int, dict[str, dict[int, tuple[float, float]]]] = {}
    for file in sorted(directory.rglob("config.yaml")):
        run, config = RunFiles(file.parent), yaml.safe_load(file.read_text())
        if run.metrics.exists():
            metrics = run.stored_metrics()
            by_seed = found.setdefault(config["trainer"]["max_epochs"], {}).setdefault(config["upsample"]["name"], {})
            by_seed[config["seed"]] = metrics[SCORE], metrics["train/seconds"]
    return found


def main() -> None:
    columns = "".join(f" reach in the time of {most} epochs |" for most in EQUAL_TIMES)
    print(f"| epochs | seconds | mean IoU, each operator | their difference | deviation of it |{columns}")
    print("|" + "---|" * (5 + len(EQUAL_TIMES)))
    for epochs, operators in sorted(read(Path(sys.argv[1])).items()):
        (first, one), (second, other) = sorted(operators.items())
        seeds = sorted(one.keys() & other.keys())
        scores = np.array([[by_seed[seed][0] for seed in seeds] for by_seed in (one, other)])
        seconds = np.mean([by_seed[seed][1] for seed in seeds for by_seed in (one, other)])
        gaps = scores[0] - scores[1]
        deviation = gaps.std(ddof=1)
        means = ", ".join(f"{name} {mean:.4f}" for name, mean in zip((first, second), scores.mean(1), strict=True))
        cells = [f"{epochs}", f"{seconds:.0f}", means, f"{gaps.mean():+.4f} ± {deviation / len(seeds) ** 0.5:.4f}"]
        cells.append(f"{deviation:.5f}")
        for most in EQUAL_TIMES:
            count = most // epochs
            reach = stats.t.isf(0.05, count - 1) * deviation / count**0.5 if count > 1 else np.nan
            cells.append(f"{reach:.5f} ({count} seeds)" if count > 1 else "")
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
