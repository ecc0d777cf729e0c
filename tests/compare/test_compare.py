"""`unetlite compare`: what it reads, what it refuses, and what it writes."""

import csv
import json
import shutil

import numpy as np
import pytest
import torch
import yaml
from helpers import overrides, run_script
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from typer.testing import CliRunner

from unetlite.cli import app
from unetlite.compare.costs import measure_costs
from unetlite.compare.evidence import gather_evidence, principal_components
from unetlite.compare.runs import METRICS, name_variants, read_comparison, read_run
from unetlite.compare.verdict import analyse, describe, strange_runs, verdict
from unetlite.errors import UsageError
from unetlite.network.checkpoint import load_network
from unetlite.settings import compose_run
from unetlite.train import train


def change(file, **values):
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
    seeds = {name: [run.config["seed"] for run in runs] for name, runs in comparison.variants.items()}
    assert seeds == {"bilinear": [0, 1, 2], "transpose": [0, 1, 2]}
    scores, groups = comparison.scores("miou")
    assert scores["bilinear"].shape == (3, 4)
    assert len(groups) == 4


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
    for changed in (["another", *first[1:]], [first[0], "another", *first[2:]]):  # an image, or a group
        with table.open("w", newline="") as file:
            csv.writer(file).writerows([header, changed, *rest])
        with pytest.raises(UsageError, match="different images"):
            read_comparison(runs)


def test_runs_from_before_there_were_groups_have_their_images_for_units(runs):
    for file in (*runs.rglob("per_image.csv"), *runs.rglob("counts.csv")):
        rows = [[row[0], *row[2:]] for row in csv.reader(file.open())]
        with file.open("w", newline="") as opened:
            csv.writer(opened).writerows(rows)
    analysis = analyse(read_comparison(runs), "miou")
    assert analysis.groups == analysis.images == 4


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
    analysis = analyse(read_comparison(runs), "miou")
    assert analysis.best is None
    assert not analysis.differences
    text = verdict(analysis, {"bilinear": 1.0, "transpose": 2.0}, "ms", None)
    assert "No verdict" in text
    assert "seed=0,1,2,3,4" in text


def test_one_seed_gives_no_interval_and_no_words_of_one(runs):
    for seed in (1, 2):
        for run in runs.glob(f"*/seed{seed}"):
            shutil.rmtree(run)
    comparison = read_comparison(runs)
    for metric in METRICS:
        assert all(found.deviation is None for found in (describe(comparison, metric) or {}).values())
    result = CliRunner().invoke(app, ["compare", str(runs), "--rounds", "0", "--size", "32"])
    assert result.exit_code == 0, result.output
    written = [(runs / f"report.{kind}").read_text() for kind in ("md", "html")]
    for text in (result.stdout, *written):
        assert "No verdict" in text
        assert "±" not in text.partition("<h2>Test images")[0]  # of an image, the spread is one over variants
        assert "over seeds" not in text
        assert "over all trainings" not in text


def test_the_environment_is_read_from_its_file_and_may_be_unknown(runs):
    for file in runs.rglob("best.ckpt"):
        file.unlink()  # no checkpoint is read for it
    assert read_comparison(runs).environments[0]["torch"]
    (runs / "bilinear" / "seed0" / "environment.json").unlink()
    comparison = read_comparison(runs)
    assert comparison.variants["bilinear"][0].environment == {}
    assert len(comparison.environments) == 1
    (runs / "bilinear" / "seed1" / "environment.json").write_text('{"torch": "1.0"}')
    assert len(read_comparison(runs).environments) == 2


def test_another_augmentation_or_batch_still_gives_pictures_and_other_data_do_not(runs):
    networks = {name: load_network(runs / name / "seed0" / "best.ckpt").eval() for name in ("bilinear", "transpose")}
    for seed in (0, 1, 2):
        change(runs / "bilinear" / f"seed{seed}" / "config.yaml", data__augment__rotation=5.0, data__crops_per_image=3)
    evidence = gather_evidence(read_comparison(runs, allow=["data"]), networks)
    assert evidence.missing is None
    assert len(evidence.images) == 4
    steps = networks[min(networks)].config.depth
    assert [len(row) for row in evidence.features.values()] == [1 + len(networks)] * steps
    change(runs / "bilinear" / "seed2" / "config.yaml", data__val_fraction=0.3)
    evidence = gather_evidence(read_comparison(runs, allow=["data"]), networks)
    assert "differ in the data set" in evidence.missing
    assert not evidence.images


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
        (lambda runs: (runs / "bilinear" / "seed0" / "metrics.json").write_text("{"), "is damaged"),
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
    operators = [{"name": "transpose", "kernel_size": 2}, {"name": "transpose", "kernel_size": 4}, {"name": "zeros"}]
    configs = [{"upsample": operator, "model": {"norm": "batch", "skip": k}} for k, operator in enumerate(operators)]
    assert name_variants(configs, "upsample") == ["transpose (kernel_size=2)", "transpose (kernel_size=4)", "zeros"]
    assert name_variants(configs, "upsample.name") == ["transpose", "transpose", "zeros"]
    assert name_variants(configs, "model") == ["skip=0", "skip=1", "skip=2"]


