"""What this machine is, and what it does fast."""

import platform
from importlib.metadata import version
from pathlib import Path

import torch
from lightning.pytorch.accelerators import Accelerator, CPUAccelerator, CUDAAccelerator


def fast_precision(accelerator: Accelerator) -> str:
    """Lightning's name of the fastest precision that trains alike: "bf16-mixed" where bfloat16 is native.

    PyTorch computes bfloat16 on every processor, but where it is emulated it is slower than float32.
    """
    if isinstance(accelerator, CUDAAccelerator):
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    elif isinstance(accelerator, CPUAccelerator):
        # x86: AVX512-BF16 or AMX; PyTorch has no such question for other processors.
        checks = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
        native = any(check() for check in checks if check is not None)
    else:
        native = False
    return "bf16-mixed" if native else "32-true"


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
