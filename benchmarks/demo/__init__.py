"""A small rendered product line with ground truth, so that the first command works on a bare machine.

A transparent box of 3 rows and 5 columns of compartments with a yellow pushpin in each, on a dark table.
"""

from .layout import Defect
from .line import DEMO_SENTENCES, write_product_line
from .renderer import LABELS, Rendered, render

__all__ = ["DEMO_SENTENCES", "LABELS", "Defect", "Rendered", "render", "write_product_line"]
