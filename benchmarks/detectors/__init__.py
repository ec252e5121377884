"""What detectors are worth on pictures whose defects are known: one table for all of them."""

from .bench import bench_detectors, ready_detectors
from .report import write_detector_report
from .result import CategoryScore, ClassScore, DetectorBench

__all__ = [
    "CategoryScore",
    "ClassScore",
    "DetectorBench",
    "bench_detectors",
    "ready_detectors",
    "write_detector_report",
]
