"""One run: settings in, a run directory out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from unetlite.errors import UsageError
from unetlite.files import relative_path
from unetlite.run_directory import RunDirectory
from unetlite.settings.schema import Settings
from unetlite.terminal import load_libraries

if TYPE_CHECKING:
    from unetlite.data.loader import SegmentationData


def prepare(settings: Settings) -> RunDirectory:
    """The directory of a run. Raises UsageError if it is in use, or for an unknown choice."""
    run = RunDirectory(settings)
    load_libraries("torch", "lightning")

    from unetlite.data.loader import DATASETS
    from unetlite.network.downsampling import DOWNSAMPLERS
    from unetlite.network.upsampling import UPSAMPLERS

    UPSAMPLERS.options(settings.upsample)
    DOWNSAMPLERS.options(settings.downsample)
    DATASETS.options(settings.data.dataset)
    if settings.model.encoder is not None:
        is_new = run.resume_from is None and not run.finished
        check_encoder(settings, settings.model.encoder.weights if is_new else "none")
    match_to = settings.model.match_to
    if settings.model.match is not None and match_to not in UPSAMPLERS:
        raise UsageError(f"model.match_to={match_to}: choose one of {', '.join(UPSAMPLERS)}.")
    return run


def check_encoder(settings: Settings, weights: str) -> None:
    """Raises UsageError for an encoder that does not fit, or weights that are not there."""
    import torch

    from unetlite.network.encoders.weights import check_weights
    from unetlite.network.unet import UNet

    config = settings.unet_config()
    assert config.encoder is not None
    with torch.device("meta"):
        UNet(config)
    check_weights(config.encoder, weights)


def check_data_of(runs: Sequence[RunDirectory]) -> None:
    """Raises UsageError if a run, or another one of its experiment, was trained on other data."""
    from unetlite.training.fit import check_data, open_data

    opened: dict[str, SegmentationData] = {}
    for run in runs:
        if not run.recorded_data():
            continue
        source = str(run.settings.data.dataset)
        if source not in opened:
            opened[source] = open_data(run.settings)
        check_data(run, opened[source])


def train(settings: Settings) -> float:
    """Trains and tests a network, and leaves a run directory.

    Returns the mean IoU of the validation images. With resume=auto a finished run stays.
    """
    run = prepare(settings)
    # Imported here because it takes seconds: a misspelt setting is answered before.
    from unetlite.training.fit import check_data, fit_and_test, open_data

    if run.finished:
        if run.data_hash is not None:
            check_data(run, open_data(settings))
        print(f"{relative_path(run.path)} is finished")
        metrics = run.stored_metrics()
    else:
        metrics = fit_and_test(settings, run)
    return metrics["val/miou"] or 0.0
