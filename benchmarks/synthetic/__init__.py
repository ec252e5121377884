"""A synthetic production line: five products after MVTec LOCO AD, with everything that is true of them."""

from ..reasons import Reason
from .levels import Conditions, Disturbance, Level
from .line import Counts, Summary, synthesize
from .rendering import PRODUCTS, render
from .truth import Channel, Rendered

__all__ = [
    "PRODUCTS",
    "Channel",
    "Conditions",
    "Counts",
    "Disturbance",
    "Level",
    "Reason",
    "Rendered",
    "Summary",
    "render",
    "synthesize",
]
