"""`unetlite kit`: a folder that measures by itself, and what it says where it cannot."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from helpers import overrides, run_cli

from unetlite.network.upsampling.base import UPSAMPLERS

ROUND = ("--rounds", "1", "--threads", "1", "--name", "line box")


def measure(kit, *options, cwd):
    """`python measure.py` of a kit in another directory, without paths of this checkout."""
    command = [sys.executable, "-I", str(kit / "measure.py"), *options]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def kit_of_runs(trained, tmp_path_factory):
    """A kit of two operators, in a folder that cannot be written."""
    directory = tmp_path_factory.mktemp("kit") / "a kit"
    result = run_cli("kit", trained, "--to", directory, "--size", "24x40")
    assert result.exit_code == 0, result.output
    assert "2 networks, 24 x 40 pixels" in result.stdout
    assert result.stdout.endswith("  python measure.py\n")  # of no path of this machine
    for file in (*directory.iterdir(), directory):
        file.chmod(file.stat().st_mode & ~0o222)
    yield directory
    directory.chmod(0o755)


@pytest.fixture
def kit(kit_of_runs, tmp_path):
    """A copy that a test may change."""
    copy = tmp_path / "kit"
    copy.mkdir()
    for file in kit_of_runs.iterdir():
        shutil.copyfile(file, copy / file.name)
    return copy


def test_a_kit_measures_what_it_holds_and_compare_takes_the_costs(trained, kit_of_runs, tmp_path):
    result = measure(kit_of_runs, *ROUND, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "line box, onnxruntime" in result.stdout
    assert [file.name for file in tmp_path.iterdir()] == ["costs.json"]
    costs = json.loads((tmp_path / "costs.json").read_text())
    assert costs["size"] == [24, 40]
    for name in ("bilinear", "transpose"):
        cost = costs["variants"][name]
        assert 0 < cost["lowest"] <= cost["milliseconds"] <= cost["highest"]
        if sys.platform == "linux":
            assert 20 < cost["peak_memory_mb"] < 500
    output = tmp_path / "report"
    words = ("--costs", tmp_path / "costs.json", "--output", output)
    compared = run_cli("compare", trained, *words)
    assert compared.exit_code == 0, compared.output
    assert "device    line box (ONNX Runtime " in compared.stdout
    described = json.loads((output / "report.json").read_text())["costs"]["variants"]
    assert described["bilinear"]["latency"] == {
        "onnxruntime": costs["variants"]["bilinear"]["milliseconds"]
    }


def test_untrained_networks_are_those_that_a_run_of_the_settings_trains(
    trained, kit_of_runs, tmp_path
):
    words = overrides(trained.parents[1] / "squares", tmp_path, "data.test_fraction=0.5")
    directory = tmp_path / "untrained"
    operators = ("--untrained", "bilinear,transpose")
    result = run_cli("kit", *operators, *words, "--to", directory, "--size", "16")
    assert result.exit_code == 0, result.output
    networks = []
    for folder in (directory, kit_of_runs):
        content = json.loads((folder / "kit.json").read_text())
        networks.append({name: it["network"] for name, it in content["variants"].items()})
    assert networks[0] == networks[1]


def test_all_operators_are_those_that_the_network_can_have(discs, tmp_path, monkeypatch):
    monkeypatch.setattr("unetlite.commands.kit.write_networks", lambda to, networks, *_: networks)
    monkeypatch.setattr("unetlite.commands.kit.print_left_out", lambda it: print(*it))
    words = overrides(discs, tmp_path, "downsample=mean")
    words = [word for word in words if not word.startswith("upsample")]
    result = run_cli("kit", "--untrained", "all", *words, "--to", tmp_path / "kit")
    assert result.exit_code == 0, result.output
    assert "left out: upsample=unpool" in result.stdout
    names = [name for name in UPSAMPLERS if name != "unpool"]
    assert " ".join(names) in result.stdout


def test_a_network_whose_result_differs_is_named_and_excluded(kit, tmp_path):
    content = json.loads((kit / "kit.json").read_text())
    with np.load(kit / "arrays.npz") as stored:
        arrays = dict(stored)
    arrays[content["variants"]["bilinear"]["expected"]][0, 0, 3, 5] += 1
    np.savez(kit / "arrays.npz", **arrays)
    damaged = measure(kit, *ROUND, cwd=tmp_path)
    assert damaged.returncode == 2
    assert "arrays.npz is damaged. Copy the kit again" in damaged.stderr

    digest = hashlib.sha256((kit / "arrays.npz").read_bytes()).hexdigest()
    content["sha256"]["arrays.npz"] = digest
    (kit / "kit.json").write_text(json.dumps(content))
    result = measure(kit, *ROUND, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "bilinear is excluded: its result differs from the stored one by" in result.stdout
    costs = json.loads((tmp_path / "costs.json").read_text())
    assert list(costs["variants"]) == ["transpose"]
    assert list(costs["excluded"]) == ["bilinear"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rounds", "0"], "--rounds 0: expected 1 or more"),
        (["--rounds", "some"], "invalid int value"),
        (["--name", "a\nb"], "printable"),
        (["--to", "nowhere/costs.json"], "cannot be written"),
        (["--to", "."], "cannot be written"),
    ],
)
def test_mistakes_of_measuring_end_in_one_line(kit_of_runs, tmp_path, options, message):
    result = measure(kit_of_runs, *options, cwd=tmp_path)
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert message in result.stderr


def test_a_runtime_that_is_missing_is_named_with_what_installs_it(kit_of_runs, tmp_path):
    # Without site-packages there is neither NumPy nor a runtime.
    command = [sys.executable, "-I", "-S", str(kit_of_runs / "measure.py")]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert "-m pip install numpy onnxruntime" in result.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_in_one_line_and_leaves_nothing(kit_of_runs, tmp_path, number):
    command = [sys.executable, "-I", str(kit_of_runs / "measure.py"), "--rounds", "1000"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    lines = iter(process.stderr.readline, "")  # the first may say that the machine is busy
    assert any("round 1 of 1000" in line for line in lines)
    time.sleep(0.3)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert errors.strip().splitlines()[-1] == "stopped; nothing was written"
    assert "Traceback" not in errors
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "expected a folder of runs"),
        (["nowhere"], "nowhere: expected a folder of runs"),
        (["{runs}", "upsample=nearest"], "expected a folder of runs"),
        (["{runs}", "--runtime", "tflite"], "--runtime tflite: choose one of"),
        (["{runs}", "--ops", "Konv"], "Konv is no operator of ONNX"),
        (["{runs}", "--size", "big"], "--size big"),
        (["{runs}", "--by", "magic"], "--by magic"),
        (["{runs}", "--to", "{runs}"], "exists; delete it"),
        (["--untrained", "transpose,magic"], "--untrained transpose,magic"),
        (["--untrained", "transpose", "model.norm=magic"], "model.norm"),
        (["--untrained", "transpose", "model.norms=batch"], "norms"),
    ],
)
def test_mistakes_end_in_one_line_and_leave_nothing(trained, tmp_path, words, message):
    words = [word.format(runs=trained) for word in words]
    if "--to" not in words:
        words += ["--to", str(tmp_path / "kit")]
    result = run_cli("kit", *words)
    assert result.exit_code == 2, result.output
    assert message in result.stderr.strip().splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_networks_that_the_device_cannot_run_are_left_out(trained, tmp_path):
    basic = "Cast,Concat,Conv,Div,MaxPool,Relu,Sub"
    directory = tmp_path / "kit"
    words = ("kit", trained, "--to", directory, "--size", "16")
    result = run_cli(*words, "--ops", f"{basic},ConvTranspose")
    assert result.exit_code == 0, result.output
    assert "bilinear is left out: it needs Resize, which is not in --ops" in result.stdout
    assert list(json.loads((directory / "kit.json").read_text())["variants"]) == ["transpose"]
    compared = run_cli("compare", trained, "--ops", f"{basic},ConvTranspose", "--size", "16")
    assert compared.exit_code == 2
    assert "transpose is the answer: it is the only one of 2 that the device" in compared.stderr
    assert "Left out: bilinear: it needs Resize" in compared.stderr
