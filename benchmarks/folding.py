"""How much folding gains: python benchmarks/folding.py

The nearest decoder step (resize by two, then a 3 x 3 convolution) against its folded form (one transposed convolution),
at every level of the mini network for a batch of 16 images of 128 x 128, in evaluation and in training. The two are
timed in turn; printed are medians and their ratios.
"""

import copy
import time
from statistics import median

import torch

from unetlite.network.folding import transposed
from unetlite.network.upsampling import Nearest, nearest_as_transposed

LEVELS = [(256, 128, 8), (128, 64, 16), (64, 32, 32), (32, 16, 64)]  # C_in, C_out, H = W
ROUNDS = 30
NO_SKIP = None  # what the encoder left, which `nearest` does not read


def seconds(operator, x, dtype, *, train: bool) -> float:
    start = time.perf_counter()
    with torch.set_grad_enabled(train), torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        out = operator(x, NO_SKIP)
    if train:
        out.backward(torch.ones_like(out))
    return time.perf_counter() - start


def main() -> None:
    print("dtype     mode    level             unfolded    folded   ratio   largest difference")
    for dtype in (torch.float32, torch.bfloat16):
        for train in (False, True):
            totals = [0.0, 0.0]
            for c_in, c_out, size in LEVELS:
                unfolded = Nearest(c_in, c_out, c_out).to(memory_format=torch.channels_last).eval()
                # In training, `Nearest` computes the folded kernel anew in each step; in evaluation it is kept.
                kept = transposed(unfolded.conv, nearest_as_transposed(unfolded.conv.weight))
                folded = copy.deepcopy(unfolded).train() if train else kept
                folded.to(memory_format=torch.channels_last)
                x = torch.randn(16, c_in, size, size).to(memory_format=torch.channels_last).requires_grad_(train)
                times = [[], []]
                for _ in range(ROUNDS):
                    for k, operator in enumerate((unfolded, folded)):
                        times[k].append(seconds(operator, x, dtype, train=train))
                medians = [median(values[5:]) for values in times]
                totals = [total + value for total, value in zip(totals, medians, strict=True)]
                with torch.no_grad():
                    expected = unfolded(x, NO_SKIP)
                    difference = (expected - folded(x, NO_SKIP)).abs().max() / expected.abs().max()
                show(dtype, train, f"{c_in:3} -> {c_out:3}, {size:2} x {size:2}", medians, f"{difference:.1e}")
            show(dtype, train, "all levels", totals, "")


def show(dtype, train, level, medians, difference) -> None:
    name, mode = str(dtype).removeprefix("torch."), "train" if train else "eval"
    times = "".join(f"{1000 * value:7.2f} ms" for value in medians)
    print(f"{name:9} {mode:6}  {level:17}{times}   {medians[0] / medians[1]:5.2f}   {difference}")


if __name__ == "__main__":
    main()
