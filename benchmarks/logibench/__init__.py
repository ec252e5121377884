"""LogiBench (LogiCode): how well rules are written, how well they decide, and whether they say why.

Three scores after Zhang et al., "LogiCode: an LLM-Driven Framework for Logical Anomaly Detection" (arXiv
2406.04687), whose formulas and data splits are not public: the definitions here are LogiSight's own.
"""

from .compare import Comparison, compare_results, read_result
from .report import write_logibench_report
from .result import WAYS, LogiBench
from .run import Settings, run_logibench

__all__ = [
    "WAYS",
    "Comparison",
    "LogiBench",
    "Settings",
    "compare_results",
    "read_result",
    "run_logibench",
    "write_logibench_report",
]
