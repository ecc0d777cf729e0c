"""Changes of the runs that the tests of comparisons share."""

import csv
import json
import shutil

import pytest
import yaml

from unetlite.compare.runs import read_run


def change_config(file, **values):
    """Changes keys of a config.yaml; `trainer__learning_rate` is trainer.learning_rate."""
    content = yaml.safe_load(file.read_text())
    for name, value in values.items():
        *groups, key = name.split("__")
        part = content
        for group in groups:
            part = part[group]
        part[key] = value
    file.write_text(yaml.safe_dump(content, sort_keys=False))


def replace_counts(runs, true_positives):
    """Replaces all counts: `true_positives(operator, seed)` of 2000 pixels of every class."""
    for file in sorted(runs.glob("*/seed*/counts.csv")):
        operator, seed = file.parts[-3], int(file.parts[-2].removeprefix("seed"))
        header, *rows = list(csv.reader(file.open()))
        for row in rows:
            for k, name in enumerate(header):
                if name.startswith("overlap/tp/"):
                    tp = true_positives(operator, seed)
                    # The pixels of the truth stay as many as they are in every run.
                    row[k : k + 3] = [str(tp), "500", str(2000 - tp)]
        with file.open("w", newline="") as opened:
            csv.writer(opened).writerows([header, *rows])
        metrics = json.loads(file.with_name("metrics.json").read_text())
        metrics["test/miou"] = float(read_run(file.parent).image_scores("miou").mean())
        file.with_name("metrics.json").write_text(json.dumps(metrics))


def copy_seed(runs, operator, seed):
    """Adds a run of another seed, with the scores of seed 0."""
    run = runs / operator / f"seed{seed}"
    shutil.copytree(runs / operator / "seed0", run)
    change_config(run / "config.yaml", seed=seed)


@pytest.fixture(scope="session")
def change():
    return change_config


@pytest.fixture(scope="session")
def put_counts():
    return replace_counts


@pytest.fixture(scope="session")
def add_seed():
    return copy_seed


@pytest.fixture
def no_onnx(monkeypatch):
    """As where the extra `export` is not installed."""

    def missing(network):
        raise ImportError("No module named 'onnx'")

    monkeypatch.setattr("unetlite.compare.costs.onnx_model", missing)
