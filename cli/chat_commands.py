"""What a chat does by itself, without the agent: commands that begin with a slash."""

from __future__ import annotations

from typing import Final

COMMANDS: Final[dict[str, str]] = {
    "help": "what can be said and done",
    "pictures": "the pictures of this session, with their verdicts",
    "rules": "the rulebook",
    "sessions": "all sessions of this product",
    "trace": "what was done in the last turn, and how long it took",
    "go": "go on with a turn that was cut off, or answer its question",
    "undo": "go back to before the last turn, in a branch; the rulebook stays as it is",
    "quit": "leave; everything is kept",
}
"""By name."""
