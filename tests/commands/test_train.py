"""`python train.py`: from the command line to a run, or to one line that says what is wrong."""

import shlex
from pathlib import Path

import pytest
from helpers import invert_masks, overrides, run_cli, run_script
from test_run_directory import make_finished

from unetlite.settings.composition import compose_run


def test_the_script_trains_from_another_directory_and_says_where(discs, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    words = overrides(discs, tmp_path, "upsample=nearest", "seed=3", "trainer.max_steps=1")
    result = run_script(*words, cwd=elsewhere)
    assert result.returncode == 0, result.stderr
    assert list(elsewhere.iterdir()) == []
    assert (tmp_path / "outputs" / "test" / "nearest" / "seed3" / "metrics.json").exists()
    assert "last.ckpt" in result.stdout
    assert "unetlite board" in result.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["upsample=transposed"], "transposed"),
        (["data=folder", "data.root=nowhere"], "no such directory"),
        (["trainer.max_epochs=many"], "trainer.max_epochs=many"),
        (["experiment=compare", "experiment=mine"], "output_dir=DIR"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    places = [f"output_dir={tmp_path / 'outputs'}", f"data_dir={tmp_path / 'data'}"]
    result = run_cli("train", *places, *words)
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["upsample=transpose,nearest"], "holds a finished run"),
        (["upsample=transpose,bilinear", "seed=4,-1"], "seed=-1"),
        (["upsample=bilinear", "trainer.learning_rate=1e-3,nan"], "trainer.learning_rate=nan"),
    ],
)
def test_a_sweep_is_refused_before_its_first_run_if_any_run_cannot_start(
    discs, tmp_path, monkeypatch, more, message
):
    monkeypatch.chdir(tmp_path)
    words = overrides(discs, tmp_path)
    make_finished(compose_run([*words, "upsample=nearest"]))
    result = run_cli("train", "-m", *words, *more)
    assert result.exit_code == 2, result.stderr
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    names = [path.name for path in (tmp_path / "outputs" / "test").iterdir()]
    assert names == ["nearest"]


def test_a_sweep_takes_folders_and_classes_as_they_are_called(discs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "it's [odd] $HOME=1 {道路}"
    discs.rename(tmp_path / name)
    classes = "data.classes={道路: 0, 'a: b': 255}"
    words = overrides(name, Path(name), "trainer.max_steps=1", classes)
    result = run_cli("train", "-m", *words, "seed=0,1")
    assert result.exit_code == 0, result.stderr
    runs = tmp_path / name / "outputs" / "test" / "transpose"
    for run in (runs / "seed0", runs / "seed1"):
        assert len(list(run.glob("events.out.tfevents.*"))) == 1
        assert "iou/道路" in (run / "per_image.csv").read_text(encoding="utf-8")
    (line,) = {line for line in result.stdout.splitlines() if "unetlite board" in line}
    assert shlex.split(line)[-1] == str(Path(name, "outputs", "test"))


def test_data_that_changed_are_refused_in_a_sweep_and_beside_other_runs(
    discs, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    words = overrides(discs, tmp_path, "trainer.max_steps=1")
    assert run_cli("train", *words, "upsample=nearest").exit_code == 0
    invert_masks(discs)
    sweep = ["-m", *words, "upsample=bilinear,nearest", "resume=auto"]
    resumed = [*words, "upsample=nearest", "resume=auto"]
    beside = [*words, "upsample=bilinear"]
    for arguments in (sweep, resumed, beside):
        result = run_cli("train", *arguments)
        assert result.exit_code == 2, result.stderr
        message = result.stderr.strip().splitlines()[-1]
        assert "nearest/seed0 was made with other data" in message
        assert "the masks differ" in message
        assert "experiment=NAME" in message
    assert [path.name for path in (tmp_path / "outputs" / "test").iterdir()] == ["nearest"]
    words[words.index("experiment=test")] = "experiment=other"
    assert run_cli("train", *words, "upsample=bilinear").exit_code == 0


def test_a_sweep_logs_every_run_and_later_skips_the_finished_ones(discs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = overrides(discs, tmp_path, "trainer.max_steps=1")
    words[words.index("experiment=test")] = "experiment=compare"
    words += ["upsample=transpose,zeros", "seed=0"]
    assert run_cli("train", *words).exit_code == 0
    folder = tmp_path / "outputs" / "folder"
    logs = [file.read_text() for file in sorted(folder.glob("*/seed0/train.log"))]
    assert len(logs) == 2
    for log in logs:
        assert "epoch   1" in log
    before = {file: file.read_bytes() for file in folder.glob("*/seed0/*")}
    again = run_cli("train", *words)
    assert again.exit_code == 0
    assert again.stdout.count("is finished") == 2
    assert before == {file: file.read_bytes() for file in folder.glob("*/seed0/*")}
    other = run_cli("train", *words, "model.norm=group")
    assert other.exit_code == 2
    assert "model.norm (batch there, group here)" in other.stderr
