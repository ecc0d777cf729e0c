"""`unetlite compare`: what it prints, writes and refuses."""

import json
import shutil

import pytest
import yaml
from helpers import forge
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from typer.testing import CliRunner

from unetlite.cli import app
from unetlite.compare.comparison import read_comparison
from unetlite.compare.metrics import METRICS

UNTIMED = ("--rounds", "0", "--size", "32")


def run_compare(*arguments):
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def test_one_seed_gives_no_interval_and_no_words_of_one(runs):
    for seed in (1, 2):
        for run in runs.glob(f"*/seed{seed}"):
            shutil.rmtree(run)
    result = run_compare(runs, *UNTIMED)
    assert result.exit_code == 0, result.output
    page = (runs / "report.html").read_text()
    scores, _, _ = page.partition('<h2 id="test-images">')  # an image has a spread over variants
    for text in (result.stdout, (runs / "report.md").read_text(), scores):
        assert "No verdict" in text
        assert "±" not in text
        assert "over seeds" not in text
        assert "over all trainings" not in text


def test_the_terminal_shows_whole_numbers_in_80_columns(runs, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for operator, size in (("bilinear", 12), ("transpose", 4)):
        for file in (runs / operator).glob("*/config.yaml"):
            config = yaml.safe_load(file.read_text())
            config["upsample"].update(name="a_name_of_its_own", kernel_size=size)
            file.write_text(yaml.safe_dump(config))
            forge(file.parent, lambda _, metadata, config=config: metadata.update(config=config))
    result = run_compare(runs, *UNTIMED)
    assert result.exit_code == 0, result.output
    paths = ("report", "unetlite")
    lines = [line for line in result.stdout.splitlines() if not line.lstrip().startswith(paths)]
    assert max(len(line) for line in lines) <= 80
    assert "(kernel_size=12)" in result.stdout
    assert "(95\N{NO-BREAK SPACE}%)" in result.stdout
    content = json.loads((runs / "report.json").read_text())
    for summary in content["judged"]["variants"].values():
        assert f"{summary['mean']:.4f} ± {summary['deviation']:.4f}" in result.stdout


def test_tensorboard_gets_a_chart_and_pictures_which_are_no_run(runs):
    result = run_compare(runs, *UNTIMED, "--tensorboard")
    assert result.exit_code == 0, result.output
    pictures = EventAccumulator(str(runs / "comparison")).Reload().Tags()["images"]
    expected = {"verdict", "features of the decoder/0", "features of the decoder/1"}
    expected.update(f"errors on test images/{number}" for number in range(4))
    assert set(pictures) == expected
    assert len(read_comparison(runs).variants) == 2


def test_an_unknown_metric_is_refused_with_the_choices(runs):
    result = run_compare(runs, "--metric", "accuracy")
    assert result.exit_code == 2
    for metric in METRICS:
        assert metric in result.stderr


def test_what_does_not_compare_ends_in_one_line_and_leaves_nothing(runs):
    shutil.rmtree(runs / "bilinear")
    result = run_compare(runs, *UNTIMED)
    assert result.exit_code == 2
    assert "one variant" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not list(runs.parent.rglob("report.*"))


@pytest.fixture
def raced(runs):
    """Two variants after the first interim analysis of a race with a margin."""
    names = ["bilinear", "transpose"]
    plan = {
        "by": "upsample", "variants": names, "metric": "miou", "margin": 0.9, "seeds": 10,
        "budget": None,
    }  # fmt: skip
    interim = {"seeds": 3, "candidates": names, "regret": dict.fromkeys(names, 0.1)}
    record = {"plan": plan, "interims": [interim], "ended": None, "seconds": 1.0}
    (runs / "race.json").write_text(json.dumps(record))
    return runs


def test_a_race_is_judged_by_its_own_metric_margin_and_alpha(raced):
    result = run_compare(raced, *UNTIMED)
    assert result.exit_code == 0, result.output
    content = json.loads((raced / "report.json").read_text())
    assert content["margin"] == 0.9
    assert content["judged"]["metric"] == "miou"
    assert content["judged"]["alpha"] == 0.005
    assert "The race is at 3 seeds." in (raced / "report.md").read_text()


@pytest.mark.parametrize(("option", "value"), [("--margin", "0.1"), ("--metric", "dice")])
def test_another_metric_or_margin_than_that_of_the_race_is_refused(raced, option, value):
    refused = run_compare(raced, option, value)
    assert refused.exit_code == 2
    assert f"{option} {value}: the race was planned with " in refused.stderr


def test_images_can_be_left_out_which_verdict_and_report_say(runs):
    comparison = read_comparison(runs)
    first, second, *kept = comparison.runs[0].images
    result = run_compare(runs, *UNTIMED, "--without", f"{first},{second}")
    assert result.exit_code == 0, result.output
    sentence = f"Judged without 2 test images, as asked: {', '.join(sorted([first, second]))}."
    assert sentence in " ".join(result.stdout.split())
    content = json.loads((runs / "report.json").read_text())
    assert content["without_images"] == sorted([first, second])
    assert sentence == content["verdict"][0]
    run = comparison.variants["bilinear"][0]
    positions = [run.images.index(name) for name in kept]
    counts = run.counts("overlap")[positions].sum(0)  # (K, 3)
    iou = counts[:, 0] / counts.sum(1)
    assert content["runs"]["bilinear"][0]["test/miou"] == pytest.approx(iou.mean())
    assert f"<h3>{first}:" not in (runs / "report.html").read_text()
    unknown = run_compare(runs, *UNTIMED, "--without", f"{first}0")
    assert unknown.exit_code == 2
    assert first in unknown.output.replace(f"--without {first}0", "")
    everything = run_compare(runs, *UNTIMED, "--without", ",".join(comparison.runs[0].images))
    assert "leaves none of 4 test images" in " ".join(everything.output.split())
