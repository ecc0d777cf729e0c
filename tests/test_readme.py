"""What the README shows of the library runs."""

import re

import numpy as np
from helpers import save

from unetlite.settings import CHECKOUT


def test_the_library_in_ten_lines(trained, tmp_path, monkeypatch):
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(from unetlite import .*?)```", text, re.DOTALL)
    assert len(code.splitlines()) <= 12
    run = trained / "transpose" / "seed0"
    save(tmp_path / "earth.png", np.random.default_rng(0).integers(0, 256, (40, 50), np.uint8))
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(code.replace("outputs/coast/transpose/seed0", run.as_posix()), names)
    assert names["prediction"].classes.shape == (40, 50)
    assert (tmp_path / "overlay.png").exists()
    assert names["network"](names["fresh"].mean.new_zeros(1, 1, 8, 8)).shape == (1, 2, 8, 8)
    assert not names["faster"].training
