"""`logisight web`: what it refuses before it serves."""

from __future__ import annotations

import socket

import pytest
from command_line import logisight

pytest.importorskip("fastapi", reason="the extra `web` is not installed")


def test_no_such_product_is_one_line(tmp_path) -> None:
    done = logisight("web", tmp_path / "nothing")
    assert done.returncode == 2
    assert "nothing" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_port_that_is_taken_is_one_line(demo_line) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = logisight("web", demo_line / "box", "--port", taken.getsockname()[1])
    assert done.returncode == 2
    assert "choose another --port" in done.stderr


def test_a_short_token_and_an_unknown_model_are_refused(demo_line) -> None:
    assert "the token is too short" in logisight("web", demo_line / "box", "--token", "short").stderr
    done = logisight("web", demo_line / "box", "--llm", "nobody")
    assert done.returncode == 2
    assert "nobody" in done.stderr
