"""Races with a fault at a random moment: each ends in the verdict of an undisturbed one.

    python tests/faults/races.py 50

Prints a line a race, and a table. Exits with 1 if a race ended otherwise and did not say why.
"""

import json
import multiprocessing
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from importlib.util import find_spec
from multiprocessing.process import BaseProcess
from pathlib import Path

from lightning.pytorch import Callback
from server import SEED, two_classes

from unetlite.compare.race.race import Race
from unetlite.compare.race.record import RacePlan
from unetlite.exit_codes import cli_errors
from unetlite.judge import learning
from unetlite.scheduling.resources import Resources, Share, make_scheduler
from unetlite.settings.composition import compose_run

VARIANTS = ["nearest", "bilinear", "transpose"]
FAULTS = ["none", "worker killed", "driver killed", "disk full", "diverging"]
STARTS = 4  # of one race, at most
FULL = 3000  # bytes that a file may have on a full disk
LIMIT = 600  # seconds of a race
FORK = multiprocessing.get_context("fork")
os.environ["OMP_NUM_THREADS"] = "1"  # a fork has no threads but its own


class Diverge(Callback):
    """Makes weights of one variant and seed not a number, after some steps."""

    def __init__(self, variant: str, seed: int, steps: int):
        self.run = (variant, seed)
        self.steps = steps

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        settings = pl_module.settings
        is_run = (settings.upsample["name"], settings.seed) == self.run
        if is_run and trainer.global_step == self.steps:
            pl_module.network.head.bias.data.fill_(float("nan"))


def drive(place: Path, images: Path, on: str, callback: str, errors: Path) -> None:
    """The process of a race. Its workers are forks, since imports would take most of the time."""
    with errors.open("w") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
            stream.reconfigure(line_buffering=True)
    multiprocessing.get_context = lambda _: FORK
    learning.MIN_SKILL = -1  # a few steps teach little

    def make_settings(variant, seed):
        words = [
            "data=folder",
            f"data.root={images}",
            f"data_dir={images.parent / 'data'}",
            f"output_dir={place}",
            "experiment=test",
            "model.widths=[4,6]",
            "data.crop_size=32",
            "data.batch_size=4",
            "trainer.accelerator=cpu",
            "trainer.max_epochs=6",
            "trainer.max_steps=20",
            f"upsample={variant}",
            f"seed={seed}",
            "resume=auto",
        ]
        if callback:
            words.append(f"+trainer.callbacks.fault={callback}")
        return compose_run(words)

    directory = place / "test"
    directory.mkdir(parents=True, exist_ok=True)
    slurm = "cluster=local" if on == "slurm" else None
    with cli_errors():
        race = Race(directory, RacePlan(VARIANTS, margin=0.9), make_settings)
        scheduler = make_scheduler(
            Resources(on=on, parallel=2, slurm=slurm),
            "cpu",
            Share(2, 2),
            directory / "race.log",
            shared=[images],
        )
        with scheduler:
            race.run(scheduler, print, print, print)


class Trial:
    """One race in a folder of its own, and what happened to it."""

    def __init__(self, place: Path, images: Path, chance: random.Random):
        self.place = place
        self.images = images
        self.chance = chance
        self.messages: list[str] = []  # the last line of each start that failed
        self.starts = 0
        self.callback = ""
        self.errors = place.parent / f"{place.name}.err"

    def start(self, on: str = "local") -> BaseProcess:
        """Starts the process of the race: a fork, which has imported everything already.

        That of Ray is no fork, since Ray has threads.
        """
        self.starts += 1
        context = multiprocessing.get_context("spawn") if on == "ray" else FORK
        process = context.Process(
            target=drive,
            args=(self.place, self.images, on, self.callback, self.errors),
        )
        process.start()
        return process

    def wait_for_a_moment(self) -> None:
        """Until some of the trainings have begun, chosen at random."""
        begun = self.chance.randint(1, 8)
        deadline = time.monotonic() + LIMIT
        while len(list(self.place.glob("*/*/seed*/train.log"))) < begun:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(self.chance.uniform(0, 1.5))

    def workers(self) -> list[int]:
        """The processes whose output is the log of the race."""
        log = self.place / "test" / "race.log"
        found = []
        for process in filter(str.isdigit, os.listdir("/proc")):
            with suppress(OSError):
                if os.path.samefile(f"/proc/{process}/fd/1", log):
                    found.append(int(process))
        return found

    def finish(self, process: BaseProcess, on: str = "local") -> None:
        """Waits for the end of the race, and starts it again while it fails."""
        process.join(LIMIT)
        while process.exitcode != 0 and self.starts < STARTS:
            last_line = self.errors.read_text().strip().splitlines()[-1:]
            self.messages.append(f"[{process.exitcode}] {last_line}")
            process = self.start(on)
            process.join(LIMIT)

    def verdict(self) -> dict:
        """The interim analyses without their times, the end, and the failures."""
        record = json.loads((self.place / "test" / "race.json").read_text())
        for interim in record["interims"]:
            del interim["seconds"]
        return {key: record[key] for key in ("interims", "ended", "failures")}


