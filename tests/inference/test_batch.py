"""Files are predicted in order; each has its row, whatever happens to the others."""

import csv
import time

import numpy as np
import pytest
from helpers import as_trained, make_metadata, make_model, noise, save

from unetlite import UsageError
from unetlite.data import raster
from unetlite.inference.batch import (
    FilePredictor,
    FileResult,
    PredictionTable,
    open_input,
    predict_files,
)

NAMES = "abcdefgh"


def ignore(*_):
    """Of what `progress` yields."""


@pytest.fixture
def table(tmp_path):
    with (tmp_path / "predictions.csv").open("wb", buffering=0) as file:
        yield PredictionTable(file, ("a", "b"), scored=True)


def read_rows(tmp_path):
    with (tmp_path / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def make_result(name, path=None):
    return FileResult(name, "", 2, 3, 0.5, np.array([5, 1]), np.array([[4, 1, 0], [1, 0, 1]]))


def test_a_row_has_areas_and_scores_or_the_error(table, tmp_path):
    table.add(make_result("one"))
    table.add(make_result("two")._replace(counts=None))
    table.add(FileResult("three", "three.png: broken"))
    one, two, three = read_rows(tmp_path)
    assert one["pixels/a"] == "5"
    assert float(one["share/b"]) == pytest.approx(1 / 6)
    assert float(one["iou/a"]) == pytest.approx(4 / 5)
    assert float(one["miou"]) == pytest.approx((4 / 5 + 1 / 2) / 2)
    assert two["share/a"] == one["share/a"]
    assert two["miou"] == two["iou/b"] == ""
    assert three["error"] == "three.png: broken"
    assert three["height"] == three["pixels/a"] == ""


def test_an_interruption_keeps_the_rows_of_what_is_done(table, tmp_path):
    done = []

    def predict(name, path):
        time.sleep(0.02)
        done.append(name)
        return make_result(name)

    def interrupt(text, share):
        if text.startswith("3 of 8"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_files(predict, dict.fromkeys(NAMES), table, interrupt)
    assert 2 <= len(done) < 8
    assert [row["image"] for row in read_rows(tmp_path)] == sorted(done)


def test_results_come_in_order_whichever_is_first(table, tmp_path):
    def predict(name, path):
        time.sleep(0.02 if name == "a" else 0)
        return make_result(name)

    results = predict_files(predict, dict.fromkeys(NAMES), table, ignore)
    assert [result.name for result in results] == list(NAMES)
    assert [row["image"] for row in read_rows(tmp_path)] == list(NAMES)


def test_an_error_names_the_file_once(tmp_path):
    predict = FilePredictor(make_model(), tmp_path, {})
    (tmp_path / "empty.png").touch()
    result = predict("empty", tmp_path / "empty.png")
    assert result.error.count("empty.png") == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "empty.png"]


def test_a_large_file_is_not_resized(tmp_path, monkeypatch):
    pytest.importorskip("rasterio")
    monkeypatch.setattr(raster, "LARGE", 0)
    path = save(tmp_path / "a.tif", noise(9, 9))
    network = as_trained({"name": "nearest"}, widths=(4, 6))
    with pytest.raises(UsageError, match=r"data\.resize"):
        open_input(path, make_metadata(network, config={"data": {"name": "a", "resize": 8}}))
