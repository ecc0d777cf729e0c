"""What this machine is, and what it computes fast."""

import ctypes
import hashlib
import json
import math
import os
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch
from lightning.pytorch.accelerators import Accelerator, CPUAccelerator, CUDAAccelerator

PACKAGES = ("unetlite", "torch", "lightning", "kornia", "numpy")
M_MMAP_MAX, M_TRIM_THRESHOLD = -4, -1  # of mallopt(3)


def fast_precision(accelerator: Accelerator) -> str:
    """Lightning's name of the fastest precision: "bf16-mixed" where bfloat16 is native.

    PyTorch computes bfloat16 on every processor. Where it is emulated it is slower than float32.
    """
    native = False
    if isinstance(accelerator, CUDAAccelerator):
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    elif isinstance(accelerator, CPUAccelerator):
        native = has_bfloat16()
    return "bf16-mixed" if native else "32-true"


def has_bfloat16() -> bool:
    """True if this processor has AVX512-BF16 or AMX. PyTorch tells it for x86 alone.

    False if ONEDNN_MAX_CPU_ISA keeps oneDNN from using them.
    """
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        supported = getattr(torch.cpu, name, None)
        if supported is not None and supported():
            return True
    return False


def device_of(accelerator: Accelerator) -> torch.device:
    """The first device of an accelerator."""
    kind = accelerator.name()
    return torch.device("cpu") if kind == "cpu" else torch.device(kind, 0)


def keep_memory() -> None:
    """Makes glibc keep freed memory for the next allocation, in place of returning it.

    By default each map of more than 32 MB is a mapping of its own, which the system zeroes anew: on
    images of 480 x 360 pixels that took a fifth of the processor's time. Other allocators keep
    memory by themselves.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(M_MMAP_MAX, 0)
    libc.mallopt(M_TRIM_THRESHOLD, -1)


def environment() -> dict[str, str | int]:
    """Plain values that say where, and with which versions, something was computed."""
    accelerator = "none"
    if torch.cuda.is_available():
        accelerator = torch.cuda.get_device_name()
    values: dict[str, str | int] = {"python": platform.python_version()}
    for package in PACKAGES:
        values[package] = version(package)
    values["code_version"] = code_version()
    values["system"] = platform.system()
    values["processor"] = processor()
    values["accelerator"] = accelerator
    values["threads"] = torch.get_num_threads()
    return values


@cache
def code_version() -> str:
    """The version of the package, and a hash of its source: states of a checkout differ in it."""
    digest = hashlib.sha256()
    package = Path(__file__).parent
    for file in sorted(package.rglob("*.py")):
        digest.update(file.relative_to(package).as_posix().encode())
        digest.update(file.read_bytes())
    return f"{version('unetlite')}+{digest.hexdigest()[:12]}"


def fingerprint(parts: object) -> str:
    """16 hexadecimal digits of what times depend on: this machine, versions and `parts`."""
    machine = [
        processor(),
        torch.backends.cpu.get_cpu_capability(),
        torch.get_num_threads(),
        torch.__version__,
        code_version(),
    ]
    text = json.dumps([machine, parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def processor() -> str:
    """The processor's name where the system tells it, else its architecture."""
    cpu_info = Path("/proc/cpuinfo")  # on Linux, where platform.processor() is empty
    if cpu_info.exists():
        for line in cpu_info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def available_memory(accelerator: Accelerator) -> float:
    """Bytes that a training may have: of the GPU, else of the machine or container.

    Infinite where the system does not tell.
    """
    if isinstance(accelerator, CUDAAccelerator):
        return float(torch.cuda.get_device_properties(0).total_memory)
    try:
        installed = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError):  # Windows
        return math.inf
    cgroup = Path("/sys/fs/cgroup/memory.max")
    if not cgroup.exists():
        return installed
    limit = cgroup.read_text().strip()
    if not limit.isdecimal():  # "max"
        return installed
    return min(installed, float(limit))
