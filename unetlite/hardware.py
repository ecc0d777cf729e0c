"""What this machine is, and what it does fast."""

import ctypes
import math
import os
import platform
from importlib.metadata import version
from pathlib import Path

import torch
from lightning.pytorch.accelerators import Accelerator, CPUAccelerator, CUDAAccelerator


def fast_precision(accelerator: Accelerator) -> str:
    """Lightning's name of the fastest precision that trains alike: "bf16-mixed" where bfloat16 is native.

    PyTorch computes bfloat16 on every processor, but where it is emulated it is slower than float32.
    """
    native = False
    if isinstance(accelerator, CUDAAccelerator):
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    elif isinstance(accelerator, CPUAccelerator):
        # x86: AVX512-BF16 or AMX; PyTorch has no such question for other processors.
        checks = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
        native = any(check() for check in checks if check is not None)
    return "bf16-mixed" if native else "32-true"


def keep_memory() -> None:
    """Has glibc keep what is freed for what is allocated next, in place of giving it back and zeroing it anew.

    By default each map of more than 32 MB is a mapping of its own: on images of 480 x 360 pixels a fifth of the
    processor's time went into that. Other systems' allocators keep memory by themselves.
    """
    if platform.libc_ver()[0] == "glibc":
        for parameter, value in ((-4, 0), (-1, -1)):  # M_MMAP_MAX and M_TRIM_THRESHOLD of mallopt(3)
            ctypes.CDLL(None).mallopt(parameter, value)


def environment() -> dict[str, str | int]:
    """Plain values that say where and with which versions something was computed."""
    return {
        "python": platform.python_version(),
        **{package: version(package) for package in ("unetlite", "torch", "lightning", "kornia", "numpy")},
        "system": platform.system(),
        "processor": processor(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "threads": torch.get_num_threads(),
    }


def processor() -> str:
    """The processor's own name where the system tells it, else its architecture."""
    names = Path("/proc/cpuinfo")  # on Linux, where platform.processor() is empty
    lines = names.read_text().splitlines() if names.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def memory(accelerator: Accelerator) -> float:
    """Bytes that a training may have: of the GPU, else of this machine or the container; infinite where unknown."""
    if isinstance(accelerator, CUDAAccelerator):
        return float(torch.cuda.get_device_properties(0).total_memory)
    try:
        found = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError):  # Windows
        return math.inf
    group = Path("/sys/fs/cgroup/memory.max")
    limit = group.read_text().strip() if group.exists() else ""
    return min(found, float(limit)) if limit.isdecimal() else found
