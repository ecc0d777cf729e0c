"""What an operator adds to the logits that is not in the images: ripple."""

import torch
from torch import Tensor
from torchmetrics import Metric


class PhaseRipple(Metric):
    """How much of the logits' variance is explained by the position modulo the decoder's stride: a checkerboard.

    With m_i(p) the mean of image i's logits at the positions (y mod stride, x mod stride) = p, less its mean over p,
    the variance that the phase explains is the mean over pairs of different images of <m_i, m_j> / stride^2: what only
    one image has, its content, cancels out, so the estimate has no bias and can fall a little below 0. The ripple is
    this divided by the variance of all logits, averaged over the K channels; a constant has none. Shift the images at
    random where a data set's content is aligned to the grid.

    `stride` is the period in pixels. `margin`, a multiple of it, are pixels that are left out at each side: padding
    ripples near the frame.
    """

    full_state_update = False
    higher_is_better = False
    profile: Tensor
    squares: Tensor
    moments: Tensor
    images: Tensor

    def __init__(self, stride: int, num_classes: int, *, margin: int = 0):
        super().__init__()
        self.stride, self.margin = stride, margin
        shapes = {"profile": (num_classes, stride, stride), "squares": (num_classes,), "moments": (2, num_classes)}
        for name, shape in shapes.items():
            self.add_state(name, torch.zeros(shape, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("images", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, logits: Tensor) -> None:
        """Logits (B, K, H, W); images without a whole period inside the margin are left out."""
        stride, margin = self.stride, self.margin
        rows, columns = ((size - 2 * margin) // stride for size in logits.shape[-2:])
        if rows < 1 or columns < 1:
            return
        inside = logits[..., margin : margin + rows * stride, margin : margin + columns * stride].double()
        means = inside.unflatten(-1, (columns, stride)).unflatten(-3, (rows, stride)).mean((-4, -2))  # (B, K, s, s)
        means = means - means.mean((-1, -2), keepdim=True)
        self.profile += means.sum(0)
        self.squares += means.square().sum((0, 2, 3))
        self.moments += torch.stack([inside.mean((-1, -2)).sum(0), inside.square().mean((-1, -2)).sum(0)])
        self.images += len(logits)

    def compute(self) -> Tensor:
        """The ripple, 0 to 1 but for noise; NaN with fewer than two images."""
        n = self.images.double()
        explained = (self.profile.square().sum((-1, -2)) - self.squares) / (n * (n - 1)) / self.stride**2  # (K,)
        mean, square = self.moments / n
        variance = square - mean.square()
        flat = variance <= 1e-10 * square  # a constant, within rounding
        return torch.where(flat & (n > 1), 0.0, explained / variance).mean()
