"""The device that predicts, as `choose` asks for it: before anything is trained."""

import json
from dataclasses import replace

import pytest
from helpers import run_cli

from unetlite.commands.target import Target, check_rest, read_target, restrict_request
from unetlite.compare.planning.request import Request
from unetlite.errors import UsageError
from unetlite.inference.kit import describe_architecture
from unetlite.settings.composition import compose_run

WORDS = ["model.widths=[4,6]"]
BASIC = "Cast,Concat,Conv,Div,MaxPool,Relu,Sub"


@pytest.fixture
def write_costs(tmp_path):
    """Writes costs.json of two operators for grey images with five classes, and an excluded one."""

    def write(**changes):
        networks = {}
        for name in ("nearest", "transpose", "carafe"):
            config = compose_run([*WORDS, f"upsample={name}"]).unet_config(1, 5, "uint16")
            networks[name] = describe_architecture(replace(config, **changes))
        excluded = {"carafe": {"network": networks.pop("carafe"), "reason": "it was killed"}}
        variants = {}
        for name, network in networks.items():
            variants[name] = {
                "milliseconds": 1.0, "lowest": 1.0, "highest": 1.0, "peak_memory_mb": None,
                "energy_mj": None, "network": network,
            }  # fmt: skip
        content = {
            "format": "unetlite costs", "version": 1, "device": "line box", "system": "Linux",
            "runtime": "openvino", "runtime_version": "2026", "threads": 1, "size": [16, 16],
            "variants": variants, "excluded": excluded,
        }  # fmt: skip
        (tmp_path / "costs.json").write_text(json.dumps(content))
        return tmp_path / "costs.json"

    return write


def test_operators_are_left_out_before_the_data_are_known(write_costs, capsys):
    request = Request("discs", [*WORDS, "data.resize=64"], "carafe,nearest,transpose", None, None)
    target = read_target(write_costs(), None, None)
    assert restrict_request(request, target).operators == "nearest,transpose"
    said = capsys.readouterr().out
    assert said == "carafe is left out: on line box, it was killed\n"
    assert restrict_request(request, Target()) == request
    with pytest.raises(UsageError, match=r"costs.json: zeros was not measured"):
        restrict_request(replace(request, operators="nearest,transpose,zeros"), target)
    with pytest.raises(UsageError, match=r"another network: decoder_widths was \[4\] and is \[8\]"):
        restrict_request(replace(request, overrides=["model.widths=[8,6]"]), target)


def test_operators_of_the_default_that_the_device_lacks_are_left_out(monkeypatch, capsys):
    monkeypatch.setattr(
        "unetlite.compare.planning.request.DEFAULT_OPERATORS", "transpose,nearest,zeros"
    )
    target = read_target(None, f"{BASIC},ConvTranspose", None)
    request = Request("discs", WORDS, None, None, None)
    restricted = restrict_request(request, target)
    assert restricted.operators is None  # none were typed, so a short time may leave out more
    assert restricted.candidates == ["transpose", "zeros"]
    assert capsys.readouterr().out == (
        "nearest is left out: it needs Resize, which is not in --ops\n"
    )
    with pytest.raises(
        UsageError, match=r"transpose is the answer: .* Left out: nearest: it needs"
    ):
        check_rest(["nearest", "transpose"], {"nearest": "it needs Resize"})
    with pytest.raises(UsageError, match="can run none of the 1; nearest: it needs"):
        check_rest(["nearest"], {"nearest": "it needs Resize"})


def test_what_is_exported_for_a_device_is_what_a_kit_has(write_costs):
    assert Target().export_options((96, 128)) == ""
    told = Target(operators=frozenset({"Conv"}), is_checked=True)
    assert told.export_options((96, 128)) == "--size 96x128 --output logits"
    assert told.left_out({}, (96, 128)) == {}
    of_costs = read_target(write_costs(), None, None)
    assert of_costs.export_options((16, 16)).endswith("--output logits --format openvino")


def test_costs_of_other_data_are_refused_before_a_training(
    discs, tmp_path, monkeypatch, write_costs
):
    targets = []
    monkeypatch.setattr("unetlite.commands.choose.HOME", tmp_path)
    monkeypatch.setattr("unetlite.commands.race.run_race", lambda *_: None)
    monkeypatch.setattr(
        "unetlite.commands.race.report_on", lambda *_, target, **__: targets.append(target)
    )
    words = ["choose", discs, "--operators", "nearest,transpose", "--parallel", "1", *WORDS]
    words.append("--no-levers")
    words += ["trainer.max_steps=2", f"data_dir={tmp_path / 'data'}", "--costs"]
    refused = run_cli(*words, write_costs())
    assert refused.exit_code == 2
    last = refused.stderr.strip().splitlines()[-1]
    assert "nearest was measured in another network: in_channels was 1 and is 3" in last
    taken = run_cli(*words, write_costs(in_channels=3, num_classes=2, pixel_type="uint8"))
    assert taken.exit_code == 0, taken.output
    assert targets[0].costs.content.device == "line box"
