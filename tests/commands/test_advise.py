"""`unetlite advise`: an answer without training, and what it refuses."""

import json
from unittest.mock import patch

import numpy as np
import pytest
from helpers import run_cli, write_pairs
from made_evidence import make_evidence

from unetlite.compare.across_sets import Evidence
from unetlite.compare.planning.request import DEFAULT_OPERATORS
from unetlite.inference.kit import describe_architecture
from unetlite.settings.composition import compose_run


@pytest.fixture
def evidence():
    """Evidence of six sets, which the command reads."""
    made = make_evidence(0.03)
    with patch("unetlite.commands.advice.read_evidence", lambda: made):
        yield made


@pytest.fixture
def folder(tmp_path):
    """Three images of a disc."""
    rows, columns = np.indices((48, 64))
    mask = (np.hypot(rows - 24, columns - 32) < 15).astype(np.uint8)
    return write_pairs(tmp_path / "discs", 40 + 150 * mask, mask)


def write_costs(path, milliseconds, excluded, model="mini"):
    """A file of costs, as a kit writes it."""
    variants, reasons = {}, {}
    for name in ("transpose", "nearest", "carafe"):
        config = compose_run([f"model={model}", f"upsample={name}"]).unet_config()
        network = json.loads(json.dumps(describe_architecture(config)))
        if name in excluded:
            reasons[name] = {"network": network, "reason": "it has no such layer"}
            continue
        time = milliseconds[name]
        entry = {"network": network, "milliseconds": time, "lowest": time, "highest": time}
        variants[name] = {**entry, "peak_memory_mb": None, "energy_mj": None}
    content = {"format": "unetlite costs", "version": 1, "device": "line box", "system": "Linux"}
    content |= {"runtime": "onnxruntime", "runtime_version": "1.20.1", "threads": 4}
    content |= {"size": [256, 256], "variants": variants, "excluded": reasons}
    path.write_text(json.dumps(content))
    return path


def test_a_folder_gets_table_neighbour_and_sentence(evidence, folder):
    result = run_cli("advise", folder)
    assert result.exit_code == 0, result.output
    assert "Take carafe" in result.stdout
    assert "nearest: set" in result.stdout or "most like set" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_costs_of_a_device_decide_which_is_the_fastest(evidence, tmp_path):
    milliseconds = {"transpose": 5.0, "nearest": 9.0, "carafe": 7.0}
    file = write_costs(tmp_path / "costs.json", milliseconds, ())
    result = run_cli("advise", "--costs", file)
    assert "The fastest: transpose (5 ms)" in result.stdout
    file = write_costs(tmp_path / "costs.json", milliseconds, ("carafe",))
    result = run_cli("advise", "--costs", file)
    assert "left out carafe is excluded (on line box, it has no such layer)" in result.stdout
    assert "Take carafe" not in result.stdout
    file = write_costs(
        tmp_path / "costs.json", {"transpose": 5.0}, ("nearest", "carafe"), "classic"
    )
    result = run_cli("advise", "--costs", file)
    assert result.exit_code == 2
    assert "unetlite kit --untrained transpose,carafe,nearest" in result.output.replace("\n", "")


@pytest.fixture
def no_evidence():
    """No sets at all."""
    none = Evidence({}, {"sets": {}})
    with patch("unetlite.commands.advice.read_evidence", lambda: none):
        yield


def test_with_too_few_sets_the_costs_here_are_printed_the_cheapest_first(
    no_evidence, folder, monkeypatch
):
    monkeypatch.setattr(
        "unetlite.commands.advice.measure_latencies",
        lambda configs, _: {name: 9.0 - number for number, name in enumerate(configs)},
    )
    result = run_cli("advise", folder)
    assert result.exit_code == 0, result.output
    names = [line.split()[1] for line in result.stdout.splitlines() if line.startswith("│")]
    assert names == DEFAULT_OPERATORS.split(",")[::-1]
    assert "scores of 0 data sets" in result.stdout
    assert "unetlite choose " in result.stdout


def test_with_too_few_sets_the_costs_of_a_file_are_printed_whatever_its_networks(
    no_evidence, tmp_path
):
    milliseconds = {"transpose": 5.0, "nearest": 3.0}
    file = write_costs(tmp_path / "costs.json", milliseconds, ("carafe",), "classic")
    result = run_cli("advise", "--costs", file)
    assert result.exit_code == 0, result.output
    rows = [line.split()[1:4:2] for line in result.stdout.splitlines() if line.startswith("│")]
    assert rows == [["nearest", "3"], ["transpose", "5"]]
    assert "carafe is excluded (it has no such layer)" in result.stdout
    assert "--operators transpose,nearest" in " ".join(result.stdout.split())


@pytest.mark.parametrize("words", [["nowhere"], ["--margin", "2"], ["--costs", "nowhere.json"]])
def test_what_cannot_be_is_refused(evidence, words):
    result = run_cli("advise", *words)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
