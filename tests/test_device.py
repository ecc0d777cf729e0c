"""Memory of the machine, and the version of the code."""

import platform
import subprocess
import sys
from importlib.metadata import version
from types import SimpleNamespace

import pytest

from unetlite import device


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other allocators keep memory by themselves"
)
def test_memory_that_is_freed_is_taken_again():
    """Maps of 64 MB, one after the other: in the end without a page fault for each page."""
    code = """
import resource, torch
from unetlite.device import keep_memory
keep_memory()
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    before = faults()
    torch.ones(2**24)
    print(faults() - before)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    faults = [int(line) for line in result.stdout.split()]
    assert faults[-1] < 10 < faults[0]


def test_bfloat16_is_left_out_where_the_convolutions_may_not_use_it(monkeypatch):
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: True, raising=False)
    for supported in (True, False):
        operators = SimpleNamespace(_is_mkldnn_bf16_supported=lambda: supported)  # noqa: B023
        monkeypatch.setattr("unetlite.device.torch.ops.mkldnn", operators)
        assert device.has_bfloat16() == supported


def test_states_of_a_checkout_have_different_versions(tmp_path, monkeypatch):
    monkeypatch.setattr(device, "__file__", str(tmp_path / "device.py"))
    versions = []
    for content in ("a = 1", "a = 2", "a = 2"):
        (tmp_path / "module.py").write_text(content)
        versions.append(device.code_version.__wrapped__())
    assert versions[0] != versions[1] == versions[2]
    assert versions[0].startswith(f"{version('unetlite')}+")
