"""Pictures inside a terminal that can show them: by Sixel or by the protocol of kitty, as it says itself."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

WIDEST = 60
"""Columns of the terminal."""


def picture_drawer() -> Callable[[Path], Any] | None:
    """What makes a picture file something that Rich can print; None where the terminal shows no pictures.

    It asks the terminal, which takes up to 0.3 s where there is no answer. Not to be done while one types.
    """
    if os.environ.get("TERM", "dumb") in ("dumb", "linux") or not (
        sys.stdin.isatty() and sys.stdout.isatty()
    ):
        return None
    # Which terminals do not answer is no news to a person.
    logging.getLogger("textual_image").setLevel(logging.CRITICAL)
    try:
        from textual_image.renderable import Image, SixelImage, TGPImage
    except ImportError:
        return None
    if Image not in (SixelImage, TGPImage):
        return None  # half a character cell for each pixel shows no fault
    return lambda path: Image(path, width=WIDEST, height="auto")


def picture_link(link: Path, content: Path) -> Path:
    """A link to a content of a store by a name that programs can open; the content where none can be made."""
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(os.path.relpath(content, link.parent))
    except OSError:
        return content
    return link
