"""Ripple: a checkerboard that an operator adds to the logits, and that is not in the images."""

import torch
from torch import Tensor
from torchmetrics import Metric


class PhaseRipple(Metric):
    """The share of the logits' variance that the position modulo the decoder's stride explains.

    m_i(p) is the mean of image i's logits at the positions (y mod stride, x mod stride) = p, less
    its mean over p. The variance that the phase explains is the mean over pairs of different images
    of <m_i, m_j> / stride^2: what only one image has, its content, cancels out, so the estimate has
    no bias and can fall a little below 0. The ripple is this divided by the variance of all logits,
    averaged over the K channels; a constant has none. Shift the images at random where a data set's
    content is aligned to the grid.

    `stride` is the period in pixels. `margin`, a multiple of it, are pixels that are left out at
    each side: padding ripples near the frame.

    >>> ripple = PhaseRipple(stride=2, num_classes=1)
    >>> checkerboard = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(1, 1, 4, 4)
    >>> ripple.update(checkerboard)
    >>> ripple.update(3 * checkerboard)  # (1, 1, 8, 8)
    >>> ripple.compute()
    tensor(0.6000, dtype=torch.float64)
    """

    full_state_update = False
    higher_is_better = False
    profile: Tensor
    squares: Tensor
    moments: Tensor
    images: Tensor

    def __init__(
        self,
        stride: int,
        num_classes: int,
        *,
        margin: int = 0,
    ):
        super().__init__()
        self.stride = stride
        self.margin = margin
        shapes = {
            "profile": (num_classes, stride, stride),
            "squares": (num_classes,),
            "moments": (2, num_classes),
        }
        for name, shape in shapes.items():
            zeros = torch.zeros(shape, dtype=torch.float64)
            self.add_state(name, zeros, dist_reduce_fx="sum")
        self.add_state("images", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, logits: Tensor) -> None:
        """Logits (B, K, H, W); images without a whole period inside the margin are left out."""
        stride = self.stride
        margin = self.margin
        height, width = logits.shape[-2:]
        rows = (height - 2 * margin) // stride
        columns = (width - 2 * margin) // stride
        if rows < 1 or columns < 1:
            return
        bottom = margin + rows * stride
        right = margin + columns * stride
        inside = logits[..., margin:bottom, margin:right].double()
        periods = inside.unflatten(-1, (columns, stride))
        periods = periods.unflatten(-3, (rows, stride))
        means = periods.mean((-4, -2))  # (B, K, stride, stride)
        means = means - means.mean((-1, -2), keepdim=True)
        self.profile += means.sum(0)
        self.squares += means.square().sum((0, 2, 3))
        mean = inside.mean((-1, -2))  # (B, K)
        square = inside.square().mean((-1, -2))
        self.moments += torch.stack([mean.sum(0), square.sum(0)])
        self.images += len(logits)

    def compute(self) -> Tensor:
        """The ripple, 0 to 1 but for noise; NaN with fewer than two images."""
        count = self.images.double()
        pairs = count * (count - 1)
        products = self.profile.square().sum((-1, -2))  # (K,)
        products -= self.squares
        explained = products / pairs / self.stride**2
        mean, square = self.moments / count
        variance = square - mean.square()
        is_constant = variance <= 1e-10 * square  # within rounding
        is_zero = is_constant & (count > 1)
        ripple = torch.where(is_zero, 0.0, explained / variance)
        return ripple.mean()
