"""Sizes of outputs per axis: input i, kernel k, stride s, padding p, dilation d, output padding op.

Source of the formulas: Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep
learning". "Fact n" is the number in docs/arithmetic.md.
"""

from unetlite.arithmetic.refusal import Refused

FORMULAS = {
    "window": (
        "o = floor((i + 2p - d(k - 1) - 1) / s + 1)",
        "floor(({i} + 2*{p} - {d}*({k} - 1) - 1) / {s} + 1)",
    ),
    "transposed": (
        "o = (i - 1)s - 2p + d(k - 1) + op + 1",
        "({i} - 1)*{s} - 2*{p} + {d}*({k} - 1) + {op} + 1",
    ),
    "enlarged": ("o = i s", "{i}*{s}"),
    "same": ("o = i", "{i}"),
}
"""By kind: the formula of the output size, and the same for numbers."""


def check_ranges(
    i: int,
    k: int,
    s: int,
    p: int,
    d: int,
) -> None:
    """Raises Refused for a number out of its range."""
    if min(i, k, s, d) < 1 or p < 0:
        raise Refused("range", i=i, k=k, s=s, p=p, d=d)


def conv_size(
    i: int,
    k: int,
    s: int = 1,
    p: int = 0,
    d: int = 1,
) -> int:
    """Output size of a convolution: o = floor((i + 2p - d(k - 1) - 1) / s + 1) (fact 1).

    Raises:
        Refused: the kernel is larger than the padded input, or an argument is out of its range.
    """
    check_ranges(i, k, s, p, d)
    covered = d * (k - 1) + 1
    padded = i + 2 * p
    if covered > padded:
        raise Refused("kernel_too_large", covered=covered, padded=padded, i=i, p=p, k=k, d=d)
    return (padded - covered) // s + 1


def pool_size(
    i: int,
    k: int,
    s: int | None = None,
    p: int = 0,
    d: int = 1,
) -> int:
    """Output size of pooling, by the formula of `conv_size` (fact 3). The default stride is k."""
    if 2 * p > k:
        raise Refused("pool_padding", p=p, k=k)
    return conv_size(i, k, k if s is None else s, p, d)


def transposed_conv_size(
    i: int,
    k: int,
    s: int = 1,
    p: int = 0,
    d: int = 1,
    op: int = 0,
) -> int:
    """Output size of a transposed convolution: o = (i - 1) s - 2p + d(k - 1) + op + 1 (fact 2).

    Raises:
        Refused: the output would be empty, op is not below max(s, d), or an argument is out of its
            range.
    """
    check_ranges(i, k, s, p, d)
    if not 0 <= op < max(s, d):
        raise Refused("output_padding", op=op, s=s, d=d, largest=max(s, d))
    size = (i - 1) * s - 2 * p + d * (k - 1) + op + 1
    if size < 1:
        raise Refused("empty", size=size, i=i, k=k, s=s, p=p, d=d, op=op)
    return size


def zero_insertion_padding(
    k: int, s: int = 1, p: int = 0, d: int = 1, op: int = 0
) -> tuple[int, int]:
    """Padding (before, after) per axis that makes a convolution a transposed one (fact 13).

    conv_transpose(x, w; s, p, d, op) = conv(pad(insert_zeros(x, s)), flipped w; d), with
    d(k - 1) - p zeros before and d(k - 1) - p + op - (s - 1) after, since `insert_zeros` leaves
    s - 1 zeros behind the last element. Negative padding crops.
    """
    before = d * (k - 1) - p
    return before, before + op - (s - 1)