def put_counts(runs, found_by):
    """Puts counts in the place of the true ones: `found_by` gives true positives, of 2000, by operator and seed."""
    for operator in ("bilinear", "transpose"):
        for seed in (0, 1, 2):
            file = runs / operator / f"seed{seed}" / "counts.csv"
            header, *rows = list(csv.reader(file.open()))
            for row in rows:
                for k, name in enumerate(header):
                    if name.startswith("overlap/tp/"):
                        found = found_by(operator, seed)
                        # The pixels of the truth stay as many as they are in every run.
                        row[k], row[k + 1], row[k + 2] = str(found), "500", str(2000 - found)
            with file.open("w", newline="") as opened:
                csv.writer(opened).writerows([header, *rows])
            metrics = file.with_name("metrics.json")
            score = {"test/miou": float(read_run(file.parent).scores("miou").mean())}
            metrics.write_text(json.dumps(json.loads(metrics.read_text()) | score))


def test_a_winner_is_named_where_it_is_shown_and_else_what_the_cheapest_can_lose(runs):
    random, cost = np.random.default_rng(0), {"bilinear": 3.0, "transpose": 2.0}
    put_counts(runs, lambda operator, seed: 1000 + int(random.integers(-9, 10)))
    analysis = analyse(read_comparison(runs), "miou")
    assert set(analysis.best.candidates) == {"bilinear", "transpose"}
    text = verdict(analysis, cost, "ms", None)
    assert text.startswith("In mean IoU either may be the best")
    assert "The fastest, transpose (2 ms), is at most 0." in text
    assert "all are equal within 0." in text
    worst = analysis.best.regret["transpose"]
    assert verdict(analysis, cost, "ms", 2 * worst).startswith(
        "Choose transpose: it is the fastest (2 ms), and at most"
    )
    assert verdict(analysis, cost, "ms", worst / 9).startswith("None is shown to be within the margin of")
    for name, summary in analysis.variants.items():
        low, high = analysis.around(name)
        assert 0 <= low <= summary.mean <= high <= 1

    put_counts(runs, lambda operator, seed: 1000 + 300 * (operator == "bilinear") + int(random.integers(-9, 10)))
    analysis = analyse(read_comparison(runs), "miou")
    assert analysis.best.candidates == ["bilinear"]
    lead = analysis.best.lead["bilinear"]
    assert 0 < lead < analysis.variants["bilinear"].mean - analysis.variants["transpose"].mean
    text = verdict(analysis, cost, "ms", None)
    assert text.startswith("Choose bilinear: in mean IoU (0.")
    assert "the fastest, transpose (2 ms), is at most" in text


def test_a_collapsed_training_is_named_and_the_figures_are_given_with_and_without_it(runs):
    random = np.random.default_rng(0)
    collapsed = ("transpose", 1)
    put_counts(
        runs, lambda operator, seed: 10 if (operator, seed) == collapsed else 1000 + int(random.integers(-9, 10))
    )
    shutil.copytree(runs / "bilinear" / "seed0", runs / "bilinear" / "seed3")
    shutil.copytree(runs / "transpose" / "seed0", runs / "transpose" / "seed3")
    for operator in ("bilinear", "transpose"):
        change(runs / operator / "seed3" / "config.yaml", seed=3)
    comparison = read_comparison(runs)
    strange = strange_runs(comparison, "miou")
    assert list(strange) == [collapsed]
    assert "transpose with seed 1 collapsed: 0.0" in strange[collapsed]
    result = CliRunner().invoke(app, ["compare", str(runs), "--rounds", "0", "--size", "32"])
    assert result.exit_code == 0, result.output
    said = " ".join(result.stdout.split())
    assert "With every training:" in said
    assert "Without seed 1:" in said
    assert "transpose with seed 1 collapsed" in said


def test_the_json_has_every_figure_and_its_basis(report, trained):
    content = json.loads((report / "report.json").read_text())
    judged = content["judged"]
    assert (judged["metric"], judged["seeds"], judged["images"]) == ("miou", [0, 1, 2], 4)
    assert set(content["described"]) <= set(METRICS) - {"miou"}
    for name, runs in content["runs"].items():
        assert judged["variants"][name]["mean"] == pytest.approx(np.mean([run["test/miou"] for run in runs]))
        assert judged["regret"][name] >= 0
    (pair,) = judged["pairs"]
    assert pair["mean"] >= 0
    assert pair["standard_error"] > 0
    costs = content["costs"]["variants"]
    assert costs["bilinear"]["parameters"] > costs["transpose"]["parameters"]
    for cost in costs.values():
        assert "pytorch" in cost["latency"]
    assert content["environments"][0]["torch"]
    assert content["configuration"]["trainer.max_steps"] == 2


