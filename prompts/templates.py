"""Prompts as templates: plain text, in which what comes from outside stands as JSON."""

from __future__ import annotations

import json
from functools import cache, partial

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def templates() -> Environment:
    """The templates beside this module."""
    # Prompts are plain text, not markup; what comes from outside is put in as JSON.
    environment = Environment(
        loader=PackageLoader("logisight.prompts", "."),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["json"] = partial(json.dumps, ensure_ascii=False)
    return environment
