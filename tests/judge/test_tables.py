"""Tables of any source become the same columns of text; numbers are read or refused."""

import math

import pytest

from unetlite.errors import UsageError
from unetlite.judge.tables import read_table

COLUMNS = {"Model": ["Café", "b"], "dice": ["0.5", ""]}
ROWS = [{"Model": "Café", "dice": 0.5}, {"Model": "b", "dice": math.nan}]


@pytest.mark.parametrize(
    "content",
    [
        "Model,dice\nCafé,0.5\nb,\n".encode(),
        'Model;dice\r\n"Cafe\u0301"; 0.5\r\n\r\nb;\r\n'.encode("utf-8-sig"),
        "Model\tdice\nCafé\t0.5\nb\t".encode("utf-16"),
        '"Model\n",dice\n"Café\r\n",0.5\nb,\n'.encode(),
    ],
)
def test_csv_of_any_program_is_the_same_table(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    assert read_table(tmp_path / "a.csv").columns == COLUMNS


def test_rows_are_the_same_table():
    assert read_table(ROWS).columns == COLUMNS
    assert read_table([{"Model": "Café", "dice": 0.5}, {"Model": "b", "dice": None}]).columns == (
        COLUMNS
    )


def test_data_frames_are_the_same_table(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(ROWS)
    assert read_table(frame).columns == COLUMNS
    assert read_table(frame.convert_dtypes()).columns == COLUMNS
    pytest.importorskip("pyarrow")
    frame.to_parquet(tmp_path / "a.parquet")
    assert read_table(tmp_path / "a.parquet").columns == COLUMNS


def test_a_frame_of_polars_is_the_same_table():
    polars = pytest.importorskip("polars")
    assert read_table(polars.DataFrame(ROWS)).columns == COLUMNS


@pytest.mark.parametrize("text", ["0.25", "+.25", "25e-2", "2.5E-1", "00.250"])
def test_numbers_are_read(text):
    assert read_table([{"dice": text}]).numbers("dice") == [0.25]


@pytest.mark.parametrize("text", ["", " ", "nan", "NaN", "NA", "n/a", "null", "None"])
def test_what_stands_for_no_score_is_none(text):
    assert math.isnan(read_table([{"dice": text}]).numbers("dice")[0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("93 %", "expected a number such as 0.91"),
        ("0,91", "expected a number"),
        ("1_000", "expected a number"),
        ("0x1", "expected a number"),
        ("٣", "expected a number"),
        ("True", "expected a number"),
        ("-", "expected a number"),
        ("inf", "which no mean can take"),
        ("-Infinity", "which no mean can take"),
        ("1e999", "which no mean can take"),
    ],
)
def test_what_is_no_score_is_refused_with_its_place(text, message):
    with pytest.raises(UsageError, match=rf"the table, row 2: the dice is .*{message}"):
        read_table([{"dice": "0.5"}, {"dice": text}]).numbers("dice")


def test_decimal_commas_are_read_where_semicolons_separate(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("model;dice;ms\na;0,91;1.5\nb;1;2\n")
    table = read_table(file)
    assert table.numbers("dice") == [0.91, 1.0]
    assert table.numbers("ms") == [1.5, 2.0]
    for cell in ("0.91", "1.234,5", "1,234,5"):
        file.write_text(f"model;dice\na;0,91\nb;{cell}\n")
        with pytest.raises(UsageError, match=r"line 3: .*decimal commas; write all numbers alike"):
            read_table(file).numbers("dice")


def test_parquet_without_its_reader_names_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(UsageError, match="pip install pyarrow; or save the table as CSV"):
        read_table(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (5, "a table cannot be a int; expected a path, a DataFrame of pandas or polars"),
        ([1, 2], "row 1 of the table is a int"),
        ([{"a": 1}, {"b": 1}], "row 2 of the table has other columns than row 1"),
        ([], "holds no rows"),
        ([{"a": 1, "A": 2}], "names a column twice"),
    ],
)
def test_what_is_no_table_is_refused(source, message):
    with pytest.raises(UsageError, match=message):
        read_table(source)