def suffer(trial: Trial, fault: str) -> None:
    """Runs a race with a fault to its end."""
    if fault == "diverging":
        variant = trial.chance.choice(VARIANTS)
        seed, steps = trial.chance.randrange(3), trial.chance.randrange(1, 20)
        trial.callback = f"{{_target_:races.Diverge,variant:{variant},seed:{seed},steps:{steps}}}"
    process = trial.start()
    if fault in ("none", "diverging"):
        trial.finish(process)
        return
    trial.wait_for_a_moment()
    if fault == "worker killed":
        for worker in trial.workers()[: trial.chance.randint(1, 2)]:
            os.kill(worker, signal.SIGKILL)
    elif fault == "driver killed":
        process.kill()
    elif fault == "disk full":
        for worker in trial.workers():
            resource.prlimit(worker, resource.RLIMIT_FSIZE, (FULL, FULL))
    trial.finish(process)


def lose_a_node(trial: Trial) -> None:
    """Runs a race on two nodes of Ray, of which one is killed."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    node = cluster.add_node(num_cpus=1)
    os.environ["RAY_ADDRESS"] = cluster.address
    process = trial.start("ray")
    trial.wait_for_a_moment()
    cluster.remove_node(node, allow_graceful=False)
    trial.finish(process, "ray")
    cluster.shutdown()


def lose_the_head(trial: Trial) -> None:
    """Runs a race on a Ray whose head is killed, and starts it again on another one."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    os.environ["RAY_ADDRESS"] = cluster.address
    process = trial.start("ray")
    trial.wait_for_a_moment()
    cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False)
    process.join(LIMIT)
    another = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    os.environ["RAY_ADDRESS"] = another.address
    trial.finish(process, "ray")
    another.shutdown()


CLUSTER_FAULTS = {"node gone": lose_a_node, "head gone": lose_the_head}


def judge(found: dict, expected: dict) -> str:
    """How a verdict stands to that of an undisturbed race."""
    if found == expected:
        return "same verdict"
    if found["failures"] and found["ended"]:
        failed = {failure["variant"] for failure in found["failures"]}
        judged = set(found["interims"][-1]["regret"])
        means = found["interims"][-1]["means"]
        original = expected["interims"][-1]["means"]
        if not failed & judged and all(means[name] == original[name] for name in means):
            return "verdict of the others, says why"
    return "OTHER VERDICT"


def main(arguments: list[str]) -> None:
    faults = list(FAULTS[1:])
    if find_spec("ray") is not None:
        faults += CLUSTER_FAULTS
    counts: Counter[tuple[str, str]] = Counter()
    folder = Path(tempfile.mkdtemp(prefix="races-"))
    images = two_classes(folder / "images", 16)
    reference = Trial(folder / "undisturbed", images, random.Random(SEED))
    suffer(reference, "none")
    expected = reference.verdict()
    plan = [faults[number % len(faults)] for number in range(int(arguments[0]))]
    plan.sort(key=lambda fault: fault in CLUSTER_FAULTS)  # after them Ray's threads are here
    for number, fault in enumerate(plan):
        chance = random.Random(f"{SEED} {number}")
        trial = Trial(folder / str(number), images, chance)
        begin = time.monotonic()
        if fault in CLUSTER_FAULTS:
            CLUSTER_FAULTS[fault](trial)
        else:
            suffer(trial, fault)
        result = judge(trial.verdict(), expected)
        counts[fault, result] += 1
        seconds = time.monotonic() - begin
        print(f"{number:3} {fault:14} {result}  {trial.starts} starts, {seconds:.0f} s", flush=True)
        for message in trial.messages:
            print(f"      {message}", flush=True)
    print(f"\nUNETLITE_SEED={SEED}")
    for (fault, result), count in sorted(counts.items()):
        print(f"{fault:16} {result:32} {count}")
    sys.exit("OTHER VERDICT" in {result for _, result in counts})


if __name__ == "__main__":
    main(sys.argv[1:])
