"""Tables as programs save them."""

import pytest

from unetlite.data.csv_files import read_table
from unetlite.errors import UsageError

ROWS = [{"id": "Café", "split": "a b"}, {"id": "", "split": "x,y"}]


@pytest.mark.parametrize(
    "content",
    [
        'ID,split\nCafé,a b\n,"x,y"\n'.encode(),
        'id;Split\r\nCafe\u0301; a b\r\n;"x,y"\r\n\r\n;\r\n'.encode("utf-8-sig"),
        'id\tsplit\nCafé\ta b\n\t"x,y"'.encode("utf-16"),
    ],
)
def test_separators_line_ends_and_marks_make_no_difference(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    rows = read_table(tmp_path / "a.csv")
    assert rows == ROWS
    assert rows[1].place == f"{tmp_path / 'a.csv'}, line 3"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no rows"),
        (b"id,split\n", "holds no rows"),
        (b"id,ID\n1,2\n", "names a column twice"),
        (b"id,split\n1\n", "line 2 has 1 cells, but the header 2"),
        (b"id,split\n\xff,1\n", "cannot be read as CSV in UTF-8"),
        (b'id,split\n"1,1\n', "cannot be read as CSV"),
    ],
)
def test_what_is_no_table_is_refused_with_the_line(tmp_path, content, message):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_table(tmp_path / "a.csv")
