"""`unetlite explain`: every layer and every operator is listed, and mistakes end in one line."""

from unittest.mock import patch

import pytest
from helpers import run_cli

from unetlite.commands.network_tables import format_count
from unetlite.commands.options import parse_size
from unetlite.network.downsampling import DOWNSAMPLERS
from unetlite.network.upsampling.base import UPSAMPLERS

SMALL = "model.widths=[4,6,8]"


@pytest.mark.parametrize("down", sorted(DOWNSAMPLERS))
def test_every_layer_is_listed_for_settings(down):
    settings = ["upsample=nearest", f"downsample={down}", "model.bottleneck_dilation=2", SMALL]
    result = run_cli("explain", *settings, "--size", "96x64")
    assert result.exit_code == 0, result.output
    for word in ("blocks.0.0", "4x96x64", "bottleneck.0", "decoder.1.up", "head", "MACs"):
        assert word in result.output, word
    for word in ("receptive field of a logit", "kernel 4 x 4", "ripple"):
        assert word in result.output, word


@pytest.mark.parametrize(
    ("operator", "starts_even"), [("pixelshuffle", True), ("nearest", False), ("zeros", False)]
)
def test_a_ripple_of_0_that_is_only_at_the_start_is_explained(operator, starts_even):
    result = run_cli("explain", f"upsample={operator}", SMALL, "--size", "32")
    assert ("Training can make them differ" in result.output) == starts_even


def test_a_run_and_its_checkpoint_give_the_same(trained):
    run = trained / "bilinear" / "seed0"
    by_directory = run_cli("explain", run, "--size", "32")
    by_file = run_cli("explain", run / "last.ckpt", "--size", "32")
    assert by_directory.exit_code == 0
    assert by_directory.output == by_file.output
    assert "bilinear as a transposed convolution" in by_file.output


def test_all_operators_side_by_side(monkeypatch):
    monkeypatch.setattr("unetlite.commands.network_tables.print_onnx_operators", lambda *_: None)
    result = run_cli("explain", SMALL, "--compare", "--size", "32")
    assert result.exit_code == 0, result.output
    rows = [line.split()[1] for line in result.output.splitlines() if line.startswith("│")]
    assert rows[-len(UPSAMPLERS) :] == list(UPSAMPLERS)
    assert "ripple 0 of pixelshuffle:" in result.output


@pytest.fixture
def only():
    """Leaves the given operators alone; afterwards all are back, in their old order."""
    with patch.dict(UPSAMPLERS):

        def keep(*names):
            for name in UPSAMPLERS.keys() - set(names):
                del UPSAMPLERS[name]

        yield keep


def test_an_operator_that_cannot_be_built_is_left_out(only):
    only("transpose", "unpool")
    result = run_cli("explain", SMALL, "downsample=mean", "--compare", "--size", "32")
    assert result.exit_code == 0
    assert "left out: upsample=unpool" in result.output


def test_the_onnx_operators_of_each_are_listed_in_80_columns(only):
    only("nearest", "fade")
    result = run_cli("explain", SMALL, "upsample=nearest", "--compare", "--size", "32")
    assert result.exit_code == 0
    _, listed = result.stdout.split("ONNX operators in a kit for 32 x 32 pixels ")
    assert "of every network: Cast, Concat, Conv, Div, MaxPool, Relu, Resize, Sub\n" in listed
    assert "\nnearest           no other\n" in listed
    assert "\nfade              Add, DepthToSpace, " in listed
    assert max(map(len, listed.splitlines())) <= 80


@pytest.mark.parametrize(
    ("number", "text"),
    [(640, "640"), (8200, "8.2 k"), (38e6, "38 M"), (999.6, "1.0 k"), (5e12, "5000 G")],
)
def test_counts_have_two_or_three_digits(number, text):
    assert format_count(number) == text


def test_sizes_are_height_by_width():
    assert parse_size("128") == (128, 128)
    assert parse_size("96x128") == (96, 128)


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        (["nowhere.ckpt"], ["nowhere.ckpt", "no such file"]),
        (["upsample=magic"], ["magic", "transpose"]),
        (["--size", "big"], ["big", "96x128"]),
        (["--size", "1x2x3"], ["1x2x3", "96x128"]),
        (["--size", "0"], ["--size 0", "96x128"]),
        (["--port", "7999"], ["--port 7999", "--page"]),
    ],
)
def test_mistakes_end_in_one_line(arguments, messages):
    result = run_cli("explain", *arguments)
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
    for message in messages:
        assert message in result.stderr
