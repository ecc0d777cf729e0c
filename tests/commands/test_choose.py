"""`unetlite choose`: from a folder to a verdict, and on after a kill."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from fake_trainings import FakeScheduler
from helpers import add_images, invert_masks, run_cli, turn_masks

from unetlite.commands.agreement import print_agreement
from unetlite.compare.planning.request import DEFAULT_OPERATORS, Request, split_request
from unetlite.compare.planning.user_data import name_data
from unetlite.device import code_version
from unetlite.errors import UsageError
from unetlite.run_directory import lock


def arguments(discs, *more):
    return [
        "choose",
        str(discs),
        "trainer.max_steps=2",
        "model.widths=[4,6]",
        "data.batch_size=8",
        "data.crop_size=32",
        "data.crops_per_image=1",
        "--operators",
        "nearest,transpose",
        "--parallel",
        "1",
        "--no-levers",
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
    monkeypatch.setattr("unetlite.judge.learning.MIN_SKILL", -1)  # two steps teach nothing
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

    with monkeypatch.context() as patch:
        patch.setattr("unetlite.commands.race.race", lambda *_: pytest.fail("it is answered"))
        again = run_cli(*arguments(discs, "--margin", "0.99"))
    assert "answered before" in again.stdout
    verdict = next(line for line in result.stdout.splitlines() if line.startswith("Choose "))
    assert verdict in again.stdout.splitlines()

    refused = run_cli(*arguments(discs))
    assert refused.exit_code == 2
    assert "margin was 0.99 and is not given" in refused.stderr
    assert "proves nothing" in refused.stderr
    monkeypatch.setattr("unetlite.commands.race.report_on", lambda *_, **__: None)
    check_other_data(discs, tmp_path, directory)


def check_other_data(discs, tmp_path, directory):
    """Other data under the same name are refused, before anything is trained."""
    plan = json.loads((directory / "choose.json").read_text())
    record = json.loads((directory / "race.json").read_text())
    assert plan["data_hash"] == record["data_hash"]
    assert record["code_version"] == code_version()
    for number, change in enumerate((invert_masks, turn_masks, add_images)):
        other = shutil.copytree(discs, tmp_path / str(number) / "discs")
        again = arguments(other, "--margin", "0.99")
        moved = run_cli(*again)
        assert moved.exit_code == 0, moved.stderr
        done = "6 trainings were done before" if number else "answered before"
        assert done in moved.stdout
        change(other)
        for file in ("choose.json", "race.json", None):  # by the plan, the race, and the runs
            result = run_cli(*again)
            assert result.exit_code == 2
            assert "other data" in result.stderr.strip().splitlines()[-1]
            if file is not None:
                (directory / file).unlink()
        (directory / "choose.json").write_text(json.dumps(plan))
        (directory / "race.json").write_text(json.dumps(record))


def test_what_gains_before_the_race_is_in_its_plan(discs, tmp_path, monkeypatch):
    plans = []
    fake = FakeScheduler()
    monkeypatch.setattr("unetlite.commands.choose.HOME", tmp_path)
    monkeypatch.setattr("unetlite.commands.race.run_race", lambda plan, *_: plans.append(plan))
    monkeypatch.setattr("unetlite.commands.race.report_on", lambda *_, **__: None)
    monkeypatch.setattr("unetlite.compare.levers.runs.make_scheduler", lambda *_, **__: fake)
    words = [word for word in arguments(discs) if word != "--no-levers"]
    for _ in range(2):  # the second start takes the plan of the first
        result = run_cli(*words, f"data_dir={tmp_path / 'data'}")
        assert result.exit_code == 0, result.output
        assert "adopted  half the learning rate, a Dice loss of weight 2" in result.stdout
    assert len(set(fake.trained)) == len(fake.trained)
    assert plans[0] == plans[1]
    settings = plans[0].settings("nearest", 0)
    assert settings.trainer.learning_rate == 0.002
    assert settings.trainer.dice_weight == 2
    assert settings.trainer.max_steps == 2
    assert settings.test


def test_a_second_choose_on_a_folder_is_refused_at_once(discs, tmp_path, monkeypatch):
    monkeypatch.setattr("unetlite.commands.choose.HOME", tmp_path)
    monkeypatch.setattr(
        "unetlite.compare.planning.experiment.plan_experiment", lambda *_: pytest.fail("it goes on")
    )
    with lock(tmp_path / "outputs" / "discs"):
        result = run_cli(*arguments(discs))
    assert result.exit_code == 2
    assert "is being written by another process" in result.stderr


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"step_seconds": {"nearest": "fast"}}, "step_seconds.nearest=fast"),
        ({"request": {"data": "x"}}, "request.overrides has no value"),
        ({"seeds": None}, "seeds=None"),
    ],
)
def test_a_damaged_plan_is_refused_with_the_reason(discs, tmp_path, monkeypatch, changes, reason):
    monkeypatch.setattr("unetlite.commands.choose.HOME", tmp_path)
    request = {
        "data": str(discs), "overrides": [], "operators": None, "margin": None, "budget": None,
    }  # fmt: skip
    plan = {
        "request": request, "summary": [], "overrides": ["data=folder"], "values": {},
        "step_seconds": {"nearest": 0.1, "transpose": 0.1}, "seeds": 3, "budget": None,
        "parallel": 1, "threads": 1,
    }  # fmt: skip
    file = tmp_path / "outputs" / "discs" / "choose.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({**plan, **changes}))
    result = run_cli("choose", discs)
    assert result.exit_code == 2
    assert f"choose.json is damaged ({reason}" in result.stderr
    assert "no training is lost" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "no such folder"),
        (["{discs}", "--operators", "nearest"], "two or more"),
        (["{discs}", "--operators", "nearest,magic"], "two or more"),
        (["folder"], "no such folder"),
        (["{discs}", "upsample=carafe"], "--operators"),
        (["{discs}", "output_dir=x"], "UNETLITE_HOME=DIR"),
        (["{discs}", "--budget", "soon"], "--budget soon"),
        (["{discs}", "--on", "moon"], "local, ray or slurm"),
        (["{discs}", "--devices", "99"], "--devices 99"),
        (["{discs}", "--parallel", "9999", "--devices", "cpu"], "--parallel 9999"),
        (["{discs}", "--margin", "inf"], "--margin inf"),
        (["{discs}", "--margin", "1.5"], "from 0 to 1"),
        (["{discs}", "model.norm=magic"], "model.norm"),
        (["{discs}", "--budget", "1s", "model.widths=[4,6]"], "--budget 1s"),
    ],
)
def test_what_cannot_be_answered_ends_in_one_line(discs, tmp_path, monkeypatch, words, message):
    monkeypatch.setattr("unetlite.commands.choose.HOME", tmp_path)
    monkeypatch.setattr(
        "unetlite.commands.race.run_race", lambda *_: pytest.fail("it was not refused")
    )
    words = [word.format(discs=discs) for word in words]
    result = run_cli("choose", *words, f"data_dir={tmp_path}")
    assert result.exit_code == 2, result.output
    assert message in result.stderr.strip().splitlines()[-1]
    if not result.stdout:  # nothing was inspected yet
        assert not list((tmp_path / "outputs").glob("*"))


@pytest.mark.parametrize("name", ["it's, [odd]=1", "道路 {x}", "a b"])
def test_a_folder_of_any_name_is_planned(discs, tmp_path, monkeypatch, name):
    plans = []
    monkeypatch.setattr("unetlite.commands.choose.HOME", tmp_path)
    monkeypatch.setattr("unetlite.commands.race.run_race", lambda plan, *_: plans.append(plan))
    monkeypatch.setattr("unetlite.commands.race.report_on", lambda *_, **__: None)
    folder = discs.rename(tmp_path / name)
    result = run_cli(*arguments(folder), f"data_dir={tmp_path / 'data'}")
    assert result.exit_code == 0, result.output
    settings = plans[0].settings("nearest", 4)
    assert settings.data.dataset["root"] == str(folder)
    assert settings.upsample["name"] == "nearest"
    assert settings.run_dir.endswith("nearest/seed4")


def make_report(regret, candidates):
    """As much of a report as agreement is told by."""
    best = SimpleNamespace(regret=regret, candidates=candidates)
    variants = {name: SimpleNamespace(mean=0.9) for name in regret}
    return SimpleNamespace(
        analysis=SimpleNamespace(best=best, variants=variants),
        chosen=min(regret, key=regret.get),
    )


def test_networks_that_choose_the_same_agree_and_others_say_what_a_choice_can_lose(capsys):
    mini = make_report({"nearest": 0.001, "carafe": 0.02}, ["nearest", "carafe"])
    print_agreement({"mini": mini, "pretrained": mini})
    assert "The networks agree: nearest is chosen under each." in capsys.readouterr().out

    pretrained = make_report({"nearest": 0.0051, "carafe": 0.004}, ["nearest", "carafe"])
    print_agreement({"mini": mini, "pretrained": pretrained})
    words = " ".join(capsys.readouterr().out.split())
    assert "neither excludes the other's choice" in words
    assert "nearest is chosen under mini; under pretrained it may be the best" in words
    assert "at most 0.0051 below" in words

    against = make_report({"carafe": 0.0, "nearest": 0.0307}, ["carafe"])
    print_agreement({"mini": mini, "pretrained": against})
    words = " ".join(capsys.readouterr().out.split())
    assert "The networks disagree." in words
    assert "under pretrained it is not the best, and is at most 0.031 below it" in words

    without = make_report({"carafe": 0.0, "bilinear": 0.01}, ["carafe"])
    print_agreement({"mini": mini, "pretrained": without})
    words = " ".join(capsys.readouterr().out.split())
    assert "nearest is chosen under mini, and failed under pretrained." in words


def test_networks_share_the_time_and_race_the_same_operators():
    request = Request("discs", ["data.resize=64"], None, 0.01, "40m")
    requests = split_request(request, "mini,pretrained")
    for network, share in requests.items():
        assert share.overrides == ["data.resize=64", f"model={network}"]
        assert share.budget == "1200s"
        assert "unpool" not in share.operators
    assert split_request(request, "mini,classic")["mini"].operators == DEFAULT_OPERATORS
    for wrong in ("mini,mini", "mini,huge", ""):
        with pytest.raises(UsageError, match=r"--model .*classic, mini, pretrained"):
            split_request(request, wrong)


def test_a_pretrained_network_races_the_operators_that_it_can_take(discs, tmp_path, monkeypatch):
    pytest.importorskip("timm")
    plans = []
    monkeypatch.setattr("unetlite.commands.choose.HOME", tmp_path)
    monkeypatch.setattr("unetlite.commands.race.run_race", lambda plan, *_: plans.append(plan))
    monkeypatch.setattr("unetlite.commands.race.report_on", lambda *_, **__: None)
    words = ["trainer.max_steps=2", "model=pretrained", "model.encoder.name=test_resnet"]
    words += ["model.encoder.weights=none", "data.crop_size=32", "--parallel", "1", "--no-levers"]
    result = run_cli("choose", discs, *words, f"data_dir={tmp_path / 'data'}")
    assert result.exit_code == 0, result.output
    assert "unpool is left out: test_resnet has no positions" in result.stdout
    assert "network  encoder test_resnet (from scratch), decoder widths 128, 64" in result.stdout
    assert "unpool" not in plans[0].step_seconds
    refused = run_cli("choose", discs, "model=pretrained", "--model", "mini")
    assert refused.exit_code == 2
    assert "give one of them" in refused.stderr


def test_a_plan_that_was_not_begun_gives_way_to_another_question(discs, tmp_path, monkeypatch):
    monkeypatch.setattr("unetlite.commands.choose.HOME", tmp_path)
    monkeypatch.setattr("unetlite.commands.race.run_race", lambda *_: None)
    monkeypatch.setattr("unetlite.commands.race.report_on", lambda *_, **__: None)
    words = arguments(discs, "--no-levers")
    assert run_cli(*words).exit_code == 0
    other = run_cli(*words, "--margin", "0.01")
    assert other.exit_code == 0
    assert "it is planned anew" in other.stdout
    plan = json.loads((tmp_path / "outputs" / "discs" / "choose.json").read_text())
    assert plan["request"]["margin"] == 0.01


def test_a_race_without_a_verdict_gives_way_to_other_options_and_ends_with_a_command(
    discs, tmp_path, monkeypatch
):
    monkeypatch.setattr("unetlite.commands.choose.HOME", tmp_path)
    monkeypatch.setenv("UNETLITE_HOME", str(tmp_path))
    monkeypatch.setattr("unetlite.judge.learning.MIN_SKILL", 2)  # nothing is learnt
    result = run_cli(*arguments(discs), f"data_dir={tmp_path / 'data'}")
    assert result.exit_code == 1
    command = result.stderr.strip().rpartition("This trains longer: ")[2]
    words = shlex.split(command)
    assert words[:3] == ["unetlite", "choose", str(discs)]
    assert "--no-levers" in words
    assert words[words.index("--operators") + 1] == "nearest,transpose"
    assert "trainer.max_steps=6" in words
    assert "model.widths=[4,6]" in words
    again = run_cli(*arguments(discs), f"data_dir={tmp_path / 'data'}")
    assert again.exit_code == 1  # the same question has the same answer

    monkeypatch.setattr("unetlite.commands.race.run_race", lambda *_: None)
    monkeypatch.setattr("unetlite.commands.race.report_on", lambda *_, **__: None)
    place = words.index("--budget")
    del words[place : place + 2]  # what a step takes on a busy machine is another matter
    other = run_cli(*words[1:], "--parallel", "1")
    assert other.exit_code == 0, other.output
    assert "ended without a verdict, so it is planned anew" in other.stdout
    moved = tmp_path / "outputs" / "discs-before1"
    assert len(list(moved.glob("*/seed0/metrics.json"))) == 2
    assert (moved / "race.json").exists()
    assert not list((tmp_path / "outputs" / "discs").glob("*/seed*"))
    plan = json.loads((tmp_path / "outputs" / "discs" / "choose.json").read_text())
    assert plan["values"]["trainer.max_steps"] == 6


def test_a_folder_that_is_named_by_a_dot_has_its_own_name(discs, monkeypatch):
    monkeypatch.chdir(discs)
    assert name_data(".") == (str(discs.resolve()), discs.name)
    assert name_data("coast") == ("coast", "coast-race")
