"""`unetlite choose`: from a folder to a verdict, and on after a kill."""

import os
import signal
import subprocess
import sys
import time

import pytest
from helpers import run_cli


def arguments(discs, *more):
    return [
        "choose",
        str(discs),
        "trainer.max_steps=2",
        "model.widths=[4,6]",
        "--operators",
        "nearest,transpose",
        "--parallel",
        "1",
        *more,
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_folder_becomes_a_verdict_also_after_a_kill_and_is_not_asked_twice(
    discs, tmp_path, monkeypatch
):
    environment = {**os.environ, "UNETLITE_HOME": str(tmp_path), "COLUMNS": "80"}
    directory = tmp_path / "outputs" / "discs"
    command = [sys.executable, "-m", "unetlite", *arguments(discs, "--margin", "0.99")]
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 200
    while not list(directory.glob("*/seed0/metrics.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.wait()
    time.sleep(1)  # in which its worker ends, too
    before = {file: file.stat().st_mtime_ns for file in directory.glob("*/seed*/metrics.json")}
    assert 1 <= len(before) < 6

    monkeypatch.setenv("UNETLITE_HOME", str(tmp_path))
    monkeypatch.setattr("unetlite.commands.choose.HOME", tmp_path)
    monkeypatch.setattr("unetlite.judge.learning.LEAST_SKILL", -1)  # two steps teach nothing
    result = run_cli(*arguments(discs, "--margin", "0.99"))
    assert result.exit_code == 0, result.stderr
    for file, time_of_change in before.items():
        assert file.stat().st_mtime_ns == time_of_change
    assert f"{len(before)} trainings" in result.stdout
    assert "Choose " in result.stdout
    assert "unetlite export" in result.stdout
    assert len(list(directory.glob("*/seed*/metrics.json"))) == 6
    assert (directory / "report.html").exists()
    assert "data:image/png" in (directory / "inspection.html").read_text(encoding="utf-8")

    refused = run_cli(*arguments(discs, "--margin", "0.5"))
    assert refused.exit_code == 2
    assert "margin was 0.99 and is 0.5" in refused.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "no such folder"),
        (["{discs}", "--operators", "nearest"], "two or more"),
        (["{discs}", "--operators", "nearest,magic"], "two or more"),
        (["folder"], "no such folder"),
        (["{discs}", "upsample=carafe"], "--operators"),
        (["{discs}", "output_dir=x"], "UNETLITE_HOME=DIR"),
        (["{discs}", "--budget", "soon"], "budget=soon"),
        (["{discs}", "model.norm=magic"], "model.norm"),
        (["{discs}", "--budget", "1s", "model.widths=[4,6]"], "--budget 1s"),
    ],
)
def test_what_cannot_be_answered_ends_in_one_line(discs, tmp_path, monkeypatch, words, message):
    monkeypatch.setattr("unetlite.commands.choose.HOME", tmp_path)
    monkeypatch.setattr(
        "unetlite.commands.choose.run_race", lambda *_: pytest.fail("it was not refused")
    )
    words = [word.format(discs=discs) for word in words]
    result = run_cli("choose", *words, f"data_dir={tmp_path}")
    assert result.exit_code == 2, result.output
    assert message in result.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("name", ["it's, [odd]=1", "道路 {x}", "a b"])
def test_a_folder_of_any_name_is_planned(discs, tmp_path, monkeypatch, name):
    plans = []
    monkeypatch.setattr("unetlite.commands.choose.HOME", tmp_path)
    monkeypatch.setattr("unetlite.commands.choose.run_race", lambda plan, *_: plans.append(plan))
    monkeypatch.setattr("unetlite.commands.choose.compare", lambda *_, **__: None)
    folder = discs.rename(tmp_path / name)
    result = run_cli(*arguments(folder), f"data_dir={tmp_path / 'data'}")
    assert result.exit_code == 0, result.output
    settings = plans[0].settings("nearest", 4)
    assert settings.data.dataset["root"] == str(folder)
    assert settings.upsample["name"] == "nearest"
    assert settings.run_dir.endswith("nearest/seed4")
