"""What the model is told: prompt templates, and how each question is put together."""

from .author import author_messages
from .inspection import (
    PRESETS,
    Crop,
    InspectionPrompt,
    Mark,
    MarkedPicture,
    Piece,
    ProductWords,
    SentPicture,
    inspection_messages,
)
from .opinion import Opinion, pointed_at
from .quoting import PromptError
from .reason_judge import judge_messages
from .session import session_message
from .templates import copy_templates, templates, templates_sha256, using_templates

__all__ = [
    "PRESETS",
    "Crop",
    "InspectionPrompt",
    "Mark",
    "MarkedPicture",
    "Opinion",
    "Piece",
    "ProductWords",
    "PromptError",
    "SentPicture",
    "author_messages",
    "copy_templates",
    "inspection_messages",
    "judge_messages",
    "pointed_at",
    "session_message",
    "templates",
    "templates_sha256",
    "using_templates",
]
