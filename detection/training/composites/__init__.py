"""Composites: objects that were cut out, pasted on photos of real places."""

from detection.training.composites.cutouts import CutFrom, Cutout, cutouts_of
from detection.training.composites.source import Background, Composites

__all__ = ["Background", "Composites", "CutFrom", "Cutout", "cutouts_of"]
