"""`unetlite levers`: from a folder to a table, and what it refuses."""

import json

import pytest
from fake_trainings import FakeScheduler
from helpers import run_cli

WORDS = ["data.batch_size=4", "data.crop_size=32", "model.widths=[4,6]", "trainer.max_steps=60"]


def test_a_folder_becomes_a_table_and_is_not_measured_twice(discs, tmp_path, monkeypatch):
    fake = FakeScheduler()
    monkeypatch.setattr("unetlite.commands.levers.HOME", tmp_path)
    monkeypatch.setattr("unetlite.compare.levers.runs.make_scheduler", lambda *_, **__: fake)
    words = ["levers", discs, *WORDS, "--parallel", "1", f"data_dir={tmp_path / 'data'}"]
    result = run_cli(*words)
    assert result.exit_code == 0, result.output
    assert "larger crops: data.crop_size was set" in result.stdout
    assert "Twice the steps: +0.08" in " ".join(result.stdout.split())
    assert "What the operator changes is not known" in result.stdout
    directory = tmp_path / "outputs" / "discs-levers"
    assert (directory / "levers.svg").read_text().startswith("<svg")
    record = json.loads((directory / "levers.json").read_text())
    assert {row["name"] for row in record["outcome"]["rows"]} == {"steps", "turns", "rate", "dice"}
    assert record["trials"]["base"]["values"]["trainer.max_steps"] == 60  # as typed

    trained = len(fake.trained)
    again = run_cli(*words)
    assert "Twice the steps: +0.08" in " ".join(again.stdout.split())
    assert len(fake.trained) == trained
    other = run_cli(*words, "--budget", "2h")
    assert other.exit_code == 2
    assert "budget was 15m and is 2h" in other.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "no such folder"),
        (["{discs}", "--operator", "magic"], "--operator magic: expected one of"),
        (["{discs}", "test=true"], "test=true cannot be given here"),
        (["{discs}", "--budget", "soon"], "--budget soon"),
        (["{discs}", "--budget", "1s", *WORDS], "fewer than three levers fit"),
    ],
)
def test_what_cannot_be_measured_ends_in_one_line(discs, tmp_path, monkeypatch, words, message):
    monkeypatch.setattr("unetlite.commands.levers.HOME", tmp_path)
    words = [word.format(discs=discs) for word in words]
    result = run_cli("levers", *words, f"data_dir={tmp_path / 'data'}", "--parallel", "1")
    assert result.exit_code == 2, result.output
    assert message in result.stderr.strip().splitlines()[-1]
