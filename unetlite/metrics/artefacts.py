"""What an operator adds to the logits that is not in the images: ripple, and power at high frequencies."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics import Metric

from unetlite.data.source import IGNORE


class PhaseRipple(Metric):
    """How much of the logits' variance is explained by the position modulo the decoder's stride: a checkerboard.

    With m_i(p) the mean of image i's logits at the positions (y mod stride, x mod stride) = p, less its mean over p,
    the variance that the phase explains is the mean over pairs of different images of <m_i, m_j> / stride^2: what only
    one image has, its content, cancels out, so the estimate has no bias and can fall a little below 0. The ripple is
    this divided by the variance of all logits, averaged over the K channels; a constant has none. Shift the images at
    random where a data set's content is aligned to the grid.

    Args:
        stride: the period, in pixels.
        num_classes: K.
        margin: pixels that are left out at each side, a multiple of the stride; padding ripples near the frame.
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
        double = torch.float64
        self.add_state("profile", torch.zeros(num_classes, stride, stride, dtype=double), dist_reduce_fx="sum")
        self.add_state("squares", torch.zeros(num_classes, dtype=double), dist_reduce_fx="sum")
        self.add_state("moments", torch.zeros(2, num_classes, dtype=double), dist_reduce_fx="sum")
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


class RadialSpectrum(Metric):
    """Power by spatial frequency, of logits and of truth: rings of the Fourier transform under a Hann window.

    Each map is a channel less its mean. The powers of all maps are added up, and the spectrum is given as fractions of
    their sum (NaN if there is none), so that logits compare with a truth of zeros and ones. Channels of classes that
    fill an image or are absent add nothing; a larger image adds more.

    Args:
        bins: rings of equal width between 0 and 0.5 cycles a pixel; the last has all that lies beyond, in the corners,
            as well, and so the finest checkerboard.
    """

    full_state_update = False
    power: Tensor

    def __init__(self, bins: int = 32):
        super().__init__()
        self.bins = bins
        self.add_state("power", torch.zeros(2, bins, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, logits: Tensor, mask: Tensor) -> None:
        """Logits (B, K, H, W), and the truth (B, H, W), where pixels without one count as no class."""
        labelled = (mask != IGNORE).long()
        truth = F.one_hot(mask.long() * labelled, logits.shape[1]).movedim(-1, 1) * labelled[:, None]
        self.power += torch.stack([self._rings(x.double()) for x in (logits, truth)])

    def _rings(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        window = torch.outer(*(torch.hann_window(n, device=x.device, dtype=x.dtype) for n in (height, width)))
        power = torch.fft.fft2((x - x.mean((-1, -2), keepdim=True)) * window).abs().square().sum((0, 1))  # (H, W)
        vertical, horizontal = (torch.fft.fftfreq(n, device=x.device, dtype=x.dtype) for n in (height, width))
        radius = torch.hypot(vertical[:, None], horizontal[None])  # cycles a pixel, up to 0.71 in the corners
        ring = (radius * 2 * self.bins).long().clamp(max=self.bins - 1)
        return torch.bincount(ring.flatten(), power.flatten() / (height * width), self.bins)

    def frequencies(self) -> Tensor:
        """The centres of the rings (bins,), in cycles a pixel."""
        return (torch.arange(self.bins, dtype=torch.float64) + 0.5) / (2 * self.bins)

    def compute(self) -> Tensor:
        """Fractions of the power (2, bins), of the logits and of the truth."""
        return self.power / self.power.sum(1, keepdim=True)
