"""`unetlite choose`: a folder of images and masks in, the upsampling to take out."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import typer
import yaml
from PIL import Image
from rich.live import Live

from unetlite.commands.compare import compare
from unetlite.data.survey import survey
from unetlite.errors import Failure, Stopped, UsageError
from unetlite.files import load_libraries, progress, read_mapping, write_text
from unetlite.pictures import overlay, picture_grid, pictures_of
from unetlite.settings import CONFIGS, HOME, compose_run, network_config, read_settings, seconds_of
from unetlite.timing import threads

FEWEST_STEPS = 300  # of a training; few images are cropped more often
LEAST_STEPS, LEAST_BATCH = 100, 4  # to which a short budget can shorten a training
SHARE = 0.9  # of the budget is for the race; the rest measures and writes
LOOP = 1.05  # a step with its data, augmentation and logging, by the bare step (benchmarks/training.py)


def choose(
    what: Annotated[str, typer.Argument(help="A folder with images/ and masks/, or a data set such as coast.")],
    settings: Annotated[list[str] | None, typer.Argument(help="Settings of train.py, as data.resize=256.")] = None,
    operators: Annotated[str | None, typer.Option(help="Two or more, such as transpose,nearest.")] = None,
    margin: Annotated[float | None, typer.Option(min=0, help="Mean IoU you would give for a cheaper one.")] = None,
    budget: Annotated[str | None, typer.Option(help="The time that it may take, such as 40m or 2h.")] = None,
    parallel: Annotated[int | None, typer.Option(min=1, help="Trainings at once; measured by default.")] = None,
) -> None:
    """Which upsampling to take: looks at your data, plans, trains no more than it must, and says so with its risk."""
    seconds_of(budget)  # which may be wrong
    what = str(Path(what).resolve()) if Path(what).is_dir() else what
    name = re.sub(r"[^\w-]+", "_", Path(what).name)
    directory = HOME / "outputs" / (name + "_" * (CONFIGS / "experiment" / f"{name}.yaml").exists())
    file = directory / "choose.json"
    wanted: dict[str, Any] = {"what": what, "settings": settings or [], "operators": operators}
    wanted |= {"margin": margin, "budget": budget}
    keys = ("wanted", "said", "words", "seeds", "parallel", "threads", "steps")
    remedy = "Delete it, and ask again: no training is lost if the plan is the same."
    stored = read_mapping(file, keys, remedy) if file.exists() else None
    if stored and stored["wanted"] != wanted:
        before = stored["wanted"]
        others = "; ".join(f"{k} was {before.get(k)} and is {v}" for k, v in wanted.items() if before.get(k) != v)
        remedy = "Ask that again, and it goes on; or delete the folder, or choose another by UNETLITE_HOME=DIR."
        raise UsageError(f"{directory} holds an answer to another question ({others}). {remedy}")
    load_libraries("torch", "lightning")
    if stored is None:
        stored = {"wanted": wanted, **plan(look(what, wanted["settings"], directory), wanted, parallel)}
        write_text(file, json.dumps(stored, indent=1) + "\n")
    print("\n".join(stored["said"]) + "\n", flush=True)
    race(stored, directory, parallel or stored["parallel"])
    compare(directory, tensorboard=True)


def quoted(value: Any) -> str:
    """A value as Hydra's grammar takes it."""
    if isinstance(value, str):
        # Backslashes are doubled before a quote alone.
        return "'" + re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), value) + "'"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{quoted(each)}" for key, each in value.items()) + "}"
    return "[" + ",".join(map(quoted, value)) + "]" if isinstance(value, (list, tuple)) else str(value)


