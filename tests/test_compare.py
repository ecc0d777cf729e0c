"""`unetlite compare`: what it reads, what it refuses, and what it writes."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from typer.testing import CliRunner

from unetlite.cli import app
from unetlite.compare.analysis import analyse, analyse_all, verdict
from unetlite.compare.comparison import name_variants, read_comparison
from unetlite.compare.curves import mean_curves, write_means
from unetlite.compare.runs import METRICS, read_run
from unetlite.config import HOME, compose_run
from unetlite.errors import UsageError

sys.path.insert(0, str(HOME))
from train import train


def change(file: Path, **values):
    content = yaml.safe_load(file.read_text())
    for dotted, value in values.items():
        *groups, key = dotted.split("__")
        part = content
        for group in groups:
            part = part[group]
        part[key] = value
    file.write_text(yaml.safe_dump(content))


def test_the_scores_of_images_average_to_the_scores_of_the_run(trained):
    for file in trained.rglob("metrics.json"):
        run = read_run(file.parent)
        for metric in METRICS:
            assert np.nanmean(run.scores(metric)) == pytest.approx(run.metrics[f"test/{metric}"], abs=1e-6), metric


def test_runs_become_variants_with_the_same_seeds(trained):
    comparison = read_comparison(trained)
    assert {name: [run.seed for run in runs] for name, runs in comparison.variants.items()} == {
        "bilinear": [0, 1, 2],
        "transpose": [0, 1, 2],
    }
    assert comparison.scores("miou")["bilinear"].shape == (3, 4)


def test_runs_that_differ_in_another_key_are_refused_by_name(runs):
    change(runs / "bilinear" / "seed1" / "config.yaml", trainer__learning_rate=0.1, model__norm="group")
    with pytest.raises(UsageError) as error:
        read_comparison(runs)
    assert all(
        word in str(error.value) for word in ("trainer.learning_rate", "model.norm", "batch", "group", "--allow")
    )
    with pytest.raises(UsageError, match=r"model\.norm"):
        read_comparison(runs, allow=["trainer.learning_rate"])
    assert len(read_comparison(runs, allow=["trainer", "model.norm"]).variants) == 2


def test_where_runs_lie_does_not_matter_but_their_test_images_do(runs):
    change(runs / "bilinear" / "seed1" / "config.yaml", run_dir="elsewhere", data__num_workers=3)
    read_comparison(runs)
    table = runs / "bilinear" / "seed1" / "per_image.csv"
    header, first, *rest = list(csv.reader(table.open()))
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([header, ["another", *first[1:]], *rest])
    with pytest.raises(UsageError, match="different images"):
        read_comparison(runs)


def test_seeds_that_not_all_have_and_unfinished_runs_are_left_out_in_words(runs):
    (runs / "bilinear" / "seed1" / "metrics.json").unlink()
    comparison = read_comparison(runs)
    assert comparison.seeds == [0, 2]
    assert any("seed1 is not finished" in reason for reason in comparison.left_out)
    assert any("not every variant has seed 1" in reason for reason in comparison.left_out)


@pytest.mark.parametrize("removed", [["seed1"], ["seed1", "seed2"]])
def test_one_or_two_seeds_give_no_verdict_and_it_says_why(runs, removed):
    for seed in removed:
        shutil.rmtree(runs / "bilinear" / seed)
    comparison = read_comparison(runs)
    analysis = analyse(comparison, "miou")
    assert analysis.winner is None
    assert analysis.pairs == []
    assert "No verdict" in verdict(comparison, analysis, {})
    assert "seed=0,1,2,3,4" in verdict(comparison, analysis, {})


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda runs: shutil.rmtree(runs), "no such directory"),
        (lambda runs: [shutil.rmtree(path) for path in runs.iterdir()], "no finished run"),
        (lambda runs: shutil.rmtree(runs / "bilinear"), "one variant"),
        (
            lambda runs: [
                shutil.rmtree(runs / path) for path in ("bilinear/seed0", "bilinear/seed2", "transpose/seed1")
            ],
            "no seed",
        ),
        (lambda runs: shutil.copytree(runs / "bilinear" / "seed0", runs / "again"), "same variant"),
        (lambda runs: (runs / "bilinear" / "seed0" / "counts.csv").unlink(), "no complete run"),
        (lambda runs: (runs / "bilinear" / "seed0" / "metrics.json").write_text("{"), "no complete run"),
    ],
)
def test_what_cannot_be_compared_ends_in_one_line_and_leaves_nothing(runs, prepare, words):
    prepare(runs)
    result = CliRunner().invoke(app, ["compare", str(runs), "--rounds", "0"])
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not list(runs.parent.rglob("report.*"))


def test_an_unknown_metric_or_key_is_refused_with_the_choices(runs):
    result = CliRunner().invoke(app, ["compare", str(runs), "--metric", "accuracy"])
    assert result.exit_code == 2
    assert "boundary_iou_1px" in result.stderr
    with pytest.raises(UsageError, match="no such key"):
        read_comparison(runs, by="upsampling")


def test_variants_are_named_by_what_tells_them_apart():
    parts = [{"name": "transpose", "kernel_size": 2}, {"name": "transpose", "kernel_size": 4}, {"name": "zeros"}]
    assert name_variants(parts) == ["transpose (kernel_size=2)", "transpose (kernel_size=4)", "zeros"]


def test_the_winner_is_named_only_where_a_difference_is_shown(runs):
    """Counts are put in the place of the true ones: first equal but for noise, then with a clear difference."""
    random = np.random.default_rng(0)
    for shift in (0, 300):
        for operator in ("bilinear", "transpose"):
            for seed in (0, 1, 2):
                file = runs / operator / f"seed{seed}" / "counts.csv"
                header, *rows = list(csv.reader(file.open()))
                for row in rows:
                    for k, name in enumerate(header):
                        if name.startswith("overlap/tp/"):
                            found = 1000 + (shift if operator == "bilinear" else 0) + int(random.integers(-9, 10))
                            # The pixels of the truth stay as many as they are in every run.
                            row[k], row[k + 1], row[k + 2] = str(found), "500", str(2000 - found)
                with file.open("w", newline="") as opened:
                    csv.writer(opened).writerows([header, *rows])
        comparison = read_comparison(runs)
        analysis = analyse(comparison, "miou")
        text = verdict(comparison, analysis, {"bilinear": 3.0, "transpose": 2.0})
        if shift:
            assert analysis.winner == "bilinear"
            assert text.startswith("Choose bilinear")
        else:
            assert analysis.winner is None
            assert text.startswith("No difference shown")
            assert "transpose predicts fastest" in text


def test_the_json_has_every_figure_and_its_basis(report, trained):
    content = json.loads((report / "report.json").read_text())
    assert content["seeds"] == [0, 1, 2]
    assert set(content["metrics"]) == set(analyse_all(read_comparison(trained)))
    for name, runs in content["runs"].items():
        summary = content["metrics"]["miou"]["variants"][name]
        assert summary["mean"] == pytest.approx(np.mean([run["test/miou"] for run in runs]))
        assert summary["interval"][0] <= summary["mean"] <= summary["interval"][1]
    costs = content["costs"]["variants"]
    assert costs["bilinear"]["parameters"] > costs["transpose"]["parameters"]
    for cost in costs.values():
        assert {"pytorch", "pytorch_folded"} <= set(cost["latency"])
        assert cost["memory"] > 4 * 32 * 32 * 4  # at least one map at full resolution, in float32
    assert content["environments"][0]["torch"]
    assert content["configuration"]["trainer.max_steps"] == 2


def test_the_markdown_table_has_a_row_a_variant(report):
    lines = [line for line in (report / "report.md").read_text().splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1


def test_the_mean_curves_for_tensorboard_are_means_with_intervals(runs):
    comparison = read_comparison(runs)
    curves = mean_curves(comparison)
    single = [EventAccumulator(str(runs / "bilinear" / f"seed{seed}")).Reload() for seed in (0, 1, 2)]
    expected = np.mean([[event.value for event in events.Scalars("val/miou")] for events in single], axis=0)
    assert curves["val/miou"]["bilinear"].mean == pytest.approx(expected)
    target = write_means(comparison, curves, runs)
    events = EventAccumulator(str(target / "bilinear")).Reload()
    bounds = zip(*(events.Scalars(f"interval/val/miou/{end}") for end in ("low", "high")), strict=True)
    assert all(low.value <= mean <= high.value for (low, high), mean in zip(bounds, expected, strict=True))
    assert len(read_comparison(runs).variants) == 2  # what was written is no run


def test_a_sweep_logs_every_run_and_later_skips_the_finished_ones(trained, tmp_path, capsys):
    config = yaml.safe_load((trained / "transpose" / "seed0" / "config.yaml").read_text())
    shared = [
        "experiment=compare", "data=folder", f"data.root={config['data']['root']}", f"data_dir={config['data_dir']}",
        f"output_dir={tmp_path}", "model.widths=[4,6,8]", "data.crop_size=32", "data.batch_size=2",
        "trainer.accelerator=cpu", "trainer.max_steps=2",
    ]  # fmt: skip
    command = [sys.executable, str(HOME / "train.py"), *shared, "upsample=transpose,zeros", "seed=0"]
    swept = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert swept.returncode == 0, swept.stderr
    runs = [tmp_path / "folder" / name / "seed0" for name in ("transpose", "zeros")]
    assert all("epoch   1" in (run / "train.log").read_text() for run in runs)
    before = {file: file.read_bytes() for run in runs for file in run.iterdir()}
    again = compose_run([*shared, "upsample=zeros"])
    assert train(again) == json.loads((runs[1] / "metrics.json").read_text())["val/miou"]
    assert "is finished" in capsys.readouterr().out
    with pytest.raises(UsageError, match=r"model\.norm \(batch there, group here\)"):
        train({**again, "model": {**again["model"], "norm": "group"}})
    assert before == {file: file.read_bytes() for run in runs for file in run.iterdir()}


def test_a_mistake_in_a_job_of_a_sweep_ends_in_words_and_with_code_two(tmp_path):
    command = [sys.executable, str(HOME / "train.py"), "experiment=compare", f"output_dir={tmp_path}", "seed=-1"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert result.returncode == 2
    assert "error: seed=-1" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_public_commands_and_their_options_change_by_decision_only():
    found = {
        name: sorted(option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts))
        for name, command in typer.main.get_command(app).commands.items()
    }
    assert found == {
        "explain": ["--compare", "--png", "--size", "what"],
        "compare": [
            "--allow", "--by", "--metric", "--output", "--rounds", "--size", "--tensorboard", "directory",
        ],
        "export": [
            "--fold", "--format", "--images", "--int8", "--no-fold", "--output", "--precision", "--to", "checkpoint",
        ],
        "predict": [
            "--flips", "--no-overlays", "--output", "--overlap", "--overlays", "--probabilities", "--tile", "--truth",
            "inputs", "model",
        ],
        "demo": ["--host", "--port", "models"],
    }  # fmt: skip
