"""`unetlite inspect --masks`: masks of training images, by two networks that each saw one half."""

from pathlib import Path

from unetlite.compare.doctor.fold_masks import PARTS, MaskCheck, check_training_masks
from unetlite.compare.planning.schedule import Schedule
from unetlite.compare.planning.user_data import fit_crop, name_data
from unetlite.data.inspect import Inspection
from unetlite.data.loader import SegmentationData
from unetlite.errors import RunFailed
from unetlite.network.checkpoint import load_network
from unetlite.run_directory import RunFiles, lock
from unetlite.scheduling.resources import Resources, Share, make_scheduler
from unetlite.settings.composition import compose_run
from unetlite.settings.paths import HOME
from unetlite.settings.schema import Settings
from unetlite.terminal import progress
from unetlite.threads import num_threads
from unetlite.training.fit import open_data

STEPS = 300  # of a training
BATCH_SIZE = 8
CROP_SIZE = 128


def check_masks(directory: Path, typed: list[str], inspection: Inspection) -> MaskCheck:
    """Trains two networks on half of the training images each, unless that was done before.

    `typed` are settings of the user, `inspection` has the others.
    """
    _, name = name_data(str(directory))
    words = ["data=folder", *typed]
    values = {f"data.{key}": value for key, value in inspection.settings.items()}
    data = open_data(compose_run(words, values))
    # Images that change have trainings of their own.
    runs = HOME / "outputs" / f"{name}-masks-{data.dataset.content_hash[:8]}"
    settings = {}
    for part in PARTS:
        changes = {**values, **short_schedule(data, words, values), "data.held_out": part}
        number = part.partition("/")[0]
        changes |= {"experiment": runs.name, "run_dir": str(runs / f"half{number}" / "seed0")}
        settings[part] = compose_run(words, changes)
    with lock(runs):
        train_missing(list(settings.values()), data, runs)
    networks = {}
    for part, of_part in settings.items():
        networks[part] = load_network(RunFiles(Path(of_part.run_dir)).test_checkpoint).eval()
    with progress("looking at the masks of training images"):
        return check_training_masks(data, networks)


def short_schedule(
    data: SegmentationData, words: list[str], values: dict[str, object]
) -> dict[str, object]:
    """Settings of a training of STEPS steps on half of the images."""
    images = max(1, len(data.dataset.splits["train"]) // 2)
    crop_size = fit_crop(compose_run(words, {**values, "data.crop_size": CROP_SIZE}), data)
    schedule = Schedule(
        STEPS,
        crops_per_image=1,
        batch_size=BATCH_SIZE,
        crop_size=crop_size.get("data.crop_size", CROP_SIZE),
        images=images,
    )
    settings = schedule.in_epochs(1).settings()
    return {**settings, "trainer.max_epochs": 2, "test": False, "resume": "auto"}


def train_missing(runs: list[Settings], data: SegmentationData, directory: Path) -> None:
    """Trains those that are not finished. Raises RunFailed if one gives no result."""
    missing = [each for each in runs if not RunFiles(Path(each.run_dir)).metrics.exists()]
    if not missing:
        return
    print(f"masks    training {len(missing)} networks on half of the images each", flush=True)
    scheduler = make_scheduler(
        Resources(),
        runs[0].trainer.accelerator,
        Share(len(runs), num_threads()),
        directory / "masks.log",
        shared=[data.dataset.splits["train"].directory],
    )
    with scheduler:
        for outcome in scheduler.run(missing):
            if outcome.failure is not None:
                raise RunFailed(f"the masks cannot be examined: {outcome.failure}")


def mask_lines(check: MaskCheck) -> list[str]:
    """What two networks make of the masks of training images, for the terminal."""
    if not check.has_learnt:
        return [
            f"masks    not examined: on {check.images} images the median IoU is "
            f"{check.median:.2f}, so the networks know too little"
        ]
    sentences = check.suspects.sentences
    if not sentences:
        return [f"masks    {check.images} of training images fit (median IoU {check.median:.2f})"]
    return [f"masks    {sentence}" for sentence in sentences]