def look(what: str, given: list[str], directory: Path) -> list[str]:
    """Says what the data are, with a contact sheet; gives the words that choose them on the command line."""
    from unetlite.data.batches import SegmentationData

    words = [f"data={what}", *given]
    if not (CONFIGS / "data" / f"{what}.yaml").exists():
        config = compose_run(["data=folder", f"data.root={quoted(what)}", *given])["data"]
        named = [word.partition("=")[0].removeprefix("data.") for word in given if word.startswith("data.")]
        options = ("classes", "ignore", "mask_suffix", "group", "val_fraction", "test_fraction", "split_seed")
        found, said = survey(Path(what), {key: config[key] for key in options if key in named})
        extra = [f"data.{key}={quoted(value)}" for key, value in found.items() if key not in named]
        words = ["data=folder", *extra, *given]
        print("\n".join(said))
    settings = read_settings(compose_run(words))
    store = SegmentationData(settings.source, Path(settings.data_dir), settings.loader, seed=settings.seed).store
    split, colours = store.splits["train"], store.colours
    typical = median(max(size) for size in split.sizes)
    if typical < settings.loader.crop_size and not any(word.startswith("data.crop_size=") for word in given):
        words.append(f"data.crop_size={math.ceil(typical / 16) * 16}")  # what images do not fill is padding
    counts = np.array(split.labels[: len(colours)])
    names = [f"{name} {share:.1%}" for name, share in zip(store.classes, counts / counts.sum(), strict=True)]
    if words[0] != "data=folder":
        sizes = ", ".join(f"{len(each)} {part}" for part, each in store.splits.items())
        groups = len(set(store.splits["test"].groups))
        print(f"classes  {', '.join(names)}\nsplits   {sizes}; {groups} groups are tested")
    rows = {}
    for index in np.unique(np.linspace(0, len(split) - 1, 5).round().astype(int)).tolist():
        image, mask = (pixels.numpy() for pixels in split[split.whole(index)])
        drawn, both = pictures_of(image, mask, mask, colours), overlay(image, mask, colours)
        rows[split.names[index]] = {"image": drawn["image"], "mask": drawn["truth"], "both": both}
    sheet = picture_grid(rows, dict(zip(names, colours, strict=True)), cell=240)
    directory.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(directory / "contact.png")
    print(f"look at  {directory / 'contact.png'}", flush=True)
    return [*words, f"experiment={directory.name}"]


