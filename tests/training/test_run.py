"""A run: what it learns, how it resumes, and that no optimisation changes its losses."""

import json
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from helpers import add_images, invert_masks, overrides, turn_masks
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from unetlite.checkpoint import load_checkpoint
from unetlite.errors import Interrupted, UsageError
from unetlite.metrics.overlap import SegmentationScores
from unetlite.network.checkpoint import load_network
from unetlite.network.initialization import initialise
from unetlite.network.unet import UNet
from unetlite.network.upsampling.rearrange import Zeros
from unetlite.network.upsampling.resize import Bicubic, Nearest
from unetlite.settings.composition import compose_run
from unetlite.settings.paths import CHECKOUT
from unetlite.settings.schema import METADATA_KEY, UNetConfig
from unetlite.tables import read_csv
from unetlite.training.fit import open_data
from unetlite.training.run import train
from unetlite.training.segmenter import Segmenter

TIMES = {"train/seconds", "train/images_per_second"}
MISSING = "mps" if torch.cuda.is_available() else "gpu"  # an accelerator that is not here
TOLERANCE = {"32-true": 1e-5, "bf16-mixed": 5e-3}  # of a loss; differences grow from step to step


def read_metrics(run):
    return json.loads((Path(run) / "metrics.json").read_text())


def test_training_learns_and_returns_the_monitored_value(discs, tmp_path):
    csv_logger = "lightning.pytorch.loggers.CSVLogger"
    words = overrides(
        discs,
        tmp_path,
        "trainer.max_epochs=15",
        "data.crops_per_image=2",
        f"+trainer.loggers.csv={{_target_: {csv_logger}, save_dir: {tmp_path / 'csv'}}}",
        "+trainer.callbacks.timer._target_=lightning.pytorch.callbacks.Timer",
    )
    settings = compose_run(words)
    value = train(settings)
    metrics = read_metrics(settings.run_dir)
    assert value == metrics["val/miou"]
    # Bright discs on dark noise: a threshold would do. Background alone scores about 0.45.
    assert metrics["test/miou"] > 0.85
    events = EventAccumulator(settings.run_dir, size_guidance={"images": 0}).Reload()
    assert len(events.Images("val/pictures")) <= 6
    logged = read_csv(next((tmp_path / "csv").rglob("metrics.csv")))
    best = max(float(value or 0) for value in logged["val/miou"])
    curve = [event.value for event in events.Scalars("score/miou")]
    assert best == pytest.approx(max(curve), abs=1e-5)


class Interruption(Exception):
    """Stands for a crash."""


