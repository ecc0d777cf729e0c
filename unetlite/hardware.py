"""What this machine does fast."""

import torch
from lightning.pytorch.accelerators import Accelerator, CPUAccelerator, CUDAAccelerator


def fast_precision(accelerator: Accelerator) -> str:
    """Lightning's name of the fastest precision that trains alike: "bf16-mixed" where bfloat16 is native.

    PyTorch computes bfloat16 on every processor, but where it is emulated it is slower than float32.
    """
    if isinstance(accelerator, CUDAAccelerator):
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    elif isinstance(accelerator, CPUAccelerator):
        native = _cpu_has_bfloat16()
    else:
        native = False
    return "bf16-mixed" if native else "32-true"


def _cpu_has_bfloat16() -> bool:
    # x86: AVX512-BF16 or AMX; PyTorch has no such question for other processors.
    checks = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(check() for check in checks if check is not None)
