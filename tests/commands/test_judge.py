"""`unetlite judge`: a table in, a verdict and a page out; every malformed table is one line."""

import gzip
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from helpers import run_cli


def write_scores(path, separator=",", decimal="."):
    """A long table of three variants, three seeds and eight images."""
    random = np.random.default_rng(0)
    lines = [["model", "seed", "image", "patient", "dice", "ms"]]
    for name, (mean, ms) in {"a": (0.80, 3), "b": (0.79, 2), "<c>": (0.60, 1)}.items():
        for seed in range(3):
            for image in range(8):
                score = f"{mean + 0.01 * random.normal():.6f}".replace(".", decimal)
                row = [name, str(seed), f"i{image}", f"p{image % 4}", score, str(ms)]
                lines.append(row)
    path.write_text("\n".join(separator.join(line) for line in lines) + "\n")
    return path


def test_a_verdict_its_basis_and_the_cheapest_are_printed_and_written(tmp_path):
    file = write_scores(tmp_path / "scores.csv")
    output = tmp_path / "out"
    result = run_cli("judge", file, "--cost", "ms", "--margin", "0.05", "--output", output)
    assert result.exit_code == 0, result.stderr
    text = " ".join(result.stdout.split())
    assert "variant = model; seed = seed; unit = image; group = patient; score = dice;" in text
    assert "Choose b: it is the cheapest within the margin of 0.05 (ms 2), and at most 0.0" in text
    content = json.loads((output / "judge.json").read_text())
    assert " ".join(content["verdict"]) in text
    judged = content["judged"]
    assert (judged["seeds"], judged["images"], judged["groups"]) == ([0, 1, 2], 8, 4)
    assert set(judged["regret"]) == {"a", "b", "<c>"}
    assert content["costs"] == {"ms": {"a": 3, "b": 2, "<c>": 1}}
    page = (output / "judge.html").read_text()
    assert "Choose b: it is the cheapest" in page
    assert "&lt;c&gt;" in page
    assert "<c>" not in page
    assert page.count("<svg") == 1
    assert not re.search(r"(src|href)=\"(?!#)", page)
    assert "Seeds and test images (in groups)" in page


def test_separators_and_decimal_commas_make_no_difference(tmp_path):
    printed = set()
    for name, separator, decimal in (("a", ",", "."), ("b", ";", ","), ("c", "\t", ".")):
        file = write_scores(tmp_path / f"{name}.csv", separator, decimal)
        printed.add(run_cli("judge", file).stdout)
    packed = tmp_path / "packed.CSV.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    printed.add(run_cli("judge", packed).stdout)
    assert len(printed) == 1


def test_rows_are_selected_by_their_cells(tmp_path):
    file = write_scores(tmp_path / "scores.csv")
    result = run_cli("judge", file, "--where", "patient=p1", "--where", "seed = 0")
    assert result.exit_code == 0, result.stderr
    assert "the variants share 1 seed" in " ".join(result.stdout.split())


