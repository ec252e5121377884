"""What a person is asked through another agent's client, and what came back: only a plain yes is a yes."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from mcp.server.context import ServerRequestContext
from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult

from ...schema import Record
from ..session.graph import Consent, Decision
from ..session.rule_tools import proof_in_words
from ..session.tool import cut

QUESTION: Final = "consent"
"""Key of the question, where a client brings the answer with its next request."""
CANNOT_ASK: Final = (
    "This needs a person's yes, and your client cannot ask one (it does not support elicitation in forms). "
    "Nothing was changed. Say so to the person, who can do it in `logisight chat` or on the page of "
    "`logisight web`."
)


class Asked(Record):
    """A question that is open, as the client carries it, sealed, to its next request."""

    session: str
    consent: str
    """SHA-256 of what was asked."""


def can_ask(context: ServerRequestContext[Any, Any]) -> bool:
    """Whether the client can show a person a form."""
    capabilities = context.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    # A client of before 2025-11-25 says only that it can, which meant forms.
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


def digest(consent: Consent) -> str:
    """What tells a question from every other one."""
    return hashlib.sha256(consent.model_dump_json().encode()).hexdigest()


def form_of(consent: Consent) -> ElicitRequestFormParams:
    """A question as a form."""
    answers = ["yes", "no"] if consent.change.action == "retire" else ["yes", "no", "edit"]
    properties: dict[str, Any] = {
        "answer": {"type": "string", "title": "Your answer", "enum": answers},
    }
    if "edit" in answers:
        what = "check" if consent.change.action == "run" else "sentence"
        properties["edit"] = {
            "type": "string",
            "title": f"Another {what}",
            "description": f"Where your answer is edit: the {what} to propose instead; you are asked again.",
        }
    schema = {"type": "object", "properties": properties, "required": ["answer"]}
    return ElicitRequestFormParams(message=in_words(consent), requested_schema=schema)


def request_of(consent: Consent) -> ElicitRequest:
    """A question as a request that is answered with the client's next one."""
    return ElicitRequest(params=form_of(consent))


def in_words(consent: Consent) -> str:
    """A question with the code, its proof and its effect."""
    change, rule = consent.change, consent.change.rule
    lines = [consent.question]
    if rule is not None:
        lines += ["", cut(rule.code.rstrip()), ""]
        if change.action in ("save", "change"):
            lines.append(proof_in_words(rule))
    return _plain("\n".join([*lines, change.effect]))


def decision_of(answered: ElicitResult) -> Decision:
    """What a person decided; whatever is no clear yes or edit is a no."""
    content = answered.content if answered.action == "accept" else None
    answer, edit = (content or {}).get("answer"), (content or {}).get("edit")
    if answer == "edit" and isinstance(edit, str) and edit.strip():
        return Decision(yes=False, edit=edit.strip())
    return Decision(yes=answer == "yes")


def _plain(text: str) -> str:
    """A text without characters that a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
