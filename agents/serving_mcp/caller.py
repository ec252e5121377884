"""Who talks in a session that another agent leads: it makes the call that was asked for, and no other."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from typing import Any, Final

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from ...schema import SessionError
from ..session.talker import ASKED, NEW_PICTURES, Talker

MCP: Final = "mcp"
"""Names the reasoner in the turns of such a session."""
LONGEST_CALL: Final = 4_000
"""Characters of a call."""
ERROR: Final = "Error: "
"""What the answer of a tool begins with where it failed."""


def call_in_words(tool: str, arguments: dict[str, Any]) -> str:
    """A call as the session keeps it: the tool, then its arguments in JSON.

    Raises:
        SessionError: It is too long.

    >>> call_in_words("show_rule", {"number": 2})
    'show_rule {"number": 2}'
    """
    text = f"{tool} {json.dumps(arguments, ensure_ascii=False)}"
    if len(text) > LONGEST_CALL:
        raise SessionError(f"{tool}: its arguments have more than {LONGEST_CALL} characters; give less")
    return text


class Caller(Talker):
    """Reads a call that `call_in_words` wrote, makes it, and answers with what the tool said."""

    @property
    def _llm_type(self) -> str:
        return MCP

    def said(self, messages: Sequence[BaseMessage]) -> AIMessage:
        """What the tool answered; before that, the call."""
        last = max(n for n, message in enumerate(messages) if isinstance(message, HumanMessage))
        answers = [str(message.text) for message in messages[last:] if isinstance(message, ToolMessage)]
        if answers:
            return AIMessage("\n\n".join(answer.removeprefix(ERROR) for answer in answers))
        new = messages[last].additional_kwargs.get(NEW_PICTURES, [])
        if new:
            return _calls([("inspect_picture", {"picture": number}) for number in new])
        tool, _, arguments = str(messages[last].additional_kwargs.get(ASKED, "")).partition(" ")
        try:
            given = json.loads(arguments)
        except ValueError:
            return AIMessage("This session is led by another agent, which calls tools by name.")
        return _calls([(tool, given)])


def _calls(made: Sequence[tuple[str, dict[str, Any]]]) -> AIMessage:
    return AIMessage(
        "",
        tool_calls=[
            {"name": name, "args": arguments, "id": f"call-{secrets.token_hex(6)}", "type": "tool_call"}
            for name, arguments in made
        ],
    )
