"""A conversation about one product: what is said goes to its session, what comes of it goes to a screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ..agents.product import Product
from ..agents.session.desk import Desk
from ..agents.session.export import safe_name
from ..agents.session.graph import Consent, Decision
from ..agents.session.keeping import LINKS
from ..agents.session.requests import help_text
from ..agents.session.rule_tools import proof_in_words
from ..agents.session.session import Reply, Session, SessionFile, Sessions
from ..agents.session.turn import SessionPicture, Turn
from ..schema import Grade, LogiSightError, Rule, SessionError, Verdict
from .chat_commands import COMMANDS
from .chat_lines import read_command, read_said
from .console_chat import Screen
from .inline_pictures import picture_link

Ask = Callable[[Consent], Decision | None]
"""Asks a person; None where they do not answer, so that the question waits."""


class Done(NamedTuple):
    """How it went on after something was said."""

    leave: bool = False
    failed: bool = False
    """Something that was asked for was not done."""
    interrupted: bool = False
    """By Ctrl-C."""


class Conversation:
    """One session at a time, which begins when something is said."""

    def __init__(self, sessions: Sessions, desk: Desk, llm: str, screen: Screen, ask: Ask) -> None:
        """`llm` names the reasoner that talks."""
        self._sessions, self._desk, self._llm = sessions, desk, llm
        self._screen, self._ask = screen, ask
        self._session: Session | None = None

    @property
    def id(self) -> str:
        """Of the session; empty where nothing was said yet."""
        return self._session.file.id if self._session else ""

    def open(self, session: str) -> None:
        """Go on with a session.

        Raises:
            SessionError: There is none of this id.
        """
        screen = self._screen
        on_text = screen.piece if screen.is_terminal else None
        self._session = Session(self._sessions, session, self._desk, self._llm, screen.step, on_text=on_text)

    def hear(self, typed: str) -> Done:
        """Do what a person typed: a command, or something for the agent."""
        command = read_command(typed, tuple(COMMANDS))
        if not typed.strip():
            return Done()
        if command and command[0] == "quit":
            return Done(leave=True)
        if command:
            return self._safely(lambda: self._commanded(command[0]))
        return self._safely(lambda: self._say(typed))

    def go_on(self) -> Done:
        """Go on with a turn that was not finished, if there is one."""
        session = self._session
        if session is None or not session.unfinished:
            return Done()
        return self._safely(lambda: self._through(session.go_on))

    @property
    def waiting(self) -> bool:
        """Whether a question waits for an answer."""
        return self._session is not None and self._session.waiting is not None

    @property
    def unfinished(self) -> str:
        """What is to be said of a turn that was not finished; empty where there is none."""
        if self._session is None or not self._session.unfinished:
            return ""
        return "A question waits for an answer" if self.waiting else "The last turn was cut off"

    def drop(self) -> Done:
        """Give up a turn that was not finished."""
        session = self._session
        return Done() if session is None else self._safely(lambda: self._through(session.drop))

    def _say(self, typed: str) -> bool:
        said = read_said(typed, len(self._pictures()) + 1)
        if self._session is None:
            self.open(self._sessions.start().id)
        session = self._session
        return session is not None and self._through(lambda: session.say(said.text, said.pictures))

    def _through(self, begin: Callable[[], Reply]) -> bool:
        """Run a turn to its end, with all that a person is asked on the way."""
        with self._screen.working("looking"):
            reply = begin()
        while reply.consent and self._session:
            rule = reply.consent.change.rule
            self._screen.consent(reply.consent, _proof(reply.consent, rule))
            decision = self._ask(reply.consent)
            if decision is None:
                self._screen.note("The question waits; nothing is changed until you answer it.")
                return False
            session, made = self._session, decision
            with self._screen.working("doing it" if decision.yes else "looking"):
                reply = session.decide(made)
        return reply.turn is None or self._show(reply.turn)

    def _show(self, turn: Turn) -> bool:
        folder = self._sessions.folder / LINKS / self.id
        paths = [
            picture_link(
                folder / f"{turn.number:03}-{place}-{safe_name(one.caption)}.png",
                self._sessions.store.path(one.sha256),
            )
            for place, one in enumerate(turn.shown, start=1)
        ]
        self._screen.turn(turn, paths)
        return not turn.stopped and not any(step.error for step in turn.steps)

    def _commanded(self, command: str) -> bool:
        if command == "help":
            told = "\n".join(f"/{name:<9} {meaning}" for name, meaning in COMMANDS.items())
            self._screen.text(f"{help_text()}\n\nDrop, paste or type paths of pictures anywhere.\n{told}")
        elif command == "pictures":
            self._screen.pictures(self._pictures(), self._statuses())
        elif command == "rules":
            self._show_rules()
        elif command == "sessions":
            self._screen.sessions(
                [session_row(self._sessions, file) for file in self._sessions.list()], self.id
            )
        elif command == "trace":
            for turn in self._turns()[-1:]:
                self._screen.steps(turn.steps)
        elif command == "go":
            session = self._session
            if session is None or not session.unfinished:
                raise SessionError("there is no turn to go on with")
            return self._through(session.go_on)
        elif command == "undo":
            self._undo()
        return True

    def _show_rules(self) -> None:
        from .console import show_rules

        rules = self._desk.product.rulebook().rules
        if rules:
            show_rules(rules)
        else:
            self._screen.text(f"{self._desk.product.name} has no rule yet; say `add rule: ...`")

    def _undo(self) -> None:
        turns = self._turns()
        if not turns:
            raise SessionError("there is no turn to go back over")
        self._back_to(len(turns) - 1)

    def _back_to(self, number: int) -> bool:
        """Go on after turn `number`, in a session of its own."""
        was = self.id
        file = self._sessions.branch(was, number) if number else self._sessions.start()
        self.open(file.id)
        where = f"turn {number}" if number else "the start"
        self._screen.note(
            f"Back at {where}, in session {file.id}; {was} stays as it is, and so does the rulebook."
        )
        return True

    def _turns(self) -> list[Turn]:
        return self._sessions.turns(self.id) if self._session else []

    def _pictures(self) -> tuple[SessionPicture, ...]:
        if self._session is None:
            return ()
        return self._sessions.history.past(self._sessions.head(self.id)).pictures

    def _statuses(self) -> dict[int, str]:
        if self._session is None:
            return {}
        verdicts = self._sessions.history.past(self._sessions.head(self.id)).verdicts
        return {n: self._sessions.store.get_record(Verdict, sha256).status for n, sha256 in verdicts.items()}

    def _safely(self, act: Callable[[], bool]) -> Done:
        """Do something; what goes wrong is one line, and the chat goes on."""
        try:
            return Done(failed=not act())
        except KeyboardInterrupt:
            self._screen.note("Interrupted; /go goes on with it.")
            return Done(failed=True, interrupted=True)
        except LogiSightError as error:
            self._screen.error(str(error))
        except OSError as error:
            what = error.strerror or error
            self._screen.error(f"the session cannot be kept ({what}); make room, then /go goes on with it")
        return Done(failed=True)


@contextmanager
def open_conversation(
    product: Product, llm: str, isolation: Grade | None, screen: Screen, ask: Ask
) -> Iterator[Conversation]:
    """A conversation about a product; `llm` talks, and writes the rules.

    Raises:
        LogiSightError: The sandbox does not start, or the sessions cannot be opened.
    """
    with Sessions(product) as sessions, Desk(product, sessions.store, llm, isolation) as desk:
        yield Conversation(sessions, desk, llm, screen, ask)


def _proof(consent: Consent, rule: Rule | None) -> str:
    return proof_in_words(rule) if rule and consent.change.action in ("save", "change") else ""


def session_row(sessions: Sessions, file: SessionFile) -> tuple[SessionFile, int, str]:
    """A session, how many turns it has and what was asked first."""
    try:
        turns = sessions.turns(file.id)
    except SessionError as error:
        return file, 0, str(error)
    named = (", ".join(one.name for one in turn.pictures) for turn in turns)
    asked = next((turn.asked for turn in turns if turn.asked), "") or next(named, "")
    return file, len(turns), " ".join(asked.split())[:80]
