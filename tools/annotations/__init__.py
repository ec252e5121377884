"""Annotated parts from the files of other tools: LabelMe, ISAT and COCO JSON, and index-mask PNGs."""

from .reading import Annotations, read_annotations
from .sheet import Annotation

__all__ = ["Annotation", "Annotations", "read_annotations"]
