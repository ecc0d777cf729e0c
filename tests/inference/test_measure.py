"""The program of a kit: what it accepts as right, and what it counts."""

import ast
import sys
from pathlib import Path

import numpy as np
import pytest

from unetlite.inference import measure
from unetlite.inference.measure import (
    compare_outputs,
    energy_difference,
    load_warnings,
    noise_warnings,
    read_kit,
    summarise,
)


def test_it_is_python_3_8_and_imports_nothing_but_a_runtime_and_numpy():
    tree = ast.parse(Path(measure.__file__).read_text(), feature_version=(3, 8))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.split(".")[0])
    assert imported - sys.stdlib_module_names == {"numpy", *measure.OPENERS}


def test_a_result_is_right_within_the_tolerance_of_the_largest_logit():
    expected = np.linspace(-50, 50, 1000, dtype=np.float32).reshape(1, 10, 10, 10)
    assert compare_outputs(expected + 0.04, expected, 1e-3, 0.0) is None
    assert "differs from the stored one" in compare_outputs(expected + 0.06, expected, 1e-3, 0.0)
    assert "the shape (1, 10, 10, 9)" in compare_outputs(expected[..., 1:], expected, 1e-3, 0.0)

    tied = expected.copy()
    tied[0, 0, :4] += 9
    assert compare_outputs(tied, expected, 1e-3, 0.05) is None
    assert compare_outputs(tied, expected, 1e-3, 0.03) is not None
    tied[0, 0, 0, 0] = np.nan
    assert "not finite" in compare_outputs(tied, expected, 1e-3, 0.05)


def test_a_counter_of_energy_that_began_anew_goes_on(tmp_path):
    (tmp_path / "max_energy_range_uj").write_text("10000\n")
    folder = str(tmp_path)
    assert energy_difference({folder: 9000}, {folder: 500}) == 1.5  # millijoules
    assert energy_difference({folder: 1000}, {folder: 4000}) == 3
    assert energy_difference({}, {}) is None


def test_the_spread_is_that_of_rounds_and_one_unknown_memory_makes_it_unknown():
    rounds = []
    for times in ([1, 2, 3], [4, 5, 60], [2, 2, 2]):
        rounds.append({"milliseconds": times, "peak_memory_mb": 10.0, "energy_mj": 1.0})
    summary = summarise(rounds)
    assert (summary["milliseconds"], summary["lowest"], summary["highest"]) == (2, 2, 5)
    assert summary["peak_memory_mb"] == 10
    rounds[1]["energy_mj"] = None
    assert summarise(rounds)["energy_mj"] is None


def test_a_wide_middle_of_the_predictions_is_noise_and_one_slow_prediction_is_not():
    quiet = [{"milliseconds": [10, 10.1, 10.2, 10.3, 50]}]
    noisy = [{"milliseconds": [10, 11, 12]}, {"milliseconds": [14, 15, 16]}]
    excluded = {"c": "it was killed"}
    assert noise_warnings({"a": quiet, "c": []}, excluded) == []
    (warning,) = noise_warnings({"a": quiet, "b": noisy, "c": []}, excluded)
    assert "b from 11 to 15 ms" in warning
    assert "a from" not in warning


@pytest.mark.skipif(not hasattr(measure.os, "getloadavg"), reason="Windows has no load")
def test_a_load_above_the_cores_is_a_warning(monkeypatch):
    monkeypatch.setattr(measure.os, "cpu_count", lambda: 4)
    for load, warnings in ((4.0, 0), (4.1, 1)):
        monkeypatch.setattr(measure.os, "getloadavg", lambda load=load: (load, 0.0, 0.0))
        assert len(load_warnings()) == warnings


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"format": 1}',
        '{"format": "unetlite kit", "version": 9}',
        '{"format": "unetlite kit", "version": 1, "size": [8, 8], "tolerance": 1, "runtime": "x"}',
    ],
)
def test_a_damaged_kit_ends_in_one_line(tmp_path, capsys, content):
    (tmp_path / "kit.json").write_text(content)
    with pytest.raises(SystemExit) as end:
        read_kit(tmp_path)
    assert end.value.code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
