"""Seconds to a verdict, from nothing: `unetlite choose coast --margin 0.003`, and where they go.

python benchmarks/verdict.py [--keep DIR] [choose's other words]       a race from nothing, in an empty folder
python benchmarks/verdict.py --read HOME [NAME]                        the split of one that is there
python benchmarks/verdict.py --replay RUNS [--margin 0.003] [--seeds 10] [--orders 1]     no training
python benchmarks/verdict.py --throughput [--steps 60] [--rounds 3]    one run with two threads, two with one each

The split is read from what a race leaves: the times of its files, the logs and metrics of its runs. Of what runs do at
once, each second counts 1/n. "starting" is what is left: processes that start, imports, what is read, and waiting.

--replay judges finished runs (RUNS/<variant>/seed<k>, such as outputs/coast) as a race would have, and says which of
them it would have taken. With --orders the seeds are shuffled so many times, and all is averaged.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from statistics import mean, median

from unetlite.compare.race import Race
from unetlite.compare.runs import read_comparison, read_race
from unetlite.files import read_mapping

CHOOSE = ["coast", "--margin", "0.003"]
COSTS = ("counting and exporting", "measuring latencies", "measuring training steps")  # what `compare` says it does


def changed(file: Path) -> float:
    """When a file was last written."""
    return file.stat().st_mtime


def of_run(run: Path) -> dict[str, float]:
    """Seconds of a finished run by what it did, from its first line in the log on."""
    metrics = read_mapping(run / "metrics.json", ("train/seconds", "train/images_per_second"), "Train it again.")
    lines = (run / "train.log").read_text().splitlines()
    times = [datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f").timestamp() for line in lines if line[:1].isdigit()]
    steps = [int(found[1]) for line in lines if (found := re.search(r"step +(\d+)", line))]
    config = (run / "config.yaml").read_text()
    batch = int(re.search(r"batch_size: (\d+)", config)[1])  # type: ignore[index]
    training = steps[-1] * batch / metrics["train/images_per_second"]
    testing = changed(run / "metrics.json") - times[-1]
    return {
        "training": training, "evaluating": metrics["train/seconds"] - training + testing,
        "start": times[0], "end": changed(run / "metrics.json"),
    }  # fmt: skip


def split(home: Path, name: str, started: float, ended: float, said: list[tuple[float, str]]) -> dict[str, float]:
    """Seconds of a whole answer by what they went into; `said` are the lines of `choose`, with their times."""
    directory = home / "outputs" / name
    planned = changed(directory / "choose.json")
    at_once = json.loads((directory / "choose.json").read_text())["parallel"]
    runs = [of_run(file.parent) for file in sorted(directory.rglob("metrics.json"))]
    raced = changed(directory / "race.json")
    shares = {
        "looking at the data and planning": planned - started,
        "training": sum(run["training"] for run in runs) / at_once,
        "evaluating": sum(run["evaluating"] for run in runs) / at_once,
        "judging": judging(runs, raced),
    }
    shares["starting"] = raced - planned - sum(shares[key] for key in ("training", "evaluating", "judging"))
    costs = [when for when, line in said if line.startswith(COSTS)]
    drawing = [when for when, line in said if line.startswith("predicting test images")]
    if costs and drawing:
        shares["judging"] += costs[0] - raced  # reads all runs once more
        shares["measuring costs"], shares["drawing"] = drawing[0] - costs[0], ended - drawing[0]
    else:
        shares["measuring costs and drawing"] = ended - raced
    return shares


def judging(runs: list[dict[str, float]], raced: float) -> float:
    """From the last run to the end of the race; the looks before the last one are with what starts."""
    return max(0.0, raced - max(run["end"] for run in runs))


def show(shares: dict[str, float], title: str) -> None:
    total = sum(shares.values())
    print(f"\n| {title} | s | |\n|---|---|---|")
    for name, seconds in shares.items():
        print(f"| {name} | {seconds:.1f} | {seconds / total:.0%} |")
    print(f"| all | {total:.1f} | |")


def from_nothing(home: Path, words: list[str]) -> None:
    """Asks, and tells how long the answer took."""
    environment = os.environ | {"UNETLITE_HOME": str(home)}
    started, said = time.time(), []
    command = [sys.executable, "-m", "unetlite", "choose", *CHOOSE, *words]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            said.append((time.time(), line.strip()))
            print(f"{time.time() - started:6.0f} s  {line}", end="", flush=True)
    ended = time.time()
    if running.returncode:
        sys.exit(f"it ended with code {running.returncode}")
    (home / "said.json").write_text(json.dumps({"started": started, "ended": ended, "said": said}))
    read(home, CHOOSE[0])


def read(home: Path, name: str) -> None:
    """The table of an answer that is there."""
    record = json.loads((home / "said.json").read_text())
    race = read_race(home / "outputs" / name)
    assert race is not None
    count = len(list((home / "outputs" / name).rglob("metrics.json")))
    print(f"\n{count} trainings, looks after {[look['seeds'] for look in race.looks]} seeds: {race.ended}")
    show(split(home, name, record["started"], record["ended"], record["said"]), "seconds to a verdict")


def replay(directory: Path, margin: float | None, seeds: int, orders: int) -> None:
    """What a race of these runs would have taken."""
    comparison = read_comparison(directory)
    paths = {name: {run.seed: run.files.path for run in runs} for name, runs in comparison.variants.items()}
    known = sorted(set.intersection(*map(set, paths.values())))
    seconds = {run.files.path: float(run.metrics["train/seconds"] or 0) for run in comparison.runs}
    plan = {"by": comparison.by, "variants": {name: [] for name in paths}, "metric": "miou", "margin": margin}
    results, shuffled, generator = [], list(known), random.Random(0)
    for _ in range(orders):
        with tempfile.TemporaryDirectory() as empty:
            race = Race(Path(empty), {**plan, "seeds": seeds, "budget": None})
            used: set[Path] = set()
            while race.ended is None and race.seeds <= len(known):
                runs = {name: [paths[name][seed] for seed in shuffled[: race.seeds]] for name in race.racing}
                used |= {path for each in runs.values() for path in each}
                race.look(runs)
            best = min(race.looks[-1]["regret"], key=race.looks[-1]["regret"].get) if race.looks else "none"
            least = min(race.looks[-1]["regret"].values()) if race.looks else float("nan")
            why = race.ended or f"no more than {len(known)} seeds are there"
            results.append((len(used), sum(seconds[path] for path in used), len(race.looks), least, best, why))
        generator.shuffle(shuffled)
    trainings, spent, looks, least, best, why = zip(*results, strict=True)
    print(f"{directory}: {len(paths)} variants, {len(known)} seeds, mean {mean(seconds.values()):.0f} s of a training")
    print(f"trainings taken  {mean(trainings):.1f}  ({min(trainings)} to {max(trainings)})")
    print(f"seconds of them  {mean(spent):.0f}, one after the other, without starting and testing")
    print(f"looks            {mean(looks):.1f}")
    print(f"regret at the end, at most  {mean(least):.4f}  ({min(least):.4f} to {max(least):.4f})")
    print(f"taken            {', '.join(f'{name} {times}' for name, times in Counter(best).most_common())}")
    print(f"ended            {', '.join(f'{each}: {times}' for each, times in Counter(why).most_common())}")


def throughput(steps: int, rounds: int, words: list[str]) -> None:
    """Images a second of one run with all threads, and of as many runs at once with one each, in turn."""
    import torch

    cores = torch.get_num_threads()
    found: dict[str, list[float]] = {"one": [], "several": []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            for name, at_once in (("one", 1), ("several", cores)):
                environment = os.environ | {"OMP_NUM_THREADS": str(cores // at_once)}
                places = [Path(folder) / f"{name}{number}_{k}" for k in range(at_once)]
                runs = []
                for place in places:
                    command = [
                        sys.executable,
                        "-m",
                        "unetlite",
                        "train",
                        f"trainer.max_steps={1 if number == 0 else steps}",
                    ]
                    command += [*words, f"run_dir={place}"]
                    runs.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL))
                if any(run.wait() for run in runs):
                    sys.exit("a run failed")
                if number:  # the first decodes the data and fills the caches
                    rates = [
                        json.loads((place / "metrics.json").read_text())["train/images_per_second"] for place in places
                    ]
                    found[name].append(sum(rates))
                    print(f"{name:8} {sum(rates):6.1f} images/s", flush=True)
    one, several = (median(values) for values in found.values())
    print(f"\n1 run x {cores} threads   {one:.1f} images/s")
    print(f"{cores} runs x 1 thread   {several:.1f} images/s, {several / one:.2f} times")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="more words for choose, or settings of train.py")
    parser.add_argument("--keep", type=Path, help="the folder, which must be empty; by default a temporary one")
    parser.add_argument("--read", type=Path, metavar="HOME")
    parser.add_argument("--replay", type=Path, metavar="RUNS")
    parser.add_argument("--margin", type=float, default=0.003, help="of --replay")
    parser.add_argument("--seeds", type=int, default=10, help="of --replay: 3, 5, 7 or 10")
    parser.add_argument("--orders", type=int, default=1, help="of --replay")
    parser.add_argument("--throughput", action="store_true")
    parser.add_argument("--steps", type=int, default=60, help="of --throughput")
    parser.add_argument("--rounds", type=int, default=3, help="of --throughput")
    given, more = parser.parse_known_args()
    words = [*given.words, *more]
    if given.read:
        read(given.read, *(words or [CHOOSE[0]]))
    elif given.replay:
        replay(given.replay, given.margin, given.seeds, given.orders)
    elif given.throughput:
        throughput(given.steps, given.rounds, words)
    elif given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
        if any(given.keep.iterdir()):
            sys.exit(f"{given.keep} is not empty")
        from_nothing(given.keep.resolve(), words)
    else:
        with tempfile.TemporaryDirectory() as home:
            from_nothing(Path(home), words)


if __name__ == "__main__":
    main()
