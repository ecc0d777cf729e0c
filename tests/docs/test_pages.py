"""What the pages show can be typed: code runs, commands are taken, generated pages are current."""

import os
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import reference
import typer
from helpers import run_cli, save
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser

from unetlite.cli import app
from unetlite.data.samples import DATASETS
from unetlite.network.upsampling import UPSAMPLERS
from unetlite.settings.composition import compose_run
from unetlite.settings.paths import CHECKOUT, CONFIGS

DOCS = CHECKOUT / "docs"
README = CHECKOUT / "README.md"
CHINESE = [CHECKOUT / "README.zh-CN.md", *sorted(DOCS.glob("*.zh-CN.md"))]
PAGES = [README, CHECKOUT / "CONTRIBUTING.md", *sorted({*DOCS.rglob("*.md")} - {*CHINESE})]
LAUNCHERS = [
    "joblib",
    "submitit_local",
    *(file.stem for file in (CONFIGS / "hydra" / "launcher").glob("*.yaml")),
]
PROGRAMS = ("cd", "docker", "git", "hf", "pre-commit", "pytest", "python3", "source", "tensorboard")
RUN = "outputs/coast/transpose/seed0"


def blocks(page, language):
    """The code of a page in a language."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def programs(page):
    """Blocks of Python that are no doctests, which pytest runs by itself."""
    return [code for code in blocks(page, "python") if not code.startswith(">>>")]


def run_page(page, run, directory, monkeypatch):
    """Runs the code of a page in a directory, and returns its names."""
    save(directory / "earth.png", np.random.default_rng(0).integers(0, 256, (40, 50), np.uint8))
    np.save(directory / "photo.npy", np.zeros((40, 50, 3), np.uint8))
    monkeypatch.chdir(directory)
    code = "\n".join(programs(page)).replace(RUN, run.as_posix())
    names = {"__name__": "page"}
    with patch.dict(UPSAMPLERS), patch.dict(DATASETS):  # which the page adds to
        exec(compile(code, str(page), "exec"), names)
    return names


def english(page):
    """The page that a Chinese page is the same as."""
    return page.with_name(page.name.replace(".zh-CN", ""))


def code_without_comments(page):
    """The blocks of a page, in their order."""
    text = page.read_text(encoding="utf-8")
    fenced = re.findall(r"^```.*?^```$", text, re.DOTALL | re.MULTILINE)
    return [re.sub(r" *# .*", "", block) for block in fenced]


@pytest.mark.parametrize("page", CHINESE, ids=lambda page: page.stem)
def test_a_chinese_page_has_the_code_and_the_figures_of_the_english_one(page):
    assert code_without_comments(page) == code_without_comments(english(page))
    written = page.read_text(encoding="utf-8")
    expected = english(page).read_text(encoding="utf-8")
    for pattern in (r"!\[.*?\]\((.*?)\)", r"^\| `\w+` \|.*$", r"^    o = .*$"):
        pattern = re.compile(pattern, re.MULTILINE)
        assert pattern.findall(written) == pattern.findall(expected)


@pytest.mark.parametrize("page", CHINESE, ids=lambda page: page.stem)
def test_a_chinese_page_and_its_english_one_link_to_each_other(page):
    assert f"]({english(page).name})" in page.read_text(encoding="utf-8")
    assert f"]({page.name})" in english(page).read_text(encoding="utf-8")


OWN_TEST = DOCS / "your-network.md"  # whose recipes need one library each


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if programs(page) and page != OWN_TEST],
    ids=lambda it: it.stem,
)
def test_code_runs(page, trained, tmp_path, monkeypatch, request):
    if "last.onnx" in "".join(programs(page)):
        notebook = request.getfixturevalue("notebook")
        shutil.copy(notebook / "last.onnx", tmp_path)
    run_page(page, trained / "transpose" / "seed0", tmp_path, monkeypatch)


def test_the_library_in_ten_lines(trained, tmp_path, monkeypatch):
    (code,) = programs(README)
    assert len(code.splitlines()) <= 12
    names = run_page(README, trained / "transpose" / "seed0", tmp_path, monkeypatch)
    assert names["prediction"].classes.shape == (40, 50)
    assert (tmp_path / "overlay.png").exists()
    assert names["network"](names["fresh"].mean.new_zeros(1, 1, 8, 8)).shape == (1, 2, 8, 8)
    assert not names["faster"].training


def commands():
    """Every command of every page, as words."""
    for page in PAGES:
        for block in blocks(page, "bash"):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if words:
                    yield pytest.param(words, id=f"{page.stem}: {' '.join(words)[:60]}")


def check_settings(words):
    """That a run takes these words, of a sweep the first run."""
    own = []
    for word in words:
        key, _, value = word.partition("=")
        assert key != "hydra/launcher" or value in LAUNCHERS, word
        assert key != "hydra/sweeper", word
        if not word.startswith(("hydra/", "hydra.", "-")):
            own.append(word)
    parsed = OverridesParser.create().parse_overrides(own)
    (first, *_), *_ = BasicSweeper.split_arguments(parsed, max_batch_size=None)
    compose_run(first)


def check_command(name, words):
    """That a command of `unetlite` takes these words."""
    context = typer.main.get_command(app).commands[name].make_context(name, list(words))
    settings = context.params.get("settings") or []
    what = context.params.get("what") or ()
    if name == "explain" and what and "=" in what[0]:
        settings = what
    check_settings(["data=folder", "data.root=DIR", *settings])


def check_extras(words):
    """That the extras of `pip install` exist."""
    project = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    for extras in re.findall(r"\[([\w,]+)\]", " ".join(words)):
        for extra in extras.split(","):
            assert re.search(rf"^{extra} = \[", project, re.MULTILINE), extra


@pytest.mark.parametrize("words", list(commands()))
def test_commands_are_taken(words):
    match words:
        case ["python", "train.py", *rest] | ["unetlite", "train", *rest]:
            check_settings(rest)
        case ["unetlite", name, *rest]:
            check_command(name, rest)
        case ["python", "-c", code]:
            compile(code, "page", "exec")
        case ["python", file, *_] if file.endswith(".py"):
            assert (CHECKOUT / file).exists()
        case ["make", target]:
            assert f"\n{target}:" in (CHECKOUT / "Makefile").read_text(encoding="utf-8")
        case ["pip", "install", *_] | ["python", "-m", "pip", "install", *_]:
            check_extras(words)
        case [program, *_]:
            is_in_environment = program.startswith("kit-venv/bin/")  # made by the line above
            is_known = program in PROGRAMS or re.fullmatch(r"[A-Z]+=\S+", program)
            assert is_known or is_in_environment, program


def test_the_published_scores_are_judged_by_the_commands_of_their_page(monkeypatch):
    monkeypatch.chdir(CHECKOUT)
    shown = "".join(blocks(DOCS / "results" / "README.md", "bash"))
    judged = [line for line in shown.splitlines() if line.startswith("unetlite judge")]
    for line in judged:
        result = run_cli(*shlex.split(line)[1:])
        assert result.exit_code == 0, result.stderr
    assert len(judged) == 2


@pytest.mark.parametrize("name", reference.PAGES)
def test_generated_pages_are_current(name):
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == reference.PAGES[name](), "run: python docs/reference.py"


def test_the_configuration_page_explains_every_key_and_choice():
    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    carafe = reference.keys_table(CONFIGS / "upsample" / "carafe.yaml", "upsample.")
    assert re.findall(r"^\| `(\S+)` \| `(\S+)` \|", carafe, re.MULTILINE) == [
        ("upsample.compressed_channels", "64"),
        ("upsample.window", "5"),
    ]
    # Of drive, explained by loader.yaml.
    assert "| `data.augment.rotation` | `45.0` | largest angle in degrees |" in page
    for group in ("data", "upsample", "downsample", "model", "trainer"):
        for file in (CONFIGS / group).glob("*.yaml"):
            assert f"`{group}={file.stem}`" in page


def test_one_address_and_one_version():
    texts = {}
    for name in ("pyproject.toml", "mkdocs.yml", "CITATION.cff", "docs/index.md",
                 "docs/index.zh-CN.md", "docs/tutorial.ipynb", "README.md",
                 "README.zh-CN.md"):  # fmt: skip
        texts[name] = (CHECKOUT / name).read_text(encoding="utf-8")
    addresses = re.findall(r"github(?:\.com)?/([\w-]+/unetlite)\b", "\n".join(texts.values()))
    assert set(addresses) == {"unetlite/unetlite"}
    (version,) = re.findall(r'^version = "(.+)"', texts["pyproject.toml"], re.MULTILINE)
    assert f"\nversion: {version}\n" in texts["CITATION.cff"]


@pytest.mark.parametrize("page", [*PAGES, *CHINESE], ids=lambda page: page.stem)
def test_modules_that_a_page_names_exist(page):
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"\b(?:unetlite|benchmarks|docs|tests)/[\w/]+\.py\b", text):
        assert (CHECKOUT / path).exists(), path
    for name in re.findall(r"`(unetlite(?:\.\w+)+)", text):
        pkgutil.resolve_name(name)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """The directory of a run of the notebook, after all its cells."""
    for package in ("IPython", "onnxruntime", "onnxscript"):
        pytest.importorskip(package)
    directory = tmp_path_factory.mktemp("notebook")
    environment = {
        **os.environ,
        "IPYTHONDIR": str(directory / "ipython"),
        "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "tests")]),
    }
    script = Path(__file__).with_name("run_notebook.py")
    result = subprocess.run(
        [sys.executable, str(script)],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return directory / "unetlite_tutorial" / "outputs" / "tutorial" / "nearest" / "seed0"


def test_the_notebook_trains_compares_predicts_and_exports(notebook):
    assert (notebook / "metrics.json").exists()
    assert (notebook.parents[1] / "report.md").exists()
    assert (notebook / "last.onnx").exists()
