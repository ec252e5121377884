"""What the model is told: prompt templates."""

from .author import author_messages
from .reason_judge import judge_messages

__all__ = ["author_messages", "judge_messages"]
