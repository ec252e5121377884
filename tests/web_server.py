"""A product of its own, and the web server on it, for tests."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def product_with_one_rule(demo_line: Path, folder: Path) -> Path:
    """A copy of the demo product that knows only that each pushpin is yellow."""
    copy = folder / "pushpin-box"
    shutil.copytree(demo_line / "box", copy)
    for file in (copy / "rules").iterdir():
        if not file.name.startswith("002."):
            file.unlink()
    return copy


@contextmanager
def serving(product: Path, token: str = "", llm: str = "offline") -> Iterator[str]:
    """The address of a server on a free port; `llm` talks."""
    from logisight.agents.product import open_product
    from logisight.agents.web.serving import make_server
    from logisight.agents.web.workroom import Workroom

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = make_server(Workroom(open_product(product), llm), token)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
