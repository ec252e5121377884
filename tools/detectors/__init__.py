"""Detectors: eyes for defects behind one interface, see `detector`."""

from .calibration import Calibration, calibrate
from .detector import AnomalyMap, Detector, DetectorOptions
from .registry import detector_kinds, load_detector
from .state import open_detector, save_detector

__all__ = [
    "AnomalyMap",
    "Calibration",
    "Detector",
    "DetectorOptions",
    "calibrate",
    "detector_kinds",
    "load_detector",
    "open_detector",
    "save_detector",
]
