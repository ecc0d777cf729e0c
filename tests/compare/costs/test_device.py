"""Costs of another device decide, and a file of them that does not fit ends in one line."""

import json

import pytest
from helpers import run_cli

from unetlite.compare.comparison import read_comparison
from unetlite.errors import UsageError
from unetlite.inference.kit import describe_architecture
from unetlite.network.checkpoint import load_network

NAMES = ("bilinear", "transpose")


@pytest.fixture
def write_costs(trained, tmp_path):
    """Writes costs.json: milliseconds by operator, and a change of the content."""
    networks = {}
    for name in NAMES:
        config = load_network(trained / name / "seed0" / "last.ckpt").config
        networks[name] = describe_architecture(config)

    def write(bilinear=1.0, transpose=2.0, change=None):
        variants = {}
        for name, milliseconds in zip(NAMES, (bilinear, transpose), strict=True):
            variants[f"its own name of {name}"] = {
                "milliseconds": milliseconds, "lowest": 0.5, "highest": 3.0,
                "peak_memory_mb": 71.0, "energy_mj": None, "network": networks[name],
            }  # fmt: skip
        content = {
            "format": "unetlite costs", "version": 1, "device": "line box <7> $x$",
            "system": "Linux aarch64", "runtime": "onnxruntime", "runtime_version": "1.20.1",
            "threads": 4, "size": [24, 40], "variants": variants, "excluded": {},
        }  # fmt: skip
        content = json.loads(json.dumps(content))  # no part is shared
        if change is not None:
            change(content)
        file = tmp_path / "costs.json"
        file.write_text(json.dumps(content))
        return file

    return write


def test_the_verdict_changes_with_the_costs_of_the_device(runs, put_counts, write_costs):
    put_counts(
        runs, lambda operator, seed: 1000 + 5 * seed + (operator == "transpose") * (seed - 1)
    )
    for bilinear, transpose, chosen in ((1.5, 2.5, "bilinear"), (2.5, 1.5, "transpose")):
        file = write_costs(bilinear, transpose)
        result = run_cli("compare", runs, "--costs", file, "--margin", "0.5")
        assert result.exit_code == 0, result.output
        words = " ".join(result.stdout.split())
        assert f"Choose {chosen}: it is the fastest on line box <7> $x$ (1.5 ms)" in words
        assert "line box <7> $x$ (ONNX Runtime 1.20.1, 4 threads)" in words
    report = json.loads((runs / "report.json").read_text())
    assert report["costs"]["size"] == [24, 40]
    assert report["costs"]["variants"]["transpose"]["latency"] == {"onnxruntime": 1.5}
    page = (runs / "report.html").read_text()
    assert "measured on line box &lt;7&gt; $x$ (ONNX Runtime 1.20.1, 4 threads)" in page
    assert "peak memory, MB" in page
    assert "trains a step" not in page  # that was measured on no device
    assert "on line box <7> $x$" in (runs / "report.md").read_text()


def put(*path, value):
    """A change of the content of costs.json."""

    def change(content):
        *parents, key = path
        for parent in parents:
            content = content[parent]
        content[key] = value

    return change


OF_TRANSPOSE = ("variants", "its own name of transpose")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("format", value="unetlite kit"), "format=unetlite kit"),
        (put("version", value=2), "version=2"),
        (put("size", value=[24]), "size"),
        (put("device", value="a\nb"), "device"),
        (put("variants", value={}), "variants={}"),
        (put("later", value=1), "later is not known"),
        (put(*OF_TRANSPOSE, "milliseconds", value="2"), "milliseconds=2"),
        (put(*OF_TRANSPOSE, "milliseconds", value=0), "greater than 0"),
        (put(*OF_TRANSPOSE, "milliseconds", value=float("nan")), "nan"),
        (put(*OF_TRANSPOSE, "network", value=[]), "network"),
        (put(*OF_TRANSPOSE, "network", "num_classes", value=7), "num_classes was 7 and is 2"),
        (put(*OF_TRANSPOSE, "network", "upsample", value={"name": "zeros"}), "transpose was not"),
        (put(*OF_TRANSPOSE, "network", "upsample", value=3), "transpose was not measured"),
        (lambda content: content["variants"].pop("its own name of transpose"), "was not measured"),
        (lambda content: content.pop("threads"), "threads"),
    ],
)
def test_costs_that_do_not_fit_end_in_one_line(trained, write_costs, tmp_path, change, message):
    file = write_costs(change=change)
    output = tmp_path / "report"
    result = run_cli("compare", trained, "--costs", file, "--output", output)
    assert result.exit_code == 2, result.output
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert str(file) in last
    assert message in last
    assert not output.exists()


@pytest.mark.parametrize("content", ["", "[]", '{"format": ', "[" * 10**5])
def test_what_is_no_file_of_costs_ends_in_one_line(trained, tmp_path, content):
    file = tmp_path / "costs.json"
    file.write_text(content)
    for path in (file, tmp_path / "nowhere.json", tmp_path):
        result = run_cli("compare", trained, "--costs", path)
        assert result.exit_code == 2
        assert result.stderr.strip().splitlines() == [
            f"error: {path} is damaged or missing. Run measure.py of the kit again."
        ]


def test_another_size_is_refused_and_that_of_the_file_is_taken(trained, write_costs):
    result = run_cli("compare", trained, "--costs", write_costs(), "--size", "256")
    assert result.exit_code == 2
    assert "is for 24 x 40 pixels; leave --size out" in result.stderr


def test_a_variant_that_the_device_excluded_is_left_out(trained, write_costs):
    def exclude(content):
        entry = content["variants"].pop("its own name of transpose")
        content["excluded"] = {"t": {"network": entry["network"], "reason": "it was killed"}}

    result = run_cli("compare", trained, "--costs", write_costs(change=exclude))
    assert result.exit_code == 2
    assert "bilinear is the answer: " in result.stderr
    assert "transpose: on line box <7> $x$, it was killed" in result.stderr


def test_what_a_race_dropped_cannot_stand_without_the_better_one(trained):
    comparison = read_comparison(trained)
    assert comparison.leave_out({}) is comparison
    comparison.dropped["transpose"] = 0.1
    with pytest.raises(UsageError, match="the race dropped transpose beside them"):
        comparison.leave_out({"bilinear": "it needs Resize, which is not in --ops"})
    rest = comparison.leave_out({"transpose": "it needs much"})
    assert list(rest.variants) == ["bilinear"]
    assert rest.dropped == {}
    assert rest.left_out == ["transpose: it needs much"]
