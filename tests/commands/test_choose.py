"""`unetlite choose`: from a folder to a verdict, and on after a kill."""

import json
import os
import subprocess
import sys
import time

import pytest
from PIL import Image
from typer.testing import CliRunner

from unetlite.cli import app
from unetlite.commands.choose import quoted
from unetlite.compare.race import Standing


def arguments(discs, *more):
    return [sys.executable, "-m", "unetlite", "choose", str(discs), "trainer.max_steps=2", "model.widths=[4,6]",
            "--operators", "nearest,transpose", "--margin", "0.99", "--parallel", "1", *more]  # fmt: skip


def test_a_folder_becomes_a_verdict_also_after_a_kill_and_is_not_asked_twice(discs, tmp_path):
    environment = {**os.environ, "UNETLITE_HOME": str(tmp_path), "COLUMNS": "80"}
    directory = tmp_path / "outputs" / "discs"
    running = subprocess.Popen(arguments(discs), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 200
    while not list(directory.glob("*/seed0/metrics.json")) and time.monotonic() < deadline:
        time.sleep(0.1)
    running.kill()
    running.wait()
    time.sleep(1.5)  # in which what it started ends, too
    done = sorted(directory.glob("*/seed*/metrics.json"))
    before = {file: file.stat().st_mtime_ns for file in done}
    time.sleep(1)
    assert done == sorted(directory.glob("*/seed*/metrics.json"))

    result = subprocess.run(arguments(discs), env=environment, capture_output=True, text=True, timeout=280)
    assert result.returncode == 0, result.stderr
    assert {file: file.stat().st_mtime_ns for file in done} == before
    assert "trainings were done before" in result.stdout or not done
    assert "Choose " in result.stdout
    assert "unetlite export" in result.stdout
    assert len(list(directory.glob("*/seed*/metrics.json"))) == 6
    assert (directory / "report.html").exists()
    assert Image.open(directory / "contact.png").width > 400

    other = [word.replace("0.99", "0.5") for word in arguments(discs)]
    refused = subprocess.run(other, env=environment, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2
    assert "another question" in refused.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "no such folder"),
        (["{discs}", "--operators", "nearest"], "two or more"),
        (["{discs}", "--operators", "nearest,magic"], "two or more"),
        (["{discs}", "--budget", "soon"], "budget=soon"),
        (["{discs}", "model.norm=magic"], "model.norm"),
        (["{discs}", "--budget", "1s", "model.widths=[4,6]"], "--budget 1s"),
    ],
)
def test_what_cannot_be_answered_ends_in_one_line(discs, tmp_path, monkeypatch, words, message):
    monkeypatch.setattr("unetlite.commands.choose.HOME", tmp_path)
    monkeypatch.setattr("unetlite.commands.choose.race", lambda *_: pytest.fail("it was not refused"))
    words = [word.format(discs=discs) for word in words]
    result = CliRunner().invoke(app, ["choose", *words, f"data_dir={tmp_path}"])
    assert result.exit_code == 2, result.output
    assert message in result.stderr.strip().splitlines()[-1]


def test_words_survive_hydras_grammar():
    from unetlite.settings import compose_run

    root, classes = "/a dir\\x\\'s it's, [odd]=1\\", {"a": 0, "b c": [1, 2, 3]}
    data = compose_run(["data=folder", f"data.root={quoted(root)}", f"data.classes={quoted(classes)}"])["data"]
    assert data["root"] == root
    assert data["classes"] == classes


def test_the_standing_names_what_was_dropped(tmp_path):
    for name, scores in {"nearest": (0.9, 0.8, 0.85), "zeros": (0.5, 0.4, 0.6)}.items():
        for seed, score in enumerate(scores):
            run = tmp_path / name / f"seed{seed}"
            run.mkdir(parents=True)
            (run / "metrics.json").write_text(json.dumps({"test/miou": score, "val/miou": score}))
    look = {"seeds": 3, "candidates": ["nearest"], "regret": {"nearest": 0.0, "zeros": 0.45}}
    (tmp_path / "race.json").write_text(
        json.dumps({"plan": {"seeds": 10}, "looks": [look], "ended": None, "seconds": 1})
    )
    standing = Standing(tmp_path, 10, {"zeros": 0.1, "nearest": 0.2})
    lines = list(standing.update())
    assert lines[0].startswith("6 trainings were done before")
    assert len(lines) == 1  # what was decided before is no news
    columns = [list(column.cells) for column in standing.table().columns]
    assert columns[0] == ["nearest", "zeros (dropped)"]
    assert columns[2] == ["0.8500", "0.5000"]
