"""How long a person waits for a session to begin: python -m logisight.benchmarks.session_start.

A Markdown table, as that of `session_turns`: seconds from the command to the prompt of `logisight chat`, and
from asking for the page of `logisight web` to its first byte.
"""

from __future__ import annotations

import argparse
import os
import pty
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from ..agents.session.session import open_session
from .session_turns import Row, made_product, show_table

PROMPT: Final = b"drop a picture, or ask; /help"
"""What stands in the line where a person types."""
PATIENCE: Final = 120.0
"""Seconds after which something that does not come is missing."""
OF_CHAT, OF_PAGE = 3.0, 1.0
"""Seconds that they may take."""


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="Starts of each kind.")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        product, pictures = made_product(Path(folder), 1)
        with open_session(product) as session:
            session.say("", pictures)
        box, earlier = str(product.folder), ("--session", session.file.id)
        rows = [
            Row("prompt of `logisight chat`", [until_prompt(box) for _ in range(runs)], OF_CHAT),
            Row("the same with `--session`", [until_prompt(box, *earlier) for _ in range(runs)], OF_CHAT),
        ]
        firsts, laters = [], []
        for _ in range(runs):
            with served(box) as address:
                firsts.append(until_first_byte(address))
                laters.append(until_first_byte(address))
    rows.append(Row("first byte of the page, once its address is told", firsts, OF_PAGE))
    rows.append(Row("first byte of the page, again", laters, OF_PAGE))
    show_table("a start", rows)


def until_prompt(*arguments: str) -> float:
    """Seconds until `logisight chat` waits for a line, in a terminal of its own.

    Raises:
        TimeoutError: It does not come to that.
    """
    terminal, theirs = pty.openpty()
    start = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603  (this Python, with arguments of ours)
        [sys.executable, "-m", "logisight.cli", "chat", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "PROMPT_TOOLKIT_NO_CPR": "1"},  # nobody here tells where the cursor is
        start_new_session=True,
    )
    os.close(theirs)
    try:
        shown = b""
        while PROMPT not in shown:
            if time.perf_counter() - start > PATIENCE:
                raise TimeoutError(shown.decode(errors="replace"))
            if select.select([terminal], [], [], 0.1)[0]:
                shown += os.read(terminal, 65_536)
        return time.perf_counter() - start
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


@contextmanager
def served(product: str) -> Iterator[str]:
    """The address of `logisight web`, as it tells it."""
    command = [sys.executable, "-m", "logisight.cli", "web", product, "--port", "0"]
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as told:
        process = subprocess.Popen(command, stdout=writing, stderr=subprocess.DEVNULL)  # noqa: S603
        os.close(writing)
        try:
            yield told.readline().split()[-1]
        finally:
            process.terminate()
            process.wait()


def until_first_byte(address: str) -> float:
    """Seconds from asking for a page to its first byte."""
    start = time.perf_counter()
    with urlopen(address, timeout=PATIENCE) as page:  # noqa: S310  (our own server)
        page.read(1)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
