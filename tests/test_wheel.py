"""What is installed from a wheel is complete, and works from any directory."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import save

from unetlite.settings.paths import CHECKOUT

BUILD = "import sys, setuptools.build_meta as b; getattr(b, 'build_' + sys.argv[1])(sys.argv[2])"

# All commands in one process, which imports PyTorch once.
COMMANDS = """
import shlex, socket, sys
from pathlib import Path
from urllib.request import urlopen
import unetlite
from unetlite.cli import app

SMALL = (
    "data=folder data.root=../squares model.widths=[4,6] data.crop_size=32 data.batch_size=2 "
    "trainer.max_steps=2 trainer.accelerator=cpu experiment=small"
)
RUN = "outputs/small/nearest/seed0"

def run(words):
    try:
        app(shlex.split(words))
    except SystemExit as end:
        assert not end.code, words

assert Path(unetlite.__file__).is_relative_to(sys.argv[1])
run(f"train -m upsample=nearest,transpose {SMALL}")
run(f"explain {RUN}")
run("compare outputs/small --rounds 0 --size 32")
run(f"predict {RUN} ../squares/images --output predicted --truth ../squares/masks")
run(f"export {RUN} --format safetensors")
run("predict demo:transpose ../squares/images --output shipped")
"""

PAGE = """
import gradio

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]

class Page(gradio.Blocks):
    def block_thread(self):
        assert b"unetlite" in urlopen(f"http://127.0.0.1:{port}").read()

gradio.Blocks = Page
run(f"demo demo:nearest {RUN} --port {port}")
print("the page answered")
"""


def build(kind: str, source: Path, target: Path) -> Path:
    """The sdist or wheel of a source tree."""
    target.mkdir()
    command = [sys.executable, "-c", BUILD, kind, str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = target.iterdir()
    return built


def copy_checkout(target: Path) -> None:
    """The files of the checkout, without what it builds, downloads and trains."""
    produced = shutil.ignore_patterns(".*", "outputs", "data", "build", "dist", "*.egg-info")

    def ignored(folder: str, names: list[str]) -> set[str]:
        at_root = produced(folder, names) if Path(folder) == CHECKOUT else set()
        return {*at_root, "__pycache__"}

    shutil.copytree(CHECKOUT, target, ignore=ignored)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of the sdist."""
    directory = tmp_path_factory.mktemp("wheel")
    copy_checkout(directory / "source")
    sdist = build("sdist", directory / "source", directory / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(directory / "unpacked", filter="data")
    (unpacked,) = (directory / "unpacked").iterdir()
    for name in ("train.py", "Makefile", "tests/test_wheel.py", "docs", "configs"):
        assert (unpacked / name).exists()
    return build("wheel", unpacked, directory / "wheel")


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A folder on Python's path with the package, before those of this environment."""
    folder = tmp_path_factory.mktemp("installed")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, "--target", str(folder), str(wheel)], check=True)
    return folder


@pytest.fixture
def empty(tmp_path) -> Path:
    """An empty directory, beside one with images and masks."""
    random = np.random.default_rng(0)
    for k in range(6):
        mask = np.zeros((40, 40), np.uint8)
        mask[5 + k : 25, 8:30] = 1
        image = 90 * mask + random.integers(0, 120, mask.shape)
        save(tmp_path / "squares" / "images" / f"{k}.png", image.astype(np.uint8))
        save(tmp_path / "squares" / "masks" / f"{k}.png", mask)
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


def run(*command, folder: Path, cwd: Path) -> str:
    """What a program prints, with the installed package on its path."""
    environment = {"PYTHONPATH": str(folder)}
    for key, value in os.environ.items():
        if not key.startswith(("PYTHON", "UNETLITE", "HYDRA")):
            environment[key] = value
    result = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_wheel_has_every_file_of_the_package(wheel):
    expected = set()
    for pattern in (
        "unetlite/**/*.py",
        "unetlite/py.typed",
        "unetlite/**/templates/*",
        "unetlite/arithmetic/words.yaml",
        "unetlite/compare/across_sets.*",
        "unetlite/demo_networks/*/*",
    ):
        expected |= {file.relative_to(CHECKOUT).as_posix() for file in CHECKOUT.glob(pattern)}
    for file in (CHECKOUT / "configs").rglob("*.*"):
        if file.suffix in (".py", ".yaml"):
            expected.add(f"unetlite/{file.relative_to(CHECKOUT).as_posix()}")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == expected


def test_the_program_and_the_module_answer_from_an_empty_directory(installed, empty):
    program = installed / ("Scripts" if os.name == "nt" else "bin") / "unetlite"
    assert run(program, "--version", folder=installed, cwd=empty).startswith("unetlite ")
    text = run(sys.executable, "-m", "unetlite", "--help", folder=installed, cwd=empty)
    for name in ("train", "choose", "levers", "explain", "compare", "export", "predict", "demo"):
        assert name in text


def test_the_commands_work_there_and_write_nothing_into_the_package(installed, empty):
    def files():
        return {path for path in installed.rglob("*") if "__pycache__" not in path.parts}

    before = files()
    code = COMMANDS
    has_gradio = importlib.util.find_spec("gradio") is not None
    if has_gradio:
        code += PAGE
    text = run(sys.executable, "-c", code, installed, folder=installed, cwd=empty)
    assert "decoder.0.up" in text
    assert ("the page answered" in text) == has_gradio
    small = empty / "outputs" / "small"
    assert (small / "report.html").exists()
    assert (small / "nearest" / "seed0" / "last.safetensors").is_dir()
    assert len(list((empty / "predicted" / "masks").iterdir())) == 6
    assert len(list((empty / "shipped" / "masks").iterdir())) == 6
    assert files() == before
