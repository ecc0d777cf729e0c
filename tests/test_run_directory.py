"""The run directory: nothing of a user's is lost, and a run has one writer."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from helpers import overrides

from unetlite.errors import UsageError
from unetlite.run_directory import RunDirectory, RunFiles
from unetlite.settings.composition import compose_run
from unetlite.training.run import train


@pytest.fixture
def settings(discs, tmp_path):
    return compose_run(overrides(discs, tmp_path))


def make_finished(settings) -> Path:
    """The files of a finished run, without a training."""
    run = RunDirectory(settings)
    with run.open({"python": "3"}):
        run.finish({"test/miou": 0.5, "val/miou": 0.25})
    return run.path


def contents(folder):
    return {path: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("resume", [False, True])
def test_a_finished_run_is_never_overwritten(settings, resume):
    path = make_finished(settings)
    before = contents(path)
    with pytest.raises(UsageError, match="holds a finished run"):
        train(replace(settings, resume=resume))
    assert contents(path) == before


@pytest.mark.parametrize("stray", [".DS_Store", "Thumbs.db", "best.onnx"])
def test_files_of_a_system_and_exports_do_not_disturb_a_run(settings, stray, capsys):
    path = make_finished(settings)
    (path / stray).write_bytes(b"")
    assert train(replace(settings, resume="auto")) == 0.25
    assert "is finished" in capsys.readouterr().out


def test_a_finished_run_of_other_settings_is_no_finished_run(settings):
    make_finished(settings)
    other = replace(settings, data=replace(settings.data, batch_size=4), resume="auto")
    with pytest.raises(UsageError, match=r"data\.batch_size \(2 there, 4 here\)"):
        RunDirectory(other)


def test_a_run_of_another_folder_in_the_same_place_is_told_a_name(settings):
    make_finished(settings)
    dataset = {**settings.data.dataset, "root": "another"}
    other = replace(settings, data=replace(settings.data, dataset=dataset))
    with pytest.raises(UsageError, match=r"run of data\.root=.*discs; .*experiment=NAME"):
        RunDirectory(other)


def test_a_run_that_records_its_data_may_read_them_elsewhere(settings):
    dataset = {**settings.data.dataset, "root": "moved"}
    moved = replace(settings, data=replace(settings.data, dataset=dataset), resume="auto")
    make_finished(settings)
    with pytest.raises(UsageError, match=r"differs in data\.root"):
        RunDirectory(moved)
    path = Path(settings.run_dir)
    (path / "environment.json").write_text('{"data_hash": "ab"}')
    assert RunDirectory(moved).data_hash == "ab"
    with pytest.raises(UsageError, match="no such directory"):  # where it is asked to look
        train(moved)


def test_an_edited_file_is_named_and_a_run_without_sums_is_not_checked(settings):
    path = make_finished(settings)
    files = RunFiles(path)
    files.check_sums([files.metrics])
    (path / "metrics.json").write_text('{"test/miou": 0.6, "val/miou": 0.25}')
    with pytest.raises(UsageError, match=r"metrics\.json is not as the run wrote it"):
        files.check_sums([files.metrics])
    files.sums.unlink()
    files.check_sums([files.metrics])


def test_foreign_files_are_never_touched(settings, tmp_path):
    precious = tmp_path / "precious" / "thesis.txt"
    precious.parent.mkdir()
    precious.write_text("years of work")
    with pytest.raises(UsageError, match=r"thesis\.txt"):
        RunDirectory(replace(settings, run_dir=str(precious.parent)))
    with pytest.raises(UsageError, match="is a file"):
        RunDirectory(replace(settings, run_dir=str(precious)))
    assert contents(precious.parent) == {precious: b"years of work"}


def test_a_second_writer_is_refused(settings):
    first = RunDirectory(settings)
    with first.open({}):
        second = RunDirectory(settings)
        with (
            pytest.raises(UsageError, match="is being written by another process"),
            second.open({}),
        ):
            pass


def test_a_run_that_another_process_has_finished_is_not_written_again(settings):
    waiting = RunDirectory(replace(settings, resume="auto"))
    make_finished(settings)
    with pytest.raises(UsageError, match="just now"), waiting.open({}):
        pass


def test_what_an_attempt_without_a_checkpoint_left_is_removed(settings):
    run = RunDirectory(settings)
    run.path.mkdir(parents=True)
    (run.path / "train.log").write_text("of a killed run")
    with RunDirectory(settings).open({}):
        assert not (run.path / "train.log").exists()


@pytest.mark.parametrize(
    ("trainer", "name"), [({"judge": "last"}, "last"), ({"judge": "best"}, "best"), ({}, "best")]
)
def test_runs_of_earlier_versions_name_their_tested_checkpoint(settings, trainer, name):
    path = make_finished(settings)
    config = yaml.safe_load((path / "config.yaml").read_text())
    del config["trainer"]["test_checkpoint"]
    config["trainer"].update(trainer)
    (path / "config.yaml").write_text(yaml.safe_dump(config))
    assert RunFiles(path).test_checkpoint == path / f"{name}.ckpt"
    if trainer.get("judge") == "last":  # the same settings under the old name
        assert RunDirectory(replace(settings, resume="auto")).finished


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"val/miou": "0.5", "test/miou": 1})])
def test_damaged_metrics_are_named(settings, text):
    path = make_finished(settings)
    (path / "metrics.json").write_text(text)
    with pytest.raises(UsageError, match=r"metrics\.json is damaged"):
        RunFiles(path).stored_metrics()
