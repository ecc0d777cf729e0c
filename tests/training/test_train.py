"""`train.py` itself: what a run leaves, how it resumes, and how mistakes end."""

import csv
import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import yaml
from helpers import overrides, run_script, save
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from unetlite.errors import UsageError
from unetlite.files import read_csv
from unetlite.network.checkpoint import KEY, load_checkpoint
from unetlite.network.unet import UNet, initialise
from unetlite.network.upsampling import Bicubic, Nearest, Zeros
from unetlite.settings import CHECKOUT, UNetConfig, compose_run
from unetlite.train import train
from unetlite.training.segmenter import Segmenter

MISSING = "mps" if torch.cuda.is_available() else "gpu"  # an accelerator that this machine does not have
SCORES = ["miou", "dice", "miou_per_image", "dice_per_image", "boundary_iou_1px"] + [
    f"{kind}/{name}" for kind in ("iou", "dice") for name in ("background", "foreground")
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run of the script, from another working directory, of five steps: one epoch and a part of the next."""
    import numpy as np

    tmp_path = tmp_path_factory.mktemp("finished")
    random = np.random.default_rng(0)
    for k in range(8):
        mask = random.random((40, 48)) < 0.4
        image = (100 * mask + random.integers(0, 50, mask.shape)).astype(np.uint8)
        save(tmp_path / "discs" / "images" / f"{k}.png", image)
        save(tmp_path / "discs" / "masks" / f"{k}.png", mask.astype(np.uint8))
    (tmp_path / "elsewhere").mkdir()
    arguments = overrides(tmp_path / "discs", tmp_path, "upsample=nearest", "seed=3", "trainer.max_steps=5")
    result = run_script(*arguments, cwd=tmp_path / "elsewhere")
    assert result.returncode == 0, result.stderr
    return tmp_path / "outputs" / "test" / "nearest" / "seed3", result, arguments


def test_a_run_leaves_its_files_and_says_where(finished):
    run, result, _ = finished
    names = {path.name for path in run.iterdir() if not path.name.startswith((".", "events."))}
    assert names == {"config.yaml", "train.log", "best.ckpt", "last.ckpt", "metrics.json", "per_image.csv",
                     "counts.csv", "environment.json", "overrides.yaml"}  # fmt: skip
    assert list((run.parents[3] / "elsewhere").iterdir()) == []
    assert "last.ckpt" in result.stdout
    assert "tensorboard --logdir" in result.stdout
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert (config["seed"], config["experiment"], config["upsample"]["name"]) == (3, "test", "nearest")


def test_metrics_are_flat_and_agree_with_tensorboard(finished):
    run, _, _ = finished
    metrics = json.loads((run / "metrics.json").read_text())
    expected = [f"{stage}/{name}" for stage in ("test", "val") for name in SCORES]
    others = {"val/loss", "train/seconds", "train/images_per_second", "model/parameters", "test/phase_ripple",
              "test/miou_last", "test/miou_best"}  # fmt: skip
    assert set(metrics) == {*expected, *others}
    assert all(0 <= metrics[name] <= 1 for name in expected)
    events = EventAccumulator(str(run), size_guidance={"scalars": 0}).Reload()
    for name in SCORES:
        curve = [event.value for event in events.Scalars(f"val/{name}")]
        assert any(value == pytest.approx(metrics[f"val/{name}"], abs=1e-6) for value in curve)
    for name in ("miou", "dice", "boundary_iou_1px"):  # the others would fill the page with single dots
        assert events.Scalars(f"test/{name}")[-1].value == pytest.approx(metrics[f"test/{name}"], abs=1e-6)
    assert events.Scalars("val/miou")[-1].value == pytest.approx(metrics["val/miou"], abs=1e-6)
    assert all(len(events.Scalars(name)) == 1 for name in events.Tags()["scalars"] if name.startswith("test/"))


def test_all_events_of_a_run_are_in_one_file(finished):
    run, _, _ = finished
    assert len(list(run.glob("events.*"))) == 1


def test_tensorboard_has_curves_pictures_text_and_hyperparameters(finished):
    run, _, _ = finished
    events = EventAccumulator(str(run), size_guidance={"scalars": 0, "images": 0}).Reload()
    tags = events.Tags()
    assert {"train/loss", "train/cross_entropy", "train/dice_loss", "val/loss"} <= set(tags["scalars"])
    assert "train/learning_rate" in tags["scalars"]
    assert "epoch" not in tags["scalars"]
    assert [event.step for event in events.Images("val/pictures")] == [3, 5]  # the first epoch and the last
    assert "configuration/text_summary" in tags["tensors"]
    # The HPARAMS tab: the settings of the run, and its scores.
    plugin = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    assert all(word in plugin for word in (b"upsample", b"nearest, 3", b"model.widths"))
    assert b"test/miou" in events.summary_metadata["_hparams_/experiment"].plugin_data.content


def test_per_image_scores_are_those_of_the_test_images(finished):
    run, _, _ = finished
    with (run / "per_image.csv").open() as file:
        rows = list(csv.DictReader(file))
    metrics = json.loads((run / "metrics.json").read_text())
    assert len(rows) == 1  # 15 % of eight
    assert rows[0]["image"] in {str(k) for k in range(8)}
    assert sum(float(row["miou"]) for row in rows) / len(rows) == pytest.approx(
        metrics["test/miou_per_image"], abs=1e-6
    )


def test_a_checkpoint_is_enough_to_predict(finished):
    run, _, _ = finished
    stored = torch.load(run / "best.ckpt", weights_only=True)
    about = stored[KEY]
    network = UNet(UNetConfig(**about["network"]))
    weights = {name.removeprefix("network."): value for name, value in stored["state_dict"].items()}
    network.load_state_dict(weights)
    assert network.config.upsample == {"name": "nearest", "kernel_size": 3}
    assert about["classes"] == ["background", "foreground"]
    assert len(about["colours"]) == 2
    assert about["metrics"]["val/miou"] == pytest.approx(json.loads((run / "metrics.json").read_text())["val/miou"])
    assert network.mean.item() != 127.5  # normalised by its own training images


def test_a_finished_run_is_never_overwritten(finished):
    run, _, arguments = finished
    before = {path: path.read_bytes() for path in run.iterdir()}
    for more in ([], ["resume=true"]):
        result = run_script(*arguments, *more, cwd=run.parents[3])
        assert result.returncode == 2
        assert "holds a finished run" in result.stderr
    assert before == {path: path.read_bytes() for path in run.iterdir()}


def test_foreign_files_are_never_touched(discs, tmp_path):
    precious = tmp_path / "precious" / "thesis.txt"
    precious.parent.mkdir()
    precious.write_text("years of work")
    with pytest.raises(UsageError, match=r"thesis\.txt"):
        train(compose_run(overrides(discs, tmp_path, f"run_dir={precious.parent}")))
    with pytest.raises(UsageError, match="is a file"):
        train(compose_run(overrides(discs, tmp_path, f"run_dir={precious}")))
    assert precious.read_text() == "years of work"
    assert list(precious.parent.iterdir()) == [precious]


@pytest.mark.parametrize("stray", [".DS_Store", "Thumbs.db", "best.onnx"])
def test_what_a_system_or_an_export_leaves_does_not_disturb_a_run(finished, stray):
    run, _, arguments = finished
    (run / stray).write_bytes(b"")
    result = run_script(*arguments, "resume=auto", cwd=run.parents[3])
    (run / stray).unlink()
    assert result.returncode == 0, result.stderr
    assert "is finished" in result.stdout


def test_training_learns_and_returns_the_monitored_value(discs, tmp_path):
    table = f"+trainer.loggers.csv={{_target_: lightning.pytorch.loggers.CSVLogger, save_dir: {tmp_path / 'csv'}}}"
    timer = "+trainer.callbacks.timer._target_=lightning.pytorch.callbacks.Timer"
    words = overrides(discs, tmp_path, "trainer.max_epochs=30", "data.crops_per_image=2", table, timer)
    config = compose_run(words)
    value = train(config)
    metrics = json.loads((Path(config["run_dir"]) / "metrics.json").read_text())
    assert value == metrics["val/miou"]
    # Bright discs on dark noise: a threshold would do. Calling everything background scores about 0.45.
    assert metrics["test/miou"] > 0.85
    run = Path(config["run_dir"])
    assert yaml.safe_load((run / "overrides.yaml").read_text()) == words
    events = EventAccumulator(str(run), size_guidance={"images": 0}).Reload()
    assert len(events.Images("val/pictures")) <= 6
    logged = read_csv(next((tmp_path / "csv").rglob("metrics.csv")))  # of a logger that was added
    found = max(float(value or 0) for value in logged["val/miou"])
    assert found == pytest.approx(max(event.value for event in events.Scalars("val/miou")), abs=1e-5)


class Interruption(Exception):
    pass


def test_a_sweep_is_refused_before_its_first_run_if_any_run_cannot_start(finished, tmp_path):
    run, _, arguments = finished
    outputs, arguments = run.parents[1], [word for word in arguments if not word.startswith("upsample=")]
    for more, words in (
        (["upsample=transpose,nearest"], "holds a finished run"),
        (["upsample=transpose,bilinear", "seed=4,-1"], "seed=-1"),
        (["upsample=transpose,bilinear", "trainer.learning_rate=1e-3,nan"], "trainer.learning_rate=nan"),
    ):
        result = run_script("-m", *arguments, *more, cwd=tmp_path)
        assert result.returncode == 2, result.stderr
        assert words in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1, result.stderr
        assert sorted(path.name for path in outputs.iterdir()) == ["nearest"]


def test_a_group_that_is_chosen_twice_is_refused_instead_of_dropped(tmp_path):
    result = run_script("experiment=compare", "experiment=mine", f"output_dir={tmp_path}", cwd=tmp_path)
    assert result.returncode == 2
    assert "experiment=compare experiment=mine" in result.stderr
    assert "output_dir=DIR" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", [5, 7])  # at the start of an epoch, and inside one
def test_an_interrupted_run_resumes_to_the_bit(discs, tmp_path, monkeypatch, step):
    config = compose_run(overrides(discs, tmp_path, "trainer.max_epochs=3"))
    with monkeypatch.context() as patch:
        original = Segmenter.training_step

        def interrupted(self, batch, batch_idx):
            if self.global_step == step:
                raise Interruption
            return original(self, batch, batch_idx)

        patch.setattr(Segmenter, "training_step", interrupted)
        with pytest.raises(Interruption):
            train(config)
    with pytest.raises(UsageError, match="resume=true"):
        train(config)
    with pytest.raises(UsageError, match=r"trainer\.learning_rate \(0\.004 there, 0\.1 here\)"):
        train({**config, "resume": True, "trainer": {**config["trainer"], "learning_rate": 0.1}})
    train({**config, "resume": True})
    whole = compose_run(overrides(discs, tmp_path, "trainer.max_epochs=3", f"output_dir={tmp_path / 'whole'}"))
    train(whole)
    runs = [Path(c["run_dir"]) for c in (config, whole)]
    resumed, straight = (load_checkpoint(run / "last.ckpt") for run in runs)
    assert resumed["global_step"] == straight["global_step"] > step
    assert all(torch.equal(v, straight["state_dict"][k]) for k, v in resumed["state_dict"].items())
    resumed, straight = (json.loads((run / "metrics.json").read_text()) for run in runs)
    timings = {"train/seconds", "train/images_per_second"}
    assert {k: v for k, v in resumed.items() if k not in timings} == {
        k: v for k, v in straight.items() if k not in timings
    }


def test_runs_that_differ_in_the_operator_see_the_same_batches(discs, tmp_path, monkeypatch):
    seen = {}
    original = Segmenter.training_step

    def recording(self, batch, batch_idx):
        seen.setdefault(self.network.config.upsample["name"], []).append(batch.image.clone())
        return original(self, batch, batch_idx)

    monkeypatch.setattr(Segmenter, "training_step", recording)
    for operator in ("transpose", "bilinear"):
        torch.manual_seed(len(seen))
        train(compose_run(overrides(discs, tmp_path, f"upsample={operator}", "trainer.max_epochs=2")))
    assert len(seen["transpose"]) == 6
    assert all(torch.equal(a, b) for a, b in zip(*seen.values(), strict=True))
    assert not torch.equal(seen["transpose"][0], seen["transpose"][3])  # another epoch, another order


PRECISIONS = {"32-true": 1e-5, "bf16-mixed": 5e-3}  # of a loss; small differences grow from step to step


FORMS = [(name, "32-true") for name in ("nearest", "zeros", "bicubic", "carafe")]


@pytest.mark.parametrize(("operator", "precision"), [("transpose", "bf16-mixed"), *FORMS])
def test_nothing_that_makes_a_run_fast_changes_its_losses(operator, precision, discs, tmp_path, monkeypatch):
    """Channels last, bfloat16, the fused optimiser, equal forms of an operator: against plain PyTorch, step by step."""
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
    monkeypatch.setattr(Segmenter, "training_step", recording)
    more = f"upsample={operator}", f"trainer.precision={precision}", "trainer.max_steps=8", "trainer.max_epochs=4"
    train(compose_run(overrides(discs, tmp_path, *more)))

    optimizer = torch.optim.AdamW(plain.parameters(), lr=0.004, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.004, total_steps=8)
    for module in plain.modules():  # which has forms of its own for training
        module.train(not isinstance(module, (Nearest, Zeros, Bicubic)))
    expected = []
    for pixels, mask in batches:
        logits, labelled = plain(pixels), mask != 255
        truth = torch.stack([mask == k for k in (0, 1)], 1).float()
        share = logits.softmax(1) * labelled[:, None]
        dice = 1 - 2 * (share * truth).sum((2, 3)) / ((share + truth).sum((2, 3)) + 1e-8)
        loss = F.cross_entropy(logits, mask, ignore_index=255) + dice.mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        expected.append(float(loss.detach()))
    assert losses == pytest.approx(expected, rel=PRECISIONS[precision])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["upsample=transposed"], ["transposed", "bilinear", "nearest", "transpose"]),
        (["data=coasts"], ["coasts", "camvid", "coast", "drive", "folder", "nuclei"]),
        (["trainer.epochs=3"], ["epochs"]),
        (["data=folder"], ["data.root"]),
        (["data=folder", "data.root=nowhere"], ["nowhere", "no such directory"]),
        (["trainer.max_epochs=many"], ["trainer.max_epochs", "many"]),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line_and_leaves_nothing(tmp_path, arguments, words):
    result = run_script(f"output_dir={tmp_path / 'outputs'}", f"data_dir={tmp_path / 'data'}", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert all(word in result.stderr for word in words), result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["upsample.kernel_size=7"], ["upsample.kernel_size=7", "1 or 3"]),
        (["data.classes=[a,b]"], ["masks hold only a", "data.classes"]),
        (["data.classes={a: 255, b: 1}"], ["masks/", "value 0 at", "255, 1"]),
        (["data.batch_size=0"], ["data.batch_size=0"]),
        (["data.augment.scale=0.5"], ["data.augment.scale=0.5"]),
        (["trainer.learning_rate=nan"], ["trainer.learning_rate=nan"]),
        (["data.classes=road"], ["data.classes=road", "a list"]),
        (["seed=foo"], ["seed=foo"]),
        (["data.augment.scale=big"], ["data.augment.scale=big", "number"]),
        (["data.augment.rotation=-10"], ["data.augment.rotation=-10"]),
        (["trainer.max_steps=0"], ["trainer.max_steps=0", "-1"]),
        (["resume=5"], ["resume=5", "auto"]),
        ([f"trainer.accelerator={MISSING}"], [f"trainer.accelerator={MISSING}"]),
        (["trainer.judge=middle"], ["middle", "last", "best"]),
        (["trainer.precision=16"], ["16", "bf16-mixed"]),
        (["model.norm=layer"], ["layer", "batch"]),
        (["data.crops_per_image=1000", "data.batch_size=4096", "data.crop_size=640"], ["GiB", "data.batch_size"]),
        (["data.batch_size=1", "data.crop_size=4"], ["data.crop_size=4", "model.norm=batch"]),
        (["upsample=null"], ["upsample=null", "configs/upsample"]),
        (["resume=true"], ["last.ckpt", "no such checkpoint"]),
    ],
)
def test_a_mistake_is_found_before_anything_is_written(discs, tmp_path, monkeypatch, more, words):
    monkeypatch.chdir(CHECKOUT)
    with pytest.raises(UsageError) as error:
        train(compose_run(overrides(discs, tmp_path, "upsample=bilinear", *more)))
    assert all(word in str(error.value) for word in words), error.value
    assert not (tmp_path / "outputs").exists()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators keep memory by themselves")
def test_memory_that_is_freed_is_taken_again():
    """Maps of 64 MB, one after the other: in the end without a page fault for each of their pages."""
    code = """
import resource, torch
from unetlite.hardware import keep_memory
keep_memory()
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    before = faults()
    torch.ones(2**24)
    print(faults() - before)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split()
    assert int(found[-1]) < 10 < int(found[0])
