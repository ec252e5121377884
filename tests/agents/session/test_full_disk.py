"""A disk that is really full, in each front end: it is said, nothing is lost, and all goes on with room."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from logisight.agents.product import Product, open_product
from logisight.agents.session.desk import Desk
from logisight.agents.session.graph import Decision
from logisight.agents.session.session import Session, Sessions
from logisight.schema import SessionError

MEGABYTE = 2**20
FULL = "No space left|disk is full"
YES = Decision(yes=True)


@pytest.fixture
def product(demo_line: Path, tmp_path: Path) -> Iterator[Product]:
    """A product on a disk of its own, with a few megabytes to spare."""
    if os.getuid() != 0:
        pytest.skip("only root may mount a small disk")
    size = sum(path.stat().st_size for path in (demo_line / "box").rglob("*") if path.is_file())
    disk = tmp_path / "disk"
    disk.mkdir()
    option = f"size={size + 8 * MEGABYTE}"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", option, "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted ({mounted.stderr.decode().strip()})")
    try:
        shutil.copytree(demo_line / "box", disk / "box")
        yield open_product(disk / "box")
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.fixture
def fill(product: Product) -> Callable[[], Callable[[], None]]:
    """Fills the disk to its last byte; what is returned makes room again."""

    def fill() -> Callable[[], None]:
        filler = product.folder.parent / "filler"
        with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
            while True:
                file.write(bytes(4096))
        return filler.unlink

    return fill


def test_a_session_says_so_and_goes_on(product, fill, pictures):
    with Sessions(product) as sessions, Desk(product, sessions.store) as desk:
        session = Session(sessions, sessions.start().id, desk)
        session.say("", pictures[:1])
        make_room = fill()
        for text, given in (("", pictures[1:2]), ("list rules", ()), ("add rule: All pushpins are red.", ())):
            with pytest.raises(SessionError, match=FULL):
                session.say(text, given)
        with pytest.raises(SessionError, match=FULL):
            sessions.start()
        assert [turn.number for turn in sessions.turns(session.file.id)] == [1]
        make_room()
        assert session.say("how many pushpins are there?").turn.answer.startswith("In picture 1 there ")
        last = session.say("", pictures[1:2]).turn
        assert [picture.number for picture in last.pictures] == [2]
        assert [turn.number for turn in sessions.turns(session.file.id)] == list(range(1, last.number + 1))
        assert len(product.rulebook()) == 3


def test_a_rule_that_finds_no_room_is_not_in_the_rulebook_and_is_asked_for_again(product, fill):
    with Sessions(product) as sessions, Desk(product, sessions.store) as desk:
        session = Session(sessions, sessions.start().id, desk)
        assert session.say("retire rule 1").consent
        make_room = fill()
        with pytest.raises(SessionError, match=FULL):
            session.decide(YES)
        make_room()
        while session.unfinished:
            session.decide(YES) if session.waiting else session.go_on()
        assert [rule.number for rule in product.rulebook()] == [2, 3]


@pytest.mark.whole
def test_a_chat_says_so_and_goes_on(product, fill, pictures):
    def chat(said: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "logisight.cli", "chat", str(product.folder), *arguments]
        return subprocess.run(command, input=said, capture_output=True, text=True, timeout=120)

    session = chat(f"{pictures[0]}\n").stderr.split()[-1]
    make_room = fill()
    run = chat(f"list rules\n{pictures[1]}\n", "--session", session)
    assert run.returncode in (1, 2)
    assert "Traceback" not in run.stderr
    assert "full" in run.stderr or "No space left" in run.stderr
    make_room()
    run = chat("list rules\n", "--session", session)
    assert run.returncode == 0
    assert "Each pushpin is yellow." in run.stdout


def test_a_page_says_so_and_goes_on(product, fill, pictures):
    pytest.importorskip("fastapi", reason="the extra `web` is not installed")
    testclient = pytest.importorskip("starlette.testclient", reason="httpx is not installed")
    from logisight.agents.web.app import make_app
    from logisight.agents.web.workroom import Workroom

    with testclient.TestClient(make_app(Workroom(product)), base_url="http://127.0.0.1") as web:
        session = web.post("/api/sessions", json={}).json()["id"]

        def say(text, **files):
            sent = [("pictures", (name, path.read_bytes(), "image/png")) for name, path in files.items()]
            return web.post(f"/api/sessions/{session}/say", data={"text": text}, files=sent or None)

        say("", one=pictures[0])
        make_room = fill()
        for answer in (say("list rules"), say("", two=pictures[1]), web.post("/api/sessions", json={})):
            assert answer.status_code in (409, 507)
            assert "full" in answer.json()["error"] or "No space left" in answer.json()["error"]
        assert web.get(f"/api/sessions/{session}").json()["turns"] == 1
        make_room()
        assert "Each pushpin is yellow." in say("list rules").json()["turn"]["answer"]


def test_other_agents_are_told_so_and_go_on(product, fill, pictures):
    pytest.importorskip("mcp", reason="the extra `mcp` is not installed")
    from logisight.agents.serving_mcp.service import Sent, Service

    def on_step(_):
        pass

    one, two = (Sent(path.name, base64.b64encode(path.read_bytes()).decode()) for path in pictures[:2])
    with (
        Sessions(product) as sessions,
        Desk(product, sessions.store) as desk,
        Service(sessions, desk) as service,
    ):
        session = service.start()
        service.add(session, one, on_step)
        make_room = fill()
        with pytest.raises(SessionError, match=FULL):
            service.add(session, two, on_step)
        with pytest.raises(SessionError, match=FULL):
            service.call(session, "list_rules", {}, on_step)
        make_room()
        assert list(service.add(session, two, on_step).turn.verdicts) == [2]
