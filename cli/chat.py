"""The verb `logisight chat`: talk about pictures of a product, at a terminal or through a pipe."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from ..schema import Grade, SessionError
from .opening import Opening

if TYPE_CHECKING:
    from ..agents.product import Product
    from ..agents.session.graph import Consent, Decision
    from .chat_prompt import Line
    from .conversation import Conversation

# What is slow to import is imported while the first line is typed.

NORMAL, FAILED, INTERRUPTED = 0, 1, 130


def chat(
    product: Annotated[str, typer.Argument(metavar="PRODUCT", help="A folder, or a name below ./products.")],
    llm: Annotated[
        str, typer.Option("--llm", envvar="LOGISIGHT_LLM", help="Who talks, and writes the checks.")
    ] = "offline",
    session: Annotated[
        str, typer.Option(metavar="ID", help="Go on with this session, see `logisight sessions`.")
    ] = "",
    isolation: Annotated[
        Grade | None,
        typer.Option(help="What the sandbox must hold at least for rules to run; else $LOGISIGHT_ISOLATION."),
    ] = None,
) -> None:
    """Talk about pictures: drop one, ask why it is bad, say what is to be true from now on.

    Nothing changes the rulebook before you say yes. All is kept, also when this is killed.

    Without a terminal each line of standard input is one request, or the answer to a question: yes, no, or
    edit and other words. Exit codes: 0 all was done, 1 something was not, or a question waits, 2 wrong use.
    """
    if sys.stdin.isatty() and sys.stdout.isatty():
        _at_terminal(product, llm, session, isolation)
        _leave()
    else:
        raise typer.Exit(_through_pipe(product, llm, session, isolation))


def _at_terminal(name: str, llm: str, session: str, isolation: Grade | None) -> None:
    from .chat_prompt import Line
    from .console_chat import Screen
    from .inline_pictures import picture_drawer

    def open_talk() -> Conversation:
        from .conversation import open_conversation

        talk = kept.enter_context(
            open_conversation(product.result(), llm, isolation, screen, lambda consent: _asked(line, consent))
        )
        if session:
            talk.open(session)
        # What goes wrong here comes up again with the first picture.
        Opening(product.result().warm_up).begun()
        return talk

    product, opening = Opening(lambda: _product(name)), Opening(open_talk)
    screen, line = Screen(picture_drawer()), Line(product, opening)
    # Between a prompt, which reads Ctrl-C as a key, and a turn at work there is nothing that it could stop.
    signal.signal(signal.SIGINT, lambda *_: line.interrupt())
    screen.note(f"{name}, {llm}: drop a picture, or ask. /help says what can be said, Ctrl-D leaves.")
    with ExitStack() as kept:
        for typed in _typed(line, screen.note):
            if not opening.begun().done():
                with screen.working("opening"):
                    wait([opening.begun()])
            talk = opening.result()
            if talk.unfinished and not typed.lstrip().startswith("/"):
                _offer(talk, line, screen.note)
            if talk.hear(typed).leave:
                break
        if opening.begun().done() and opening.result().id:
            screen.note(f"Kept. To come back: logisight chat {name} --session {opening.result().id}")


def _leave() -> NoReturn:
    """End the program without waiting for its threads.

    Where Ctrl-C comes while one is started, Python waits for it for ever.
    """
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(NORMAL)


def _product(name: str) -> Product:
    from ..agents.product import open_product

    return open_product(name)


def _through_pipe(name: str, llm: str, session: str, isolation: Grade | None) -> int:
    from .console_chat import Screen

    product = _product(name)
    from .conversation import open_conversation

    screen, lines = Screen(), (line.rstrip("\n") for line in sys.stdin)
    failed = False
    with open_conversation(product, llm, isolation, screen, lambda _: _answered(lines)) as talk:
        if session:
            talk.open(session)
            if talk.unfinished:
                screen.note(f"{talk.unfinished}; going on with it")
                failed = talk.go_on().failed
        for line in lines:
            done = talk.hear(line)
            failed = failed or done.failed
            if done.interrupted:
                return INTERRUPTED
            if done.leave or talk.waiting:
                break
        if talk.id:
            screen.note(f"session {talk.id}")
    return FAILED if failed else NORMAL


def _typed(line: Line, note: Callable[[str], None]) -> Iterator[str]:
    """What a person types, until they leave: by Ctrl-D, or by Ctrl-C twice.

    It is nothing where a turn turns out to be open, which comes first.
    """
    from .chat_prompt import TurnOpenError

    warned = False
    while True:
        try:
            text = line.read()
        except EOFError:
            return
        except KeyboardInterrupt:
            if warned:
                return
            note("Ctrl-C again leaves.")
            warned = True
            continue
        except TurnOpenError:
            text = ""
        warned = False
        yield text


def _offer(talk: Conversation, line: Line, note: Callable[[str], None]) -> None:
    """Offer to go on with a turn that was not finished."""
    if not talk.unfinished:
        return
    try:
        said = line.ask(f"{talk.unfinished}. Go on with it? [Y/n] ")
    except (EOFError, KeyboardInterrupt):
        note("It waits; /go goes on with it.")
        return
    if said.strip().lower() in ("n", "no"):
        talk.drop()
    else:
        talk.go_on()


def _asked(line: Line, consent: Consent) -> Decision | None:
    """What a person at a terminal says to a question."""
    from ..agents.session.graph import Decision
    from .chat_lines import read_decision

    change = consent.change
    can_edit = change.action != "retire" and change.rule is not None
    try:
        while True:
            said = line.ask("yes, no or edit? " if can_edit else "yes or no? ").strip()
            if can_edit and change.rule and said.lower() in ("e", "edit"):
                was = change.rule.code if change.action == "run" else change.rule.text
                return Decision(yes=False, edit=line.ask("instead: ", was).strip())
            decided = read_decision(said)
            if decided and (can_edit or not decided[1]):
                return Decision(yes=decided[0], edit=decided[1])
    except (EOFError, KeyboardInterrupt):
        return None


def _answered(lines: Iterator[str]) -> Decision | None:
    """What the next line says to a question.

    Raises:
        SessionError: It says something else; the question waits.
    """
    from ..agents.session.graph import Decision
    from .chat_lines import read_decision

    said = next(lines, None)
    if said is None:
        return None
    decided = read_decision(said)
    if decided is None:
        raise SessionError(f"{said[:60]!r} is no answer to a question; say yes, no, or edit and other words")
    return Decision(yes=decided[0], edit=decided[1])
