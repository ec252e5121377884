"""AdaCLIP: zero-shot anomaly maps by prompts learned on a frozen CLIP (ECCV 2024, arXiv 2407.15795)."""

from .detector import AdaClip
from .options import AdaClipOptions, PromptShape

__all__ = ["AdaClip", "AdaClipOptions", "PromptShape"]
