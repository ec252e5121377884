"""Pictures for a vision-language model."""

from __future__ import annotations

import base64
import io

from langchain_core.messages import HumanMessage
from PIL import Image


def picture_message(text: str, rgb: tuple[int, int, int], side: int = 64) -> HumanMessage:
    """A question and a plain square."""
    file = io.BytesIO()
    Image.new("RGB", (side, side), rgb).save(file, "PNG")
    data = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return HumanMessage([{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": data}}])
