"""Changes of the runs that the tests of comparisons share."""

import csv
import json
import shutil

import pytest
import torch
import yaml
from helpers import forge, sign

from unetlite.metrics.overlap import summarise


def change_config(file, **values):
    """Changes keys of a run's configuration; `trainer__learning_rate` is trainer.learning_rate."""
    content = yaml.safe_load(file.read_text())
    for name, value in values.items():
        *groups, key = name.split("__")
        part = content
        for group in groups:
            part = part[group]
        part[key] = value
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    forge(file.parent, lambda _, metadata: metadata.update(config=content))


def change_environment(run, **values):
    """Changes what a run recorded of its machine, versions and data."""
    forge(run, lambda _, metadata: metadata["environment"].update(values))


def edit_table(file, edit):
    """Changes the rows of a table, lists of cells below the header: `edit(header, rows)`."""
    header, *rows = list(csv.reader(file.open()))
    edit(header, rows)
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows([header, *rows])


def replace_counts(runs, true_positives):
    """Replaces all counts: `true_positives(operator, seed)` of 2000 pixels of every class."""
    for file in sorted(runs.glob("*/seed*/counts.csv")):
        operator, seed = file.parts[-3], int(file.parts[-2].removeprefix("seed"))
        tp = true_positives(operator, seed)
        counts = [tp, 500, 2000 - tp]  # the pixels of the truth are as many in every run
        classes = []

        def edit(header, rows, counts=counts, classes=classes):
            for k, name in enumerate(header):
                if name.startswith("overlap/tp/"):
                    classes.append(name.removeprefix("overlap/tp/"))
                    for row in rows:
                        row[k : k + 3] = map(str, counts)

        edit_table(file, edit)
        metrics = json.loads(file.with_name("metrics.json").read_text())
        for name, score in summarise(torch.tensor([[counts] * len(classes)]), classes).items():
            metrics[f"test/{name}"] = float(score)
        file.with_name("metrics.json").write_text(json.dumps(metrics))
        sign(file.parent)


def copy_seed(runs, operator, seed):
    """Adds a run of another seed, with the scores of seed 0 and weights of its own."""
    run = runs / operator / f"seed{seed}"
    shutil.copytree(runs / operator / "seed0", run)

    def change_weights(content, _):
        content["state_dict"]["network.head.bias"] += seed

    forge(run, change_weights)
    change_config(run / "config.yaml", seed=seed)


@pytest.fixture(scope="session")
def change():
    return change_config


@pytest.fixture(scope="session")
def change_recorded():
    return change_environment


@pytest.fixture(scope="session")
def edit():
    return edit_table


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

    monkeypatch.setattr("unetlite.compare.costs.costs.onnx_model", missing)
