"""What the page says of a setting: the sum, the size, the overlap, other ways, refusals."""

import re
from html import unescape

import pytest
from preset_results import RESULTS

from unetlite.arithmetic.presets import PRESETS
from unetlite.commands.arithmetic_page.answer import answer
from unetlite.commands.arithmetic_page.tables import short


def words(html):
    return " ".join(unescape(re.sub("<[^>]+>", " ", html)).split())


def shown(query):
    """The text of all parts of an answer."""
    parts = answer(query)["parts"]
    return words(" ".join(parts.values()))


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_preset_shows_its_numbers_and_nothing_that_a_page_cannot_show(name, language):
    given = answer(f"example={name}&language={language}")
    table = given["parts"]["result"]
    numbers = [float(text) for text in re.findall(r">([-\d.e]+)</td>", table)]
    expected = RESULTS[name].ravel().tolist()
    assert numbers == pytest.approx(expected, abs=1e-3)
    assert set(given["parts"]) == {"controls", "inputs", "result", "sum", "more"}
    assert "<script" not in str(given)
    assert "<section" in given["parts"]["more"]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("example=matrix", "0*3 + 1*3 + 2*2 + 2*0 + 2*0 + 0*1 + 0*3 + 1*1 + 2*2 = 12"),
        ("example=matrix", "floor((4 + 2*0 - 1*(3 - 1) - 1) / 1 + 1) = 2"),
        ("example=matrix", "M is 4 x 16"),
        ("example=matrix", "not the same: 16 of 16 numbers differ"),
        ("example=full_convolution&at=0,0", "1*1 = 1 3 taps on padding add 0"),
        ("example=copies_add", "3*2 + 4*1 = 10"),
        ("example=max", "max(1, 3, 4, 2) = 4"),
        ("example=max", "There is none"),
        ("example=unpool&at=0,0", "0: the maximum of its window stood elsewhere"),
        ("example=unpool", "4, the maximum of its window, back in its place"),
        ("example=insert_zeros&at=0,1", "no input reaches it: 0"),
        ("example=uneven_overlap", "the phases (even and odd rows and columns with stride 2) add"),
        ("example=uneven_overlap", "add up to 4, 2, 2, 1. That is a checkerboard."),
        ("example=checkerboard", "add up to 1, 2, 3, 4. That is a checkerboard."),
        ("example=zeros_then_kernel", "That is a checkerboard."),
        (
            "example=even_overlap_4",
            "every phase add up to 4. There is no checkerboard.",
        ),
        ("example=copies_add", "Between 1 and 2; fewer at the border only."),
        ("example=even_overlap_2", "1 everywhere"),
        ("example=even_overlap_4", "fewer at the border only"),
        ("example=uneven_overlap", "(4 - 1)*2 - 2*1 + 1*(3 - 1) + 1 + 1 = 8"),
        ("example=nearest_then_kernel", "16 multiplications for each input instead of 36"),
        ("example=shuffle", "2*2 = 4"),
        ("example=stochastic", "0.08333*1 + 0.1667*2 + 0.25*3 + 0.5*6 = 4.167"),
        ("operation=stochastic&map=1,2;3,6&kernel=1,1;1,1&stride=2&draw=1", "3 (25.0%), 6 (50.0%)"),
        ("example=wiener", "too large to draw"),
    ],
)
def test_the_page_says(query, text):
    assert text in shown(query)


def test_the_largest_result_is_cut_for_the_page_and_says_so():
    cells = ";".join([",".join(["1"] * 16)] * 16)
    kernel = ";".join([",".join(["1"] * 7)] * 7)
    query = f"operation=transposed&map={cells}&kernel={kernel}&stride=6&dilation=4"
    given = answer(query)
    assert len(str(given)) < 2e6
    assert "result 115 x 115 Tables show the first 40 rows" in words(given["parts"]["result"])


def test_an_output_marks_the_inputs_that_it_uses():
    marks = answer("example=matrix&at=1,1")["marks"]
    assert marks["used"] == [f"map-{row}-{column}" for row in (1, 2, 3) for column in (1, 2, 3)]
    assert marks["pointed"] == ["out-1-1", "line-3"]
    assert answer("example=max&at=1,0")["marks"]["chosen"] == ["map-2-1"]
    assert answer("example=max&at=9,9")["query"] == "example=max&at=1,1"


@pytest.mark.parametrize(
    ("query", "english", "chinese"),
    [
        (
            "example=matrix&rows=2",
            "covers 3 pixels (k=3, d=1), but the padded map has 2",
            "3 个像素",
        ),
        ("operation=transposed&output_padding=2&stride=2", "max(s=2, d=1) = 2", "输出填充 op=2"),
        ("operation=transposed&padding=6", "gives the output size", "得到的输出大小为"),
        ("example=max&rows=17", "17 x 4 numbers. Take 1 x 1 to 16 x 16", "17 x 4 个数"),
        ("operation=max&map=1,<b>;2,3", "“<b>” in row 1, column 2", "第 1 行第 2 列"),
    ],
)
def test_a_refusal_stands_in_the_place_of_the_result(query, english, chinese):
    assert english in shown(query)
    given = answer(f"{query}&language=zh")
    assert chinese in words(given["parts"]["result"])
    assert given["parts"]["more"] == ""
    assert "<b>" not in str(given["parts"])


def test_an_input_marks_the_outputs_that_it_reaches():
    reached = answer("example=one_dimension&changed=at&source=0,1")["marks"]["reached"]
    assert reached == ["out-0-2", "out-0-3"]
    assert answer("example=matrix&source=3,0")["marks"]["reached"] == ["out-1-0"]


def test_a_cell_that_is_no_number_is_marked():
    assert answer("operation=max&map=1,2;x,3")["marks"]["bad"] == ["map-1-0"]
    assert answer("operation=dilated&kernel=1,x")["marks"]["bad"] == ["kernel-0-1"]


def test_while_one_types_or_points_the_tables_that_one_types_in_stay():
    assert set(answer("example=max&changed=cell")["parts"]) == {"result", "sum", "more"}
    assert set(answer("example=max&changed=at")["parts"]) == {"sum"}


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (12.0, "12"),
        (-0.0, "0"),
        (1 / 3, "0.3333"),
        (123456, "123456"),
        (1234567890, "1.235e+09"),
        (2.5, "2.5"),
    ],
)
def test_numbers_are_short(number, text):
    assert short(number) == text
