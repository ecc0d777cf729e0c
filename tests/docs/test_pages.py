"""What the pages show can be typed: code runs, commands are taken, what is generated is as the code has it now."""

import re
import shlex
from unittest.mock import patch

import numpy as np
import pytest
import reference
import typer
from helpers import save
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from typer.testing import CliRunner

from unetlite.cli import app
from unetlite.data.samples import DATASETS
from unetlite.network.upsampling import UPSAMPLERS
from unetlite.settings import CHECKOUT, CONFIGS, compose_run, read_settings

DOCS = CHECKOUT / "docs"
PAGES = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
LAUNCHERS = ["joblib", "submitit_local", *(file.stem for file in (CONFIGS / "hydra" / "launcher").glob("*.yaml"))]


def blocks(page, language):
    """The code of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def programs(page):
    """Blocks of Python that are no doctests, which pytest runs by itself."""
    return [code for code in blocks(page, "python") if not code.startswith(">>>")]


@pytest.mark.parametrize("page", [page for page in PAGES if programs(page)], ids=lambda page: page.stem)
def test_code_runs(page, trained, tmp_path, monkeypatch):
    run = trained / "transpose" / "seed0"
    save(tmp_path / "earth.png", np.random.default_rng(0).integers(0, 256, (40, 50), np.uint8))
    code = "\n".join(programs(page)).replace("outputs/coast/transpose/seed0", run.as_posix())
    if "last.onnx" in code:
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
        assert not CliRunner().invoke(app, ["export", str(run), "--to", str(tmp_path / "last.onnx")]).exit_code
        code = code.replace("(1, 3, 96, 80)", "(1, 1, 96, 80)")  # these images are grey
    monkeypatch.chdir(tmp_path)
    with patch.dict(UPSAMPLERS), patch.dict(DATASETS):  # which the page adds to
        exec(compile(code, str(page), "exec"), {"__name__": "page"})


def commands():
    """Every command of every page, as words."""
    for page in PAGES:
        for block in blocks(page, "bash"):
            for line in block.replace("\\\n", " ").splitlines():
                if words := shlex.split(line, comments=True):
                    yield pytest.param(words, id=f"{page.stem}: {' '.join(words)[:60]}")


def check_settings(words):
    """That a run takes these words, of a sweep the first run."""
    for word in words:
        key, _, value = word.partition("=")
        assert key != "hydra/launcher" or value in LAUNCHERS, word
        assert key != "hydra/sweeper" or (CONFIGS / key / f"{value}.yaml").exists(), word
    own = [word for word in words if not word.startswith(("hydra/", "hydra.", "-"))]
    (first, *_), *_ = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(own), max_batch_size=None)
    read_settings(compose_run(first))


@pytest.mark.parametrize("words", list(commands()))
def test_commands_are_taken(words):
    match words:
        case ["python", "train.py", *rest] | ["unetlite", "train", *rest]:
            check_settings(rest)
        case ["unetlite", name, *rest]:
            context = typer.main.get_command(app).commands[name].make_context(name, list(rest))
            settings = context.params.get("settings") or []
            if name == "explain" and "=" in (context.params["what"] or ("",))[0]:
                settings = context.params["what"]
            check_settings(["data=folder", "data.root=DIR", *settings])
        case ["python", "-c", code]:
            compile(code, "page", "exec")
        case ["python", file, *_] if file.endswith(".py"):
            assert (CHECKOUT / file).exists()
        case ["make", target]:
            assert f"\n{target}:" in (CHECKOUT / "Makefile").read_text()
        case ["pip", "install", *_] | ["python", "-m", "pip", "install", *_]:
            extras = re.findall(r"\[([\w,]+)\]", " ".join(words))
            known = (CHECKOUT / "pyproject.toml").read_text()
            assert all(re.search(rf"^{each} = \[", known, re.MULTILINE) for part in extras for each in part.split(","))
        case [variable] if re.fullmatch(r"[A-Z]+=\S+", variable):
            pass
        case [program, *_]:
            others = "cd python3 source tensorboard hf git docker pytest pre-commit .venv/bin/python"
            assert program in others.split(), f"{program}: add how it is checked"


@pytest.mark.parametrize("name", reference.PAGES)
def test_generated_pages_are_as_the_code_has_it_now(name):
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == reference.PAGES[name](), "run: python docs/reference.py"


def test_the_configuration_page_explains_what_stands_in_the_files():
    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    keys = reference.read_keys((CONFIGS / "upsample" / "carafe.yaml").read_text().splitlines(), "upsample")
    assert [key.name for key in keys] == ["upsample.compressed_channels", "upsample.window"]
    assert (
        "| `data.augment.rotation` | `45.0` | largest angle in degrees |" in page
    )  # drive's, explained by loader.yaml
    for group in ("data", "upsample", "downsample", "model", "trainer"):
        for file in (CONFIGS / group).glob("*.yaml"):
            assert f"`{group}={file.stem}`" in page


def test_one_address_and_one_version():
    texts = {}
    for name in ("pyproject.toml", "mkdocs.yml", "CITATION.cff", "docs/index.md", "docs/tutorial.ipynb", "README.md"):
        texts[name] = (CHECKOUT / name).read_text(encoding="utf-8")
    found = {owner for text in texts.values() for owner in re.findall(r"github(?:\.com)?/([\w-]+/unetlite)\b", text)}
    assert found == {"unetlite/unetlite"}
    (version,) = re.findall(r'^version = "(.+)"', texts["pyproject.toml"], re.MULTILINE)
    assert f"\nversion: {version}\n" in texts["CITATION.cff"]


def test_the_notebook_runs(tmp_path, monkeypatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("onnxscript")
    notebook = nbformat.read(DOCS / "tutorial.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    settings = "trainer.max_steps=2 model.widths=[4,6] data.crop_size=32 data.batch_size=2 trainer.accelerator=cpu"
    small = {"TILES": 12, "SEEDS": "0", "SETTINGS": settings, "ROUNDS": 0}
    for cell in notebook.cells:
        for name, value in small.items():
            cell.source = re.sub(rf"^{name} = .*", f"{name} = {value!r}", cell.source, flags=re.MULTILINE)
        if re.search(r"^!", cell.source, re.MULTILINE):
            cell.source += "\nassert _exit_code == 0"
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    client = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    run = tmp_path / "unetlite_tutorial" / "outputs" / "tutorial" / "nearest" / "seed0"
    assert (run / "last.onnx").exists()
    assert "100.00% of the pixels" in str(notebook.cells[-2].outputs)