def test_a_comparison_for_tensorboard_has_a_chart_and_pictures_and_is_no_run(runs):
    result = CliRunner().invoke(app, ["compare", str(runs), "--rounds", "0", "--size", "32", "--tensorboard"])
    assert result.exit_code == 0, result.output
    pictures = EventAccumulator(str(runs / "comparison")).Reload().Tags()["images"]
    pages = {"verdict", *(f"test images/{k}" for k in range(4)), *(f"decoder features/{k}" for k in range(2))}
    assert set(pictures) == pages
    assert len(read_comparison(runs).variants) == 2


def test_the_markdown_table_has_a_row_a_variant(report):
    lines = [line for line in (report / "report.md").read_text().splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1


@pytest.fixture
def no_onnx(monkeypatch):
    """As where the extra `export` is not installed."""

    def missing(network):
        raise ImportError("No module named 'onnx'")

    monkeypatch.setattr("unetlite.compare.costs.onnx_model", missing)


def test_runtimes_that_are_missing_are_named_and_the_others_are_measured(trained, no_onnx):
    comparison = read_comparison(trained)
    networks = {name: load_network(runs[0].files.best).eval() for name, runs in comparison.variants.items()}
    costs = measure_costs(comparison, networks, (16, 16), 1, lambda *_: None)
    for name in ("bilinear", "transpose"):
        assert set(costs.variants[name].latency) == {"pytorch"}
        assert f"{name} in OpenVINO (No module named 'onnx')" in costs.missing
    assert len(costs.missing) == 4
    assert set(costs.fastest) == {"bilinear", "transpose"}


def test_the_terminal_shows_whole_numbers_in_80_columns(runs, no_onnx, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for operator, size in (("bilinear", 12), ("transpose", 4)):
        for file in (runs / operator).glob("*/config.yaml"):
            change(file, upsample__name="a_name_of_its_own", upsample__kernel_size=size)
    result = CliRunner().invoke(app, ["compare", str(runs), "--by", "upsample", "--rounds", "1", "--size", "16"])
    assert result.exit_code == 0, result.output
    lines = [
        line for line in result.stdout.splitlines() if not line.lstrip().startswith(("report", "use it", "unetlite"))
    ]
    assert max(map(len, lines)) <= 80
    assert "(kernel_size=12)" in result.stdout
    content = json.loads((runs / "report.json").read_text())
    for found in content["judged"]["variants"].values():
        assert f"{found['mean']:.4f} ± {found['deviation']:.4f}" in result.stdout


def test_a_sweep_logs_every_run_and_later_skips_the_finished_ones(trained, tmp_path, capsys):
    config = yaml.safe_load((trained / "transpose" / "seed0" / "config.yaml").read_text())
    shared = overrides(config["data"]["root"], tmp_path, "trainer.max_steps=2")
    shared[shared.index("experiment=test")] = "experiment=compare"
    swept = run_script(*shared, "upsample=transpose,zeros", "seed=0", cwd=tmp_path)
    assert swept.returncode == 0, swept.stderr
    runs = [tmp_path / "outputs" / "folder" / name / "seed0" for name in ("transpose", "zeros")]
    assert all("epoch   1" in (run / "train.log").read_text() for run in runs)
    before = {file: file.read_bytes() for run in runs for file in run.iterdir()}
    again = compose_run([*shared, "upsample=zeros"])
    assert train(again) == json.loads((runs[1] / "metrics.json").read_text())["val/miou"]
    assert "is finished" in capsys.readouterr().out
    with pytest.raises(UsageError, match=r"model\.norm \(batch there, group here\)"):
        train({**again, "model": {**again["model"], "norm": "group"}})
    assert before == {file: file.read_bytes() for run in runs for file in run.iterdir()}


def test_a_mistake_in_a_job_of_a_sweep_ends_in_words_and_with_code_two(tmp_path):
    result = run_script("experiment=compare", f"output_dir={tmp_path}", "seed=-1", cwd=tmp_path)
    assert result.returncode == 2
    assert "error: seed=-1" in result.stderr
    assert "Traceback" not in result.stderr


def test_principal_components_do_not_depend_on_how_a_network_mixes_its_channels():
    parts = torch.randn(3, 40, 50, dtype=torch.float64) * torch.tensor([9.0, 3.0, 1.0])[:, None, None]
    mixing = torch.linalg.qr(torch.randn(8, 8, dtype=torch.float64)).Q[:, :3]  # orthogonal
    mixed = torch.einsum("cp,phw->chw", mixing, parts)
    expected, found = (principal_components(x).astype(int) for x in (parts, mixed))
    distance = np.minimum(abs(found - expected), abs(255 - found - expected))  # a sign is free
    assert distance.mean() < 12  # the sampled components correlate a little
    assert principal_components(torch.randn(2, 4, 6)).shape == (4, 6, 3)  # a decoder of two channels
