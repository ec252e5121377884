"""Who a model is in an inspection session."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import SystemMessage

from .templates import templates


def session_message(
    product: str, labels: Sequence[str], pictures: Sequence[str], total: int
) -> SystemMessage:
    """What a model is told first: the product, its labels, and the last of `total` pictures."""
    template = templates().get_template("session_system.j2")
    return SystemMessage(
        template.render(product=product, labels=list(labels), pictures=list(pictures), total=total)
    )
