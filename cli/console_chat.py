"""What a chat shows. What pictures, rules and models say is printed as it is, and never read as markup."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Column, Table
from rich.text import Text

from .console import STYLES

if TYPE_CHECKING:
    from ..agents.session.graph import Consent
    from ..agents.session.session import SessionFile
    from ..agents.session.turn import SessionPicture, Step, Turn

SILENT: Final = ("begin", "ask", "keep")
"""Steps that say nothing to a person."""
IN_WORDS: Final = {"think": "thinking", "check": "working it out"}
"""Steps that are no tools."""


class Screen:
    """Where a chat is shown: answers go to standard output, what is said about them to standard error."""

    def __init__(self, draw: Callable[[Path], Any] | None = None) -> None:
        """`draw` makes a picture file something that can be printed; paths are printed where it is None."""
        self.is_terminal = sys.stdout.isatty()
        width = None if self.is_terminal else 120
        self._out = Console(highlight=False, width=width)
        self._err = Console(highlight=False, width=width, stderr=True)
        self._draw = draw
        self._status: Any = None
        self._said = ""
        """What a model has said since the last step, which is shown already."""

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Say at a terminal that something takes a while, and let Ctrl-C stop it; `step` says what."""
        if not self.is_terminal:
            yield
            return
        with self._out.status(plain(what)) as self._status, _interruptible():
            try:
                yield
            except BaseException:
                self._end_of_said()
                raise
            finally:
                self._status = None

    def step(self, name: str) -> None:
        """Show a step of a turn as it begins."""
        if self._status is None or name in SILENT:
            return
        if self._said:
            self._end_of_said()
            self._status.start()
        what = IN_WORDS.get(name) or plain(name).replace("_", " ")
        if name not in IN_WORDS:
            self._out.print(Text(f"· {what}", style="dim"))
        self._status.update(Text(what))

    def piece(self, text: str) -> None:
        """Show what a model says as it comes."""
        if self._status is None or not text:
            return
        if not self._said:
            self._status.stop()
        self._said += text
        self._out.print(Text(plain(text)), end="", soft_wrap=True)

    def _end_of_said(self) -> str:
        """End the line of what a model said; returns it."""
        said, self._said = self._said, ""
        if said:
            self._out.print()
        return plain(said).strip()

    def note(self, line: str, style: str = "dim") -> None:
        """A line about the chat itself."""
        self._err.print(Text(plain(line), style=style), soft_wrap=True)

    def error(self, line: str) -> None:
        """A line about what went wrong."""
        self._err.print(Text(f"error: {plain(line)}", style="red"), soft_wrap=True)

    def text(self, text: str) -> None:
        """A text."""
        self._out.print(Text(plain(text)), soft_wrap=True)

    def asked(self, turn: Turn) -> None:
        """What a person said."""
        self._out.print(Text(f"{turn.number}> {plain(turn.asked)}", style="bold"))
        for one in turn.pictures:
            self._out.print(Text(f"  picture {one.number}: {plain(one.name)}", style="dim"))

    def turn(self, turn: Turn, paths: Sequence[Path]) -> None:
        """An answer, and the pictures that it shows, which are at `paths`."""
        if self._end_of_said() != plain(turn.answer).strip():
            self.text(turn.answer)
        for one, path in zip(turn.shown, paths, strict=True):
            drawn = self._draw_safely(path)
            if drawn is not None:
                self._out.print(drawn)
            self._out.print(Text(f"  [{plain(one.caption)}] {plain(str(path))}", style="dim"), soft_wrap=True)
        if self.is_terminal:
            self.note(facts_of(turn))

    def consent(self, consent: Consent, proof: str) -> None:
        """What a person is asked, with all that they need to decide."""
        self._out.print(Text(plain(consent.question), style="bold"))
        rule = consent.change.rule
        if rule:
            code = Syntax(plain(rule.code).rstrip(), "python", background_color="default", word_wrap=True)
            self._out.print(Padding(code, (0, 0, 0, 2), expand=False))
        for line in (proof, consent.change.effect):
            if line:
                self.text(f"  {line}")

    def pictures(self, pictures: Sequence[SessionPicture], statuses: Mapping[int, str]) -> None:
        """The pictures of a session with their last verdicts."""
        table = Table("No", Column("Picture", overflow="fold"), "Verdict")
        for one in pictures:
            status = statuses.get(one.number, "-")
            table.add_row(str(one.number), Text(plain(one.name)), Text(status, style=STYLES.get(status, "")))
        self._out.print(table)

    def sessions(self, rows: Sequence[tuple[SessionFile, int, str]], current: str = "") -> None:
        """Sessions, with the number of their turns and what they were about."""
        table = Table("Session", "Started", "Turns", "State", Column("About", overflow="fold"))
        for file, turns, about in rows:
            state = (
                "this one" if file.id == current else f"branch of {file.branch_of}" if file.branch_of else ""
            )
            table.add_row(file.id, file.started, str(turns), state, Text(plain(about)))
        self._out.print(table)

    def steps(self, steps: Sequence[Step]) -> None:
        """What was done in a turn: the trace."""
        table = Table("Step", "Seconds", "Tokens", Column("With", overflow="fold"), "Error")
        for step in steps:
            used = step.usage
            tokens = f"{used.input_tokens} + {used.output_tokens}" if used.calls else ""
            told = ", ".join(f"{name}={value}" for name, value in step.arguments.items())
            table.add_row(
                Text(plain(step.name)),
                f"{step.seconds:.2f}",
                tokens,
                Text(plain(told)),
                Text(plain(step.error)),
            )
        self._out.print(table)

    def _draw_safely(self, path: Path) -> Any:
        try:
            return self._draw(path) if self._draw else None
        except (OSError, ValueError):
            return None


@contextmanager
def _interruptible() -> Iterator[None]:
    around = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, around)


def facts_of(turn: Turn) -> str:
    """What a turn took, in one line."""
    tools = [step for step in turn.steps if step.name != "think"]
    tokens = sum(step.usage.input_tokens + step.usage.output_tokens for step in turn.steps)
    told = f"turn {turn.number}: {len(tools)} tool{'s' * (len(tools) != 1)}"
    told += f", {sum(step.seconds for step in turn.steps):.1f} s"
    return told + (f", {tokens} tokens" if tokens else "")


def plain(text: str) -> str:
    """A text of which no character can steer a terminal; lines stay lines."""
    from ..tools.pictures import shown

    return "\n".join(shown(line) for line in text.expandtabs(4).split("\n"))