def interrupt(settings, monkeypatch, step=5, by_signal=False):
    """Trains up to a step, as if the process crashed there, or got a signal to stop."""
    original = Segmenter.training_step

    def interrupted(self, batch, batch_idx):
        if self.global_step == step:
            if not by_signal:
                raise Interruption
            signal.getsignal(signal.SIGTERM)(signal.SIGTERM, None)
        return original(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(Segmenter, "training_step", interrupted)
        with pytest.raises(Interrupted if by_signal else Interruption) as error:
            train(settings)
    if by_signal:
        command = f"at step {step + 1}; the same command with resume=auto goes on from there"
        assert command in str(error.value)
    return settings


def read_logged(settings):
    """The scalars of TensorBoard by tag and step, and the lines of the log on epochs."""
    events = EventAccumulator(settings.run_dir).Reload()
    scalars = {}
    for tag in events.Tags()["scalars"]:
        scalars[tag] = [(event.step, event.value) for event in events.Scalars(tag)]
    lines = (Path(settings.run_dir) / "train.log").read_text().splitlines()
    return scalars, {line.split("epoch")[1] for line in lines if "val mIoU" in line}


def read_results(settings):
    """The checkpoint after the last step, and the scores without times."""
    metrics = read_metrics(settings.run_dir)
    for name in TIMES:
        del metrics[name]
    return load_checkpoint(Path(settings.run_dir) / "last.ckpt"), metrics


def test_an_interrupted_run_resumes_to_the_bit(discs, tmp_path, monkeypatch):
    settings = compose_run(overrides(discs, tmp_path, "trainer.max_epochs=3"))
    straight = replace(settings, run_dir=str(tmp_path / "straight"))
    train(straight)
    expected, scores = read_results(straight)
    for step in (5, 7):  # of a crash, and of a signal inside an epoch
        interrupted = replace(settings, run_dir=str(tmp_path / str(step)))
        interrupt(interrupted, monkeypatch, step, by_signal=step == 7)
        with pytest.raises(UsageError, match="resume=auto"):
            train(interrupted)
        resuming = replace(interrupted, resume=True)
        faster = replace(settings.trainer, learning_rate=0.1)
        with pytest.raises(UsageError, match=r"trainer\.learning_rate \(0\.004 there, 0\.1 here\)"):
            train(replace(resuming, trainer=faster))
        train(resuming)
        checkpoint, resumed_scores = read_results(resuming)
        assert checkpoint["global_step"] == expected["global_step"] > step
        for name, value in checkpoint["state_dict"].items():
            assert torch.equal(value, expected["state_dict"][name]), name
        assert resumed_scores == scores
        assert read_logged(resuming) == read_logged(straight)


@pytest.mark.parametrize("frozen", ["true", "false"])
def test_a_run_with_a_pretrained_encoder_resumes_to_the_bit_without_its_file(
    discs, tmp_path, monkeypatch, frozen
):
    """Its images get the normalisation of the weights."""
    timm = pytest.importorskip("timm")
    file = tmp_path / "my weights.pth"
    torch.manual_seed(0)
    original = timm.create_model("test_resnet")
    torch.save(original.state_dict(), file)
    more = (
        "model=pretrained",
        "model.widths=null",
        "model.decoder_widths=[8,8,8,8,8]",
        "model.encoder.name=test_resnet",
        f"model.encoder.weights={file}",
        f"model.encoder.frozen={frozen}",
        "trainer.max_epochs=3",
    )
    settings = compose_run(overrides(discs, tmp_path, *more))
    straight = replace(settings, run_dir=str(tmp_path / "straight"))
    train(straight)
    interrupt(settings, monkeypatch, 5)
    file.rename(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="there is no such file"):
        train(replace(settings, run_dir=str(tmp_path / "another")))
    train(replace(settings, resume=True))

    first = load_checkpoint(Path(settings.run_dir) / "last.ckpt")
    second = load_checkpoint(Path(straight.run_dir) / "last.ckpt")
    weights = first["state_dict"]
    for name, value in weights.items():
        assert torch.equal(value, second["state_dict"][name]), name
    for metadata in (first[METADATA_KEY], second[METADATA_KEY]):
        assert len(metadata["environment"]["encoder_weights"]) == 64
    assert torch.allclose(weights["network.mean"], 255 * torch.tensor(0.5))
    for name, value in original.state_dict().items():
        if name.startswith("layer1"):  # batch norms with their statistics, too
            is_equal = torch.equal(weights[f"network.encoder.body.net.{name}"], value)
            assert is_equal == (frozen == "true"), name


@pytest.mark.parametrize("change", [invert_masks, turn_masks, add_images])
def test_a_run_goes_on_with_its_own_data_wherever_they_are(discs, tmp_path, monkeypatch, change):
    """Other data are refused in words; another code goes on with a warning."""
    words = overrides(discs, tmp_path, "trainer.max_epochs=3")
    settings = interrupt(compose_run(words), monkeypatch)
    kept = shutil.copytree(discs, tmp_path / "kept")
    change(discs)
    with pytest.raises(UsageError, match=r"other data than data\.root=.*experiment=NAME"):
        train(replace(settings, resume=True))
    assert not (Path(settings.run_dir) / "metrics.json").exists()
    moved = replace(settings.data, dataset={**settings.data.dataset, "root": str(kept)})
    monkeypatch.setattr("unetlite.training.fit.code_version", lambda: "9+new")
    train(replace(settings, data=moved, resume=True))
    assert "9+new goes on with it" in (Path(settings.run_dir) / "train.log").read_text()


def test_runs_that_differ_in_the_operator_see_the_same_batches(discs, tmp_path, monkeypatch):
    seen = {}
    original = Segmenter.training_step

    def recording(self, batch, batch_idx):
        seen.setdefault(self.network.config.upsample["name"], []).append(batch.image.clone())
        return original(self, batch, batch_idx)

    monkeypatch.setattr(Segmenter, "training_step", recording)
    for operator in ("transpose", "bilinear"):
        torch.manual_seed(len(seen))
        words = overrides(discs, tmp_path, f"upsample={operator}", "trainer.max_epochs=2")
        train(compose_run(words))
    assert len(seen["transpose"]) == 6
    for first, second in zip(*seen.values(), strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(seen["transpose"][0], seen["transpose"][3])  # another epoch


def plain_losses(network, batches, steps):
    """The losses of the same training in eager float32 PyTorch."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.004, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.004, total_steps=steps)
    losses = []
    for pixels, mask in batches:
        logits, labelled = network(pixels), mask != 255
        truth = torch.stack([mask == k for k in (0, 1)], 1).float()
        share = logits.softmax(1) * labelled[:, None]
        dice = 1 - 2 * (share * truth).sum((2, 3)) / ((share + truth).sum((2, 3)) + 1e-8)
        loss = F.cross_entropy(logits, mask, ignore_index=255) + dice.mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize(
    ("operator", "precision"),
    [("transpose", "bf16-mixed")]
    + [(name, "32-true") for name in ("nearest", "zeros", "bicubic", "carafe")],
)
def test_nothing_that_makes_a_run_fast_changes_its_losses(
    operator, precision, discs, tmp_path, monkeypatch
):
    """Channels last, bfloat16, the fused optimiser, equal forms of operators: step by step."""
    batches, losses = [], []
    original = Segmenter.training_step

    def recording(self, batch, batch_idx):
        loss = original(self, batch, batch_idx)
        batches.append((batch.image.clone(), batch.mask.long()))
        losses.append(float(loss.detach()))
        plain.set_normalisation(self.network.mean.flatten(), self.network.std.flatten())
        return loss

    plain = UNet(UNetConfig(widths=(4, 6, 8), upsample={"name": operator}))
    initialise(plain, seed=0)
    for module in plain.modules():  # some operators have other forms in training
        module.train(not isinstance(module, (Nearest, Zeros, Bicubic)))
    monkeypatch.setattr(Segmenter, "training_step", recording)
    words = overrides(
        discs,
        tmp_path,
        f"upsample={operator}",
        f"trainer.precision={precision}",
        "trainer.max_steps=8",
        "trainer.max_epochs=4",
    )
    train(compose_run(words))
    assert losses == pytest.approx(plain_losses(plain, batches, 8), rel=TOLERANCE[precision])


def test_the_tested_checkpoint_is_chosen(discs, tmp_path):
    scores = {}
    for choice in ("last", "best"):
        words = ["trainer.max_epochs=2", f"trainer.test_checkpoint={choice}"]
        settings = compose_run(
            overrides(discs, tmp_path, *words), {"run_dir": str(tmp_path / choice)}
        )
        train(settings)
        network = load_network(tmp_path / choice / f"{choice}.ckpt").eval()
        scores[choice] = read_metrics(settings.run_dir)["test/miou"]
        assert scores[choice] == pytest.approx(score_of(network, settings), abs=1e-6)


def score_of(network, settings):
    """The mean IoU of the test images."""
    counts = SegmentationScores(["a", "b"])
    data = open_data(settings)
    for image, mask in data.test_dataloader():
        with torch.inference_mode():
            counts.update(network(image).argmax(1), mask)
    return float(counts.compute()["miou"])


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["upsample.kernel_size=7"], ["upsample.kernel_size=7", "1 or 3"]),
        (["data.classes=[a,b]"], ["masks hold only a", "data.classes"]),
        (["data.classes={a: 255, b: 1}"], ["masks/", "value 0 at", "255, 1"]),
        (["data.classes=road"], ["data.classes=road", "a list"]),
        ([f"trainer.accelerator={MISSING}"], [f"trainer.accelerator={MISSING}"]),
        (
            ["data.crops_per_image=1000", "data.batch_size=4096", "data.crop_size=640"],
            ["GiB", "data.batch_size"],
        ),
        (["data.batch_size=1", "data.crop_size=4"], ["data.crop_size=4", "model.norm=batch"]),
        (["resume=true"], ["last.ckpt", "no such checkpoint"]),
        (["model.match=macs", "model.match_to=magic"], ["model.match_to=magic", "transpose"]),
    ],
)
def test_a_mistake_is_found_before_anything_is_written(discs, tmp_path, monkeypatch, more, words):
    monkeypatch.chdir(CHECKOUT)
    with pytest.raises(UsageError) as error:
        train(compose_run(overrides(discs, tmp_path, "upsample=bilinear", *more)))
    for word in words:
        assert word in str(error.value)
    assert not (tmp_path / "outputs").exists()


def test_a_checkpoint_is_enough_to_predict(finished):
    stored = torch.load(finished / "best.ckpt", weights_only=True)
    metadata = stored[METADATA_KEY]
    network = UNet(UNetConfig(**metadata["network"]))
    weights = {name.removeprefix("network."): w for name, w in stored["state_dict"].items()}
    network.load_state_dict(weights)
    assert network.config.upsample == {"name": "nearest", "kernel_size": 3}
    assert metadata["classes"] == ["background", "foreground"]
    assert len(metadata["colours"]) == 2
    assert metadata["metrics"]["val/miou"] == pytest.approx(read_metrics(finished)["val/miou"])
    assert network.mean.item() != 127.5  # normalised by its own training images
