"""What is installed from a wheel does all that a checkout does, from any directory, and writes nothing into itself."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import time
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from helpers import save

from unetlite.settings import CHECKOUT

BUILD = "import sys, setuptools.build_meta as b; getattr(b, 'build_' + sys.argv[1])(sys.argv[2])"
SMALL = ["data=folder", "data.root=../squares", "model.widths=[4,6]", "data.crop_size=32", "data.batch_size=2",
         "trainer.max_steps=2", "trainer.accelerator=cpu", "experiment=small"]  # fmt: skip


def build(kind: str, source: Path, target: Path) -> Path:
    """The sdist or wheel of a source tree."""
    subprocess.run([sys.executable, "-c", BUILD, kind, str(target)], cwd=source, check=True, capture_output=True)
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder of programs of an environment with the wheel of the sdist, which sees the packages of this one."""
    place = tmp_path_factory.mktemp("wheel")
    skipped = shutil.ignore_patterns(".*", "outputs", "data", "build", "dist", "*.egg-info", "__pycache__")
    within = shutil.ignore_patterns("__pycache__")

    def left_out(folder, names):
        return skipped(folder, names) if Path(folder) == CHECKOUT else within(folder, names)

    shutil.copytree(CHECKOUT, place / "source", ignore=left_out)
    for folder in ("sdist", "wheel"):
        (place / folder).mkdir()
    with tarfile.open(build("sdist", place / "source", place / "sdist")) as archive:
        archive.extractall(place / "unpacked", filter="data")
    (unpacked,) = (place / "unpacked").iterdir()
    assert all(
        (unpacked / name).exists() for name in ("train.py", "Makefile", "tests/test_wheel.py", "docs", "configs")
    )
    wheel = build("wheel", unpacked, place / "wheel")
    subprocess.run([sys.executable, "-m", "venv", str(place / "env")], check=True)
    programs = place / "env" / ("Scripts" if os.name == "nt" else "bin")
    install = [str(programs / "python"), "-m", "pip", "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    packages = subprocess.run(
        [str(programs / "python"), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    seen = [path for path in sys.path if path.endswith("site-packages")] or [sysconfig.get_path("purelib")]
    (Path(packages) / "others.pth").write_text("\n".join(seen) + "\n")
    return programs, Path(packages) / "unetlite"


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    """An empty directory, beside one with images and masks."""
    place = tmp_path_factory.mktemp("elsewhere")
    random = np.random.default_rng(0)
    for k in range(6):
        mask = np.zeros((40, 40), np.uint8)
        mask[5 + k : 25, 8:30] = 1
        save(place / "squares" / "images" / f"{k}.png", (90 * mask + random.integers(0, 120, mask.shape)).astype("u1"))
        save(place / "squares" / "masks" / f"{k}.png", mask)
    (place / "empty").mkdir()
    return place / "empty"


def test_every_command_works_from_an_empty_directory(installed, squares):
    programs, package = installed
    before = {path for path in package.rglob("*") if "__pycache__" not in path.parts}
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "UNETLITE", "HYDRA"))
    }

    def run(*words, program="unetlite"):
        command = [str(programs / program), *words]
        result = subprocess.run(command, cwd=squares, env=environment, capture_output=True, text=True, timeout=300)
        assert result.returncode == 0, (words, result.stderr)
        return result.stdout

    assert run("--version").startswith("unetlite ")
    for name in ("train", "choose", "explain", "compare", "export", "predict", "demo"):
        assert name in run("-m", "unetlite", "--help", program="python")
    run("train", "-m", "hydra/sweeper=race", "hydra.sweeper.margin=0.99", "upsample=nearest,transpose", *SMALL)
    checkpoint = "outputs/small/nearest/seed0/best.ckpt"
    assert (squares / checkpoint).exists()
    assert "decoder.0.up" in run("explain", checkpoint)
    run("compare", "outputs/small", "--rounds", "0", "--size", "32")
    assert (squares / "outputs" / "small" / "report.html").exists()
    run("predict", checkpoint, "../squares/images", "--output", "predicted", "--truth", "../squares/masks")
    assert len(list((squares / "predicted" / "masks").iterdir())) == 6
    for package_of_extra in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package_of_extra)
    run("export", checkpoint)
    assert (squares / checkpoint).with_suffix(".onnx").exists()
    pytest.importorskip("gradio")
    page = subprocess.Popen(
        [str(programs / "unetlite"), "demo", checkpoint, "--port", "7869"],
        cwd=squares, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        for _ in range(120):
            time.sleep(0.5)
            assert page.poll() is None, page.stderr.read()
            try:
                assert b"unetlite" in urlopen("http://127.0.0.1:7869").read()
                break
            except OSError:
                continue
        else:
            pytest.fail("the page did not come up")
    finally:
        page.kill()
        page.wait()
    assert {path for path in package.rglob("*") if "__pycache__" not in path.parts} == before
