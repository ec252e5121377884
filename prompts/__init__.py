"""What the model is told: prompt templates."""

from .author import author_messages

__all__ = ["author_messages"]