def test_a_verdict_needs_no_pytorch(tmp_path):
    file = write_scores(tmp_path / "scores.csv")
    code = f"""
import sys
from unetlite.cli import app
app(["judge", {str(file)!r}, "--output", {str(tmp_path / "out")!r}], standalone_mode=False)
sys.exit("torch" in sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


LONG = "model,seed,image,dice\n"
GOOD = "a,0,x,0.5\nb,0,x,0.6\n"
MALFORMED = {
    "empty": "",
    "header alone": LONG,
    "blank lines": LONG + "\n,,,\n",
    "Latin-1": (LONG + "é,0,x,0.5\n").encode("latin-1"),
    "a picture": b"\x89PNG\r\n\x1a\n\x00\x00",
    "NUL": LONG + "a,0,x,\0\n",
    "open quote": LONG + '"a,0,x,0.5\n',
    "short row": LONG + GOOD + "a,1,x\n",
    "long row": LONG + GOOD + "a,1,x,0.5,6\n",
    "decimal comma and comma": LONG + "a,0,x,0,5\n",
    "same column twice": "model,seed,dice,Dice\na,0,1,1\n",
    "no header": GOOD,
    "no variant": "seed,dice\n0,0.5\n",
    "no score": "model,seed,image\na,0,x\n",
    "two variants columns": "model,method,dice\na,b,0.5\n",
    "two score columns": "model,dice,iou\na,0.5,0.4\n",
    "two seed columns": "model,seed,run,dice\na,0,0,0.5\n",
    "two image columns": "model,image,case,dice\na,0,0,0.5\n",
    "two group columns": "model,image,patient,video,dice\na,0,0,1,0.5\n",
    "metrics in columns": "seed,image,dice,iou\n0,x,0.5,0.4\n",
    "wide with epochs": "seed,image,a,b,epoch\n0,x,0.5,0.4,9\n",
    "wide with text": "seed,image,a,b,note\n0,x,0.5,0.4,ok\n",
    "wide with a cost": "seed,image,a,b,cost\n0,x,0.5,0.4,9\n",
    "wide of one": "seed,image,a\n0,x,0.5\n",
    "wide, score twice": "seed,image,a,b\n0,x,0.5,0.4\n0,x,0.5,0.4\n",
    "wide, text": "seed,image,a,b\n0,x,0.5,good\n",
    "an error as score": "model,seed,image,hd95\na,0,x,0.5\nb,0,x,0.5\n",
    "text as score": LONG + GOOD + "a,1,x,good\n",
    "percent sign": LONG + GOOD + "a,1,x,93%\n",
    "infinite": LONG + GOOD + "a,1,x,inf\n",
    "too large": LONG + GOOD + "a,1,x,1e400\n",
    "thousands": LONG.replace(",", ";") + "a;0;x;1.234,5\nb;0;x;1,2\n",
    "mixed decimals": LONG.replace(",", ";") + "a;0;x;0.5\nb;0;x;0,6\n",
    "empty variant": LONG + GOOD + ",1,x,0.5\n",
    "empty seed": LONG + GOOD + "a,,x,0.5\n",
    "empty image": LONG + GOOD + "a,1,,0.5\n",
    "seed with a fraction": LONG + GOOD + "a,1.5,x,0.5\n",
    "seed as text": LONG + GOOD + "a,one,x,0.5\n",
    "seed not a number": LONG + GOOD + "a,nan,x,0.5\n",
    "mean below": LONG + GOOD + "a,0,mean,0.5\nb,0,mean,0.6\n",
    "same score twice": LONG + GOOD + GOOD,
    "scores of classes": "model,seed,image,class,dice\na,0,x,1,0.5\na,0,x,2,0.6\nb,0,x,1,0.6\n",
    "no seeds numbered": "model,dice\na,0.5\na,0.6\nb,0.5\n",
    "one variant": LONG + "a,0,x,0.5\na,1,x,0.6\n",
    "names in two cases": LONG + "Net,0,x,0.5\nnet,0,x,0.6\n",
    "a variant without scores": LONG + "a,0,x,0.5\nb,0,x,\n",
    "no score at all": LONG + "a,0,x,\nb,0,x,nan\n",
    "other seeds": LONG + "a,0,x,0.5\nb,1,x,0.6\n",
    "other images": LONG + "a,0,x,0.5\nb,0,x.png,0.6\n",
    "an image in two groups": "model,image,group,dice\na,x,g,0.5\nb,x,h,0.6\n",
    "empty group": "model,image,group,dice\na,x,,0.5\nb,x,h,0.6\n",
    "percent and shares": LONG + "a,0,x,0.5\nb,0,x,61\n",
    "a share below 0": LONG + GOOD + "a,1,x,0.5\nb,1,x,-0.8\n",
    "one in percent": LONG + GOOD + "a,1,x,0.5\nb,1,x,81.3\n",
    "two data sets": "model,set,seed,dice\na,s,0,0.5\nb,s,0,0.6\na,t,1,0.5\nb,t,1,0.6\n",
    "negative cost": "model,seed,dice,cost\na,0,0.5,1\nb,0,0.6,-1\n",
    "missing cost": "model,seed,dice,cost\na,0,0.5,1\nb,0,0.6,\n",
    "cost as text": "model,seed,dice,cost\na,0,0.5,1\nb,0,0.6,2 ms\n",
}
ARGUMENTS = {
    "a folder": (".",),
    "no file": ("missing.csv",),
    "a spreadsheet": ("good.xlsx",),
    "JSON": ("good.json",),
    "no Parquet": ("good.parquet",),
    "no such column": ("good.csv", "--score", "dise"),
    "a column for two": ("good.csv", "--unit", "dice"),
    "no list": ("good.csv", "--variant", "a,b"),
    "no selection": ("good.csv", "--where", "seed"),
    "a selection twice": ("good.csv", "--where", "seed=0", "--where", "seed=1"),
    "a selection of nothing": ("good.csv", "--where", "seed=7"),
    "not packed": ("good.csv.gz",),
    "negative margin": ("good.csv", "--margin", "-1"),
    "infinite margin": ("good.csv", "--margin", "inf"),
    "margin not a number": ("good.csv", "--margin", "nan"),
}


@pytest.mark.parametrize("name", [*MALFORMED, *ARGUMENTS])
def test_a_malformed_table_is_one_line_with_exit_code_2(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for suffix in ("csv", "csv.gz", "xlsx", "json", "parquet"):
        (tmp_path / f"good.{suffix}").write_text(LONG + GOOD)
    arguments = ARGUMENTS.get(name, ("bad.csv",))
    content = MALFORMED.get(name, "")
    (tmp_path / "bad.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    result = run_cli("judge", *arguments, "--output", "out")
    assert result.exit_code == 2, result.stdout
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert re.search(r"; |\? |, which no mean can take", line), "no remedy"
    assert not (tmp_path / "out").exists()
