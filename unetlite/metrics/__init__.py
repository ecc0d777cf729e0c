"""Scores of predicted masks and logits, as torchmetrics metrics; one module a kind."""

from unetlite.metrics.artefacts import PhaseRipple, RadialSpectrum
from unetlite.metrics.boundary import BoundaryIoU
from unetlite.metrics.overlap import SegmentationScores
from unetlite.metrics.surface import SurfaceDistances

__all__ = ["BoundaryIoU", "PhaseRipple", "RadialSpectrum", "SegmentationScores", "SurfaceDistances"]
