"""GRNR: anomalies in one picture of a texture, without any other picture; and what it is measured against."""

from .detector import Grnr, GrnrOptions, MeanDistance, SurfaceOptions

__all__ = ["Grnr", "GrnrOptions", "MeanDistance", "SurfaceOptions"]