def plan(words: list[str], wanted: dict[str, Any], parallel: int | None) -> dict[str, Any]:
    """Times a few steps of every operator; how long a training is to be, and what that takes."""
    from unetlite.compare.costs import pace
    from unetlite.compare.runs import LOOKS
    from unetlite.data.batches import data_of_run
    from unetlite.network.unet import UNet
    from unetlite.network.upsampling import UPSAMPLERS

    raced = yaml.safe_load((CONFIGS / "hydra" / "sweeper" / "race.yaml").read_text())["params"]["upsample"]
    names = (wanted["operators"] or raced).split(",")
    if len(set(names)) < 2 or set(names) - UPSAMPLERS.keys():
        raise UsageError(f"--operators {','.join(names)}: expected two or more of {', '.join(UPSAMPLERS)}.")
    configs = {name: compose_run([*words, f"upsample={name}"]) for name in names}
    data = data_of_run(configs[names[0]])
    loader, store = data.loader, data.store
    shape = {"in_channels": store.channels, "num_classes": len(store.classes)}
    networks = {name: UNet(network_config(config, **shape)) for name, config in configs.items()}
    with progress("timing some steps of every operator") as tell:
        steps, parallel = pace(networks, configs, parallel, tell)

    count, trainer = len(store.splits["train"]), configs[names[0]]["trainer"]
    chosen = {word.partition("=")[0] for word in wanted["settings"]}
    epochs, crops = trainer["max_epochs"], loader.crops_per_image
    per_epoch = max(1, count * crops // loader.batch_size)
    if epochs * per_epoch < FEWEST_STEPS and "data.crops_per_image" not in chosen and trainer["max_steps"] < 0:
        per_epoch = -(-FEWEST_STEPS // epochs)  # few images: more windows of each in an epoch
        crops = -(-per_epoch * loader.batch_size // count)
    total = epochs * per_epoch if trainer["max_steps"] < 0 else trainer["max_steps"]
    pixels = loader.batch_size * loader.crop_size**2
    val, test = (sum(h * w for h, w in store.splits[name].sizes) / pixels for name in ("val", "test"))

    def seconds(total: int, epochs: int, batch: int) -> float:
        """Of the trainings of all operators with one seed: steps, validations, and three passes over test images."""
        evaluated = (epochs * val + 3 * test) / 3  # a pass without gradients is a third of a step
        work = LOOP * total * batch / loader.batch_size + evaluated
        return sum(work * step + 4 for step in steps.values()) / parallel

    first, batch, limit = min(LOOKS), loader.batch_size, SHARE * (seconds_of(wanted["budget"]) or math.inf)
    while (least := first * seconds(LEAST_STEPS, -(-LEAST_STEPS // per_epoch), batch)) > limit and batch > LEAST_BATCH:
        batch, per_epoch = batch // 2, 2 * per_epoch
    if least > limit:
        needed = f"{least / SHARE / 60:.0f} minutes, with only {LEAST_STEPS} steps of {batch} images"
        taken = f"{first} seeds of {len(names)} operators take {needed}, by what a step takes now"
        less = "smaller images (data.resize=128) or a smaller network (model.widths=[8,16,32,64,128])"
        fewer = ", fewer --operators" * (len(names) > 2)
        raise UsageError(f"--budget {wanted['budget']}: {taken}; give that{fewer}, {less}.")
    while first * seconds(total, epochs, batch) > limit:
        total = max(LEAST_STEPS, int(0.97 * total))
        epochs = -(-total // per_epoch)
    seeds = max(k for k in LOOKS if k * seconds(total, epochs, batch) <= limit)
    each = max(1, threads() // parallel)
    at_once = f", {parallel} at once with {each} thread{'s' * (each > 1)} each" if parallel > 1 else ""
    shortest, longest = (k * seconds(total, epochs, batch) / 60 for k in (first, seeds))
    more = f", to {seeds * len(names)}, {longest:.0f} minutes" if seeds > first else ""
    inside = f"; the budget is {wanted['budget']}" if wanted["budget"] else ""
    said = [
        f"plan     {len(names)} operators: {', '.join(names)}",
        f"         {total} steps of {batch} images a training, {epochs} epoch{'s' * (epochs > 1)}{at_once}",
        f"         {first * len(names)} trainings, {shortest:.0f} minutes{more}{inside}",
    ]
    settled = {"data.crops_per_image": crops, "data.batch_size": batch}
    settled |= {"trainer.max_epochs": epochs, "trainer.max_steps": total}
    words = [word for word in words if word.partition("=")[0] not in settled]
    words += [f"{key}={value}" for key, value in settled.items()]
    words += ["hydra/sweeper=race", f"hydra.sweeper.seeds={seeds}", f"upsample={','.join(names)}"]
    words += [] if wanted["margin"] is None else [f"hydra.sweeper.margin={wanted['margin']}"]
    words += [f"hydra.sweeper.budget={limit:.0f}s"] if wanted["budget"] else []
    return {"said": said, "words": words, "seeds": seeds, "parallel": parallel, "threads": threads(), "steps": steps}


def race(stored: dict[str, Any], directory: Path, parallel: int) -> None:
    """Runs the race in a process of its own, and shows how it stands. Ctrl+C ends it; asked again, it goes on."""
    from unetlite.compare.race import Standing

    standing = Standing(directory, stored["seeds"], stored["steps"])
    shared = {"OMP_NUM_THREADS": str(max(1, stored["threads"] // parallel))}
    environment = os.environ | shared | {"UNETLITE_PARENT": str(os.getpid())}  # with which it ends, whatever happens
    command = [sys.executable, "-m", "unetlite", "train", "-m", *stored["words"]]
    command += ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={parallel}"] if parallel > 1 else []
    with (directory / "race.log").open("a") as log, Live(refresh_per_second=2, transient=True) as live:
        running = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        try:
            while running.poll() is None:
                for line in standing.update():
                    live.console.print(line, highlight=False)
                if live.console.is_terminal:
                    live.update(standing.table())
                time.sleep(1)
        except Stopped as stopped:
            os.killpg(running.pid, signal.SIGTERM) if hasattr(os, "killpg") else running.terminate()
            running.wait()
            raise Stopped(stopped.number, "; the same command goes on") from None
    for line in standing.update():
        print(line)
    if running.returncode:
        last = (directory / "race.log").read_text().strip().splitlines()[-1]
        raise Failure(f"the race ended with code {running.returncode}: {last} (see {directory / 'race.log'})")
