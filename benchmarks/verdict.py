"""Seconds to a verdict, and where they go: `unetlite choose coast --margin 0.003`.

python benchmarks/verdict.py race [--keep DIR] [choose's words]   from nothing, in an empty folder
python benchmarks/verdict.py split HOME                           the table of one that was kept
python benchmarks/verdict.py replay RUNS [--margin 0.003] [--seeds 10] [--orders 1]
python benchmarks/verdict.py throughput [--steps 60] [--rounds 3] [KEY=VALUE ...]

`race` splits the seconds by what a race leaves: the times of its files, and the logs and metrics of
its runs. Of trainings at once, each second counts 1/n. "starting" is the rest: workers that start,
imports, and waiting for the last training of a round.

`replay` judges finished runs, such as outputs/coast, as a race would have, without training, and
says which of them it would have taken. With --orders, seeds are shuffled so many times, and the
figures are means.

`throughput` compares one training with all threads to as many at once as there are threads.
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
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

from unetlite.compare.comparison import Comparison, read_comparison
from unetlite.compare.race.race import Race, RacePlan
from unetlite.compare.race.record import read_race
from unetlite.run_directory import RunFiles
from unetlite.scheduling.devices import list_devices, make_slots
from unetlite.scheduling.local import LocalScheduler
from unetlite.settings.composition import compose_run
from unetlite.threads import num_threads

DATA = "coast"
REQUEST = [DATA, "--margin", "0.003", "--no-levers"]
COSTS = ("counting and exporting", "measuring latencies", "measuring training steps")
"""How lines of `unetlite compare` begin while it measures."""

DRAWING = "predicting test images"


class Line(NamedTuple):
    """What `choose` printed, and when."""

    time: float
    text: str


class RunTimes(NamedTuple):
    """Seconds of a finished run, and when it ended."""

    training: float
    evaluating: float
    end: float


def run_times(run: RunFiles) -> RunTimes:
    """By the log of a run and its metrics."""
    metrics: Any = run.stored_metrics()
    times, steps = [], []
    for line in run.log.read_text().splitlines():
        if line[:1].isdigit():
            times.append(datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f").timestamp())
        step = re.search(r"step +(\d+)", line)
        if step is not None:
            steps.append(int(step[1]))
    batch_size = run.stored_config()["data"]["batch_size"]
    training = steps[-1] * batch_size / metrics["train/images_per_second"]
    end = modified(run.metrics)
    testing = end - times[-1]
    return RunTimes(training, metrics["train/seconds"] - training + testing, end)


def modified(file: Path) -> float:
    """When a file was last written."""
    return file.stat().st_mtime


def finished_runs(directory: Path) -> list[RunFiles]:
    return [RunFiles(file.parent) for file in sorted(directory.rglob("metrics.json"))]


def split_seconds(
    directory: Path, start: float, end: float, lines: Sequence[Line]
) -> dict[str, float]:
    """Seconds of a whole answer by what they went into."""
    planned = modified(directory / "choose.json")
    raced = modified(directory / "race.json")
    parallel = json.loads((directory / "choose.json").read_text())["parallel"]
    runs = [run_times(run) for run in finished_runs(directory)]
    seconds = {
        "inspecting the data and planning": planned - start,
        "training": sum(run.training for run in runs) / parallel,
        "evaluating": sum(run.evaluating for run in runs) / parallel,
        # Interim analyses before the last one are with what starts.
        "judging": max(0.0, raced - max(run.end for run in runs)),
    }
    race = seconds["training"] + seconds["evaluating"] + seconds["judging"]
    seconds["starting"] = raced - planned - race
    measuring = [line.time for line in lines if line.text.startswith(COSTS)]
    drawing = [line.time for line in lines if line.text.startswith(DRAWING)]
    if measuring and drawing:
        seconds["judging"] += measuring[0] - raced  # reads all runs once more
        seconds["measuring costs"] = drawing[0] - measuring[0]
        seconds["drawing"] = end - drawing[0]
    else:
        seconds["measuring costs and drawing"] = end - raced
    return seconds


def race(home: Path, words: Sequence[str]) -> None:
    """Runs `unetlite choose` in an empty folder, and prints the table."""
    environment = {**os.environ, "UNETLITE_HOME": str(home)}
    command = [sys.executable, "-m", "unetlite", "choose", *REQUEST, *words]
    start = time.time()
    lines = []
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for text in process.stdout:
            now = time.time()
            lines.append(Line(now, text.strip()))
            print(f"{now - start:6.0f} s  {text}", end="", flush=True)
    end = time.time()
    if process.returncode != 0:
        sys.exit(f"it ended with code {process.returncode}")
    record = {"start": start, "end": end, "lines": lines}
    (home / "output.json").write_text(json.dumps(record))
    print_split(home)


def print_split(home: Path) -> None:
    """The table of a race in a folder."""
    record = json.loads((home / "output.json").read_text())
    lines = [Line(*line) for line in record["lines"]]
    directory = home / "outputs" / f"{DATA}-race"
    race_record = read_race(directory)
    assert race_record is not None
    seeds = [interim["seeds"] for interim in race_record.interims]
    trainings = len(finished_runs(directory))
    print(f"\n{trainings} trainings, interim analyses after {seeds} seeds: {race_record.ended}")
    seconds = split_seconds(directory, record["start"], record["end"], lines)
    total = sum(seconds.values())
    print("\n| seconds to a verdict | s | |\n|---|---|---|")
    for name, value in seconds.items():
        print(f"| {name} | {value:.1f} | {value / total:.0%} |")
    print(f"| all | {total:.1f} | |")


class Replay(NamedTuple):
    """What a race of finished runs would have taken."""

    trainings: int
    seconds: float
    interims: int
    regret: float  # the smallest at the last interim analysis
    best: str  # the variant with it
    ended: str


def replay_race(comparison: Comparison, order: Sequence[int], plan: RacePlan) -> Replay:
    """A race of finished runs, whose seeds come in this order."""
    by_seed: dict[str, dict[int, Any]] = {}
    for name, runs in comparison.variants.items():
        by_seed[name] = {run.seed: run for run in runs}
    used = {}
    with tempfile.TemporaryDirectory() as empty:
        race = Race(Path(empty), plan, no_training)
        record = race.record
        while record.ended is None and record.next_seeds <= len(order):
            seeds = order[: record.next_seeds]
            variants = {}
            for name in record.racing:
                variants[name] = [by_seed[name][seed] for seed in seeds]
                for run in variants[name]:
                    used[run.files.path] = float(run.metrics["train/seconds"] or 0)
            race.add_interim(Comparison(plan.by, variants, list(range(len(seeds))), [], []))
    ended = record.ended or f"no more than {len(order)} seeds are there"
    best, regret = "none", float("nan")
    if record.interims:
        regrets = record.interims[-1]["regret"]
        best = min(regrets, key=regrets.__getitem__)
        regret = regrets[best]
    return Replay(len(used), sum(used.values()), len(record.interims), regret, best, ended)


def no_training(variant: str, seed: int) -> Any:
    raise NotImplementedError("a replay trains nothing")


def replay(directory: Path, margin: float, seeds: int, orders: int) -> None:
    """Prints what a race of these runs would have taken."""
    comparison = read_comparison(directory)
    variants = list(comparison.variants)
    plan = RacePlan(variants, by=comparison.by, margin=margin, seeds=seeds)
    order = list(comparison.seeds)
    generator = random.Random(0)
    replays = []
    for _ in range(orders):
        replays.append(replay_race(comparison, order, plan))
        generator.shuffle(order)
    print(f"{directory}: {len(variants)} variants, {len(order)} seeds")
    print_mean("trainings", replays, lambda each: each.trainings, digits=1)
    print_mean("seconds of training in turn", replays, lambda each: each.seconds, digits=0)
    print_mean("interim analyses", replays, lambda each: each.interims, digits=1)
    print_mean("max regret at the end", replays, lambda each: each.regret, digits=4)
    print_counts("chosen", [each.best for each in replays])
    print_counts("ended", [each.ended for each in replays])


def print_mean(
    name: str, replays: Sequence[Replay], value: Callable[[Replay], float], digits: int
) -> None:
    values = [value(each) for each in replays]
    print(
        f"{name:28} {mean(values):.{digits}f}  "
        f"({min(values):.{digits}f} to {max(values):.{digits}f})"
    )


def print_counts(name: str, values: Sequence[str]) -> None:
    counts = [f"{value}: {count}" for value, count in Counter(values).most_common()]
    print(f"{name:28} {', '.join(counts)}")


def train_at_once(workers: int, overrides: Sequence[str], directory: Path) -> float:
    """Images a second of so many trainings at once, which share the threads."""
    jobs = []
    for seed in range(workers):
        jobs.append(compose_run([*overrides, f"seed={seed}", f"output_dir={directory}"]))
    threads = max(1, num_threads() // workers)
    slots = make_slots(list_devices(), workers)
    with LocalScheduler(slots, threads, directory.with_suffix(".log")) as scheduler:
        finished = [outcome.settings for outcome in scheduler.run(jobs)]
    rates = [
        RunFiles(Path(settings.run_dir)).stored_metrics()["train/images_per_second"]
        for settings in finished
    ]
    return sum(rate or 0 for rate in rates)


def throughput(steps: int, rounds: int, overrides: Sequence[str]) -> None:
    """One training with all threads, and one a thread, in turn."""
    threads = num_threads()
    rates: dict[int, list[float]] = {1: [], threads: []}
    with tempfile.TemporaryDirectory() as folder:
        # The first training decodes the data and fills the caches.
        train_at_once(1, ["trainer.max_steps=1", *overrides], Path(folder) / "first")
        overrides = [f"trainer.max_steps={steps}", *overrides]
        for number in range(rounds):
            for workers, values in rates.items():
                rate = train_at_once(workers, overrides, Path(folder) / f"{workers}at{number}")
                values.append(rate)
                print(f"{workers} at once {rate:6.1f} images/s", flush=True)
    one, several = median(rates[1]), median(rates[threads])
    print(f"\n1 run, {threads} threads   {one:.1f} images/s")
    print(f"{threads} runs, 1 thread each   {several:.1f} images/s, {several / one:.2f} times")


def parse_arguments() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("race")
    command.add_argument("--keep", type=Path, help="the folder; by default a temporary one")
    command = commands.add_parser("split")
    command.add_argument("home", type=Path)
    command = commands.add_parser("replay")
    command.add_argument("runs", type=Path)
    command.add_argument("--margin", type=float, default=0.003)
    command.add_argument("--seeds", type=int, default=10, help="3, 5, 7 or 10")
    command.add_argument("--orders", type=int, default=1)
    command = commands.add_parser("throughput")
    command.add_argument("--steps", type=int, default=60)
    command.add_argument("--rounds", type=int, default=3)
    return parser.parse_known_args()


def main() -> None:
    options, words = parse_arguments()
    if options.command == "split":
        print_split(options.home)
    elif options.command == "replay":
        replay(options.runs, options.margin, options.seeds, options.orders)
    elif options.command == "throughput":
        throughput(options.steps, options.rounds, words)
    elif options.keep is None:
        with tempfile.TemporaryDirectory() as home:
            race(Path(home), words)
    else:
        options.keep.mkdir(parents=True, exist_ok=True)
        if any(options.keep.iterdir()):
            sys.exit(f"{options.keep} is not empty")
        race(options.keep.resolve(), words)


if __name__ == "__main__":
    main()
