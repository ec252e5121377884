"""The line that a person types a chat into: history, pasting, completion, Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..schema import SessionError
from .chat_commands import COMMANDS
from .opening import Opening

try:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.application import get_app
    from prompt_toolkit.completion import PathCompleter, WordCompleter, merge_completers
    from prompt_toolkit.history import FileHistory, History, ThreadedHistory
    from prompt_toolkit.key_binding import KeyBindings
except ModuleNotFoundError as error:
    raise SessionError(
        f"a chat at a terminal needs the package {error.name}; install it: pip install 'logisight[chat]', or "
        "pipe what you want to say into it, one request a line"
    ) from None

if TYPE_CHECKING:
    from prompt_toolkit.key_binding import KeyPressEvent

    from ..agents.product import Product
    from .conversation import Conversation

HISTORY: Final = "history"
"""A file below the folder of the product's sessions."""


class TurnOpenError(Exception):
    """The session that was on its way has a turn that was not finished, which comes first."""


class Line:
    """Reads what a person types; Enter ends it, Escape and then Enter begins a new line."""

    def __init__(self, product: Opening[Product], talk: Opening[Conversation]) -> None:
        """Both are opened while the first line is typed."""
        self._talk = talk
        self._typed = ""
        """What was typed when it turned out that something else comes first."""
        self._interrupted = False
        self._session: PromptSession[str] = PromptSession(
            history=ThreadedHistory(_ProductHistory(product)),
            completer=merge_completers(
                [
                    WordCompleter([f"/{name}" for name in COMMANDS], sentence=True),
                    PathCompleter(expanduser=True),
                ]
            ),
            complete_while_typing=False,
            multiline=True,
            key_bindings=_keys(),
            enable_open_in_editor=False,
            search_ignore_case=True,
        )
        self._app = self._session.app
        """The one that is at work, or was last."""

    def interrupt(self) -> None:
        """Ctrl-C came as a signal, as the terminal was not at a line; it counts as if at the next one."""
        self._interrupted = True
        app = self._app
        if app.is_running and app.loop is not None:
            app.loop.call_soon_threadsafe(self._give_up)

    def read(self) -> str:
        """What a person says.

        Raises:
            KeyboardInterrupt: Ctrl-C on an empty line.
            EOFError: Ctrl-D on an empty line.
            TurnOpenError: A turn was not finished; what is typed already is there again in the next line.
            LogiSightError: What was on its way cannot be opened.
        """
        typed, self._typed = self._typed, ""
        self._app = self._session.app
        return self._session.prompt(
            "> ",
            default=typed,
            placeholder="drop a picture, or ask; /help",
            pre_run=self._watch,
            handle_sigint=False,  # which fails where the signal comes as a line begins or ends
        )

    def ask(self, question: str, default: str = "") -> str:
        """A short answer, which is no part of the history.

        Raises:
            KeyboardInterrupt: Ctrl-C on an empty line.
            EOFError: Ctrl-D on an empty line.
        """
        short: PromptSession[str] = PromptSession(multiline=True, key_bindings=_keys())
        self._app = short.app
        return short.prompt(question, default=default, pre_run=self._give_up, handle_sigint=False)

    def _give_up(self) -> None:
        """End the prompt where Ctrl-C came as a signal."""
        if self._interrupted and self._app.is_running and not self._app.is_done:
            self._interrupted = False
            self._app.exit(exception=KeyboardInterrupt)

    def _watch(self) -> None:
        """End the prompt where the talk turns out not to open, or to have a turn that was not finished."""
        self._give_up()

        async def watch() -> None:
            try:
                talk = await asyncio.wrap_future(self._talk.begun())
                if talk.unfinished:
                    self._typed = get_app().current_buffer.text
                    raise TurnOpenError
            except Exception as error:  # noqa: BLE001 - it is raised where the line is read
                get_app().exit(exception=error)

        if not self._talk.begun().done():
            get_app().create_background_task(watch())


class _ProductHistory(History):
    """What was typed for a product before; without it where the product or its file cannot be opened."""

    def __init__(self, product: Opening[Product]) -> None:
        super().__init__()
        self._product = product

    def load_history_strings(self) -> Iterable[str]:
        found: Sequence[str] = ()
        with contextlib.suppress(Exception):  # what is wrong with the product is told elsewhere
            found = list(FileHistory(self._path()).load_history_strings())
        return found

    def store_string(self, string: str) -> None:
        with contextlib.suppress(Exception):
            path = Path(self._path())
            path.parent.mkdir(exist_ok=True)
            FileHistory(path).store_string(string)

    def _path(self) -> str:
        from ..agents.session.session import FOLDER

        return str(self._product.result().folder / FOLDER / HISTORY)


def _keys() -> Any:
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-c")
    def _(event: KeyPressEvent) -> None:
        """What is typed goes first."""
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=KeyboardInterrupt)

    @keys.add("c-d")
    def _(event: KeyPressEvent) -> None:
        if not event.current_buffer.text:
            event.app.exit(exception=EOFError)

    return keys
