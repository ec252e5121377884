"""Looking sessions up, keeping them elsewhere and throwing them away."""

from __future__ import annotations

import io
import json
import os
import shlex
import shutil
import sqlite3
import time
from pathlib import Path

import pytest
from command_line import logisight
from conftest import REPOSITORY
from logisight.agents.product import open_product
from logisight.agents.session.export import escaped, export_session, fenced, safe_name
from logisight.agents.session.keeping import tidy, too_old
from logisight.agents.session.session import Sessions
from logisight.schema import SessionError

pytest.importorskip("langgraph.checkpoint.sqlite", reason="the extra `chat` is not installed")

HOSTILE = "![x](http:--evil.example) <img src=x onerror=alert(1)> `rm` | # www.evil.example.png"


@pytest.fixture(scope="module")
def talked(demo_line, tmp_path_factory):
    """A product that was talked about, and the id of the session; tests only read it."""
    folder = shutil.copytree(demo_line / "box", tmp_path_factory.mktemp("talked") / "box")
    picture = sorted((demo_line / "inspect").glob("*.png"))[0]
    hostile = folder.parent / HOSTILE
    shutil.copy(picture, hostile)
    said = [str(picture), f'"{hostile}"', "show rule 2", "retire rule 2", "no"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO("\n".join(said)))
        run = logisight("chat", folder, cwd=folder.parent)
    assert run.returncode == 0, run.stderr
    return folder, run.stderr.split()[-1]


@pytest.fixture
def product(talked, tmp_path):
    """A copy of it to change."""
    return shutil.copytree(talked[0], tmp_path / "box", symlinks=True), talked[1]


def made_old(folder, days=2):
    """Nothing in the store was put there lately."""
    for path in (folder / "sessions" / "store").rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - days * 86400,) * 2)


def contents(folder):
    return {path.name for path in (folder / "sessions" / "store").rglob("*") if path.is_file()}


def test_sessions_are_listed_and_shown(talked):
    folder, session = talked
    listed = logisight("sessions", folder)
    assert session in listed.stdout and "4" in listed.stdout
    (facts,) = json.loads(logisight("sessions", folder, "--json").stdout)
    assert (facts["id"], facts["turns"]) == (session, 4)
    run = logisight("sessions", folder, "show", session)
    assert "retire rule 2" in run.stdout and "inspect_picture" in run.stdout
    told = json.loads(logisight("sessions", folder, "show", session, "--json").stdout)
    assert [turn["number"] for turn in told["turns"]] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["show"], "which session?"),
        (["show", "nothing"], "no session"),
        (["show", "../../etc/passwd"], "no id"),
        (["export", "SESSION"], "--out"),
        (["branch", "SESSION"], "--after"),
        (["branch", "SESSION", "--after", "9"], "no turn 9"),
        (["delete", "SESSION"], "--yes"),
        (["tidy", "--keep-days", "0"], "--yes"),
        (["export", "SESSION", "--out", "/dev/null/x"], "cannot be written"),
    ],
)
def test_wrong_use_is_one_line(talked, arguments, told):
    folder, session = talked
    run = logisight("sessions", folder, *(session if one == "SESSION" else one for one in arguments))
    assert run.returncode == 2
    assert told in run.stderr and run.stderr.count("\n") == 1


def test_a_session_is_written_as_markdown_that_shows_what_was_said_and_nothing_else(talked, tmp_path):
    markdown = pytest.importorskip("markdown_it", reason="Rich brings it")
    folder, session = talked
    assert logisight("sessions", folder, "export", session, "--out", tmp_path / "out").returncode == 0
    text = (tmp_path / "out" / "session.md").read_text(encoding="utf-8")
    tokens = markdown.MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    inline = [child for token in tokens for child in token.children or []]
    assert not {"html_inline", "link_open", "code_inline"} & {one.type for one in inline}
    assert not {"html_block", "code_block"} & {one.type for one in tokens}
    pictures = [one.attrs["src"] for one in inline if one.type == "image"]
    assert len(pictures) == 4 and len(set(pictures)) == 4
    assert all((tmp_path / "out" / name).is_file() for name in pictures)
    assert "onerror=alert(1)" in "".join(one.content for one in inline if one.type == "text")
    assert "def check(scene):" in next(one.content for one in tokens if one.type == "fence")


def test_a_session_is_written_as_json_with_all_there_is(talked, tmp_path):
    folder, session = talked
    run = logisight("sessions", folder, "export", session, "--out", tmp_path, "--format", "json")
    told = json.loads(Path(run.stdout.strip()).read_text(encoding="utf-8"))
    assert told["session"]["id"] == session
    first = told["turns"][0]
    assert first["verdicts"]["1"]["status"] in ("normal", "anomalous")
    assert (tmp_path / first["pictures"][0]["file"]).is_file() and (
        tmp_path / first["shown"][0]["file"]
    ).is_file()
    assert [step["name"] for step in first["steps"]].count("inspect_picture") == 1


def test_what_is_missing_from_the_store_is_named(product, tmp_path):
    folder, session = product
    with Sessions(open_product(str(folder))) as sessions:
        picture = sessions.turns(session)[0].pictures[0]
        sessions.store.path(picture.sha256).unlink()
        text = export_session(sessions, session, tmp_path / "out").read_text(encoding="utf-8")
    assert "(missing)" in text


def test_a_branch_begins_after_an_old_turn_and_outlives_its_origin(product):
    folder, session = product
    run = logisight("sessions", folder, "branch", session, "--after", 2)
    branch = run.stdout.split(":")[0]
    assert logisight("sessions", folder, "delete", session, "--yes").returncode == 0
    made_old(folder)
    assert logisight("sessions", folder, "tidy").returncode == 0
    (facts,) = json.loads(logisight("sessions", folder, "--json").stdout)
    assert (facts["id"], facts["turns"]) == (branch, 2)
    assert logisight("sessions", folder, "show", branch).returncode == 0


def test_tidy_takes_what_no_session_refers_to_and_nothing_else(product, tmp_path):
    folder, session = product
    before = contents(folder)
    with Sessions(open_product(str(folder))) as sessions:
        loose, put_again, new = (sessions.store.put(word) for word in (b"loose", b"again", b"new"))
        made_old(folder)
        sessions.store.put(b"again")
        os.utime(sessions.store.path(new))
        half_written = sessions.store.path(loose).with_name("tmp0123")
        half_written.write_bytes(b"x")
        os.utime(half_written, (0, 0))
        done = tidy(sessions, keep_days=30)
        assert done.contents == 2 and done.sessions == []
        assert contents(folder) == before | {put_again, new}
        assert len(sessions.turns(session)) == 4
        export_session(sessions, session, tmp_path)
    assert "(missing)" not in (tmp_path / "session.md").read_text(encoding="utf-8")


def test_tidy_deletes_sessions_that_were_not_used(product):
    folder, session = product
    with Sessions(open_product(str(folder))) as sessions:
        assert too_old(sessions, keep_days=1) == []
    made_old(folder)
    run = logisight("sessions", folder, "tidy", "--keep-days", 0, "--yes", "--json")
    done = json.loads(run.stdout)
    assert done["sessions"] == [session] and done["bytes"] > 100_000
    assert contents(folder) == set()
    assert not list((folder / "sessions" / "shown").iterdir())


def test_tidy_leaves_what_a_waiting_turn_needs_and_it_goes_on(product, monkeypatch):
    folder, session = product
    picture = next((folder / "references").glob("*.png"))
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{picture}\nretire rule 1 \n"))
    assert logisight("chat", folder, "--session", session).returncode == 1
    made_old(folder)
    before = contents(folder)
    with Sessions(open_product(str(folder))) as sessions:
        tidy(sessions, keep_days=1)
    assert contents(folder) == before
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    run = logisight("chat", folder, "--session", session)
    assert run.returncode == 0 and "no longer in the rulebook" in run.stdout


def test_tidy_takes_nothing_where_a_session_cannot_be_read(product):
    folder, session = product
    with Sessions(open_product(str(folder))) as sessions:
        sessions.store.path(sessions.head(session)).unlink()
        made_old(folder)
        before = contents(folder)
        with pytest.raises(SessionError, match=session):
            tidy(sessions, keep_days=30)
    assert contents(folder) == before


def test_a_tidy_beside_a_session_at_work_lets_it_be(product):
    folder, _ = product
    with Sessions(open_product(str(folder))) as sessions:
        database = sqlite3.connect(folder / "sessions" / "checkpoints.sqlite", isolation_level=None)
        database.execute("BEGIN IMMEDIATE")
        try:
            assert tidy(sessions, keep_days=30).sessions == []
        finally:
            database.close()


@pytest.mark.parametrize(
    "text, shown",
    [
        ("1. one", r"1\. one"),
        ("000.png", "000.png"),
        ("# head", r"\# head"),
        ("- item\n+ item", r"\- item + item"),
        ("a_b*c", r"a\_b\*c"),
        ("a\x1b[31m\u202e", r"a?\[31m?"),
    ],
)
def test_markdown_is_escaped(text, shown):
    assert escaped(text) == shown


def test_a_fence_is_longer_than_any_in_the_text():
    assert fenced("```\n````x").startswith("`````text\n")


@pytest.mark.parametrize("name", ["../../x.png", "..", "a/b\\c.png", "\0", "", "x" * 300, "CON<>:.png"])
def test_names_of_copies_are_safe(name):
    safe = safe_name(name)
    assert 0 < len(safe) <= 60 and not safe.startswith(".") and not set(safe) & set('/\\\0<>:"|?*')


def test_every_command_of_the_page_on_sessions_runs(product, tmp_path):
    folder, session = product
    (tmp_path / "logisight-demo").mkdir()
    (tmp_path / "logisight-demo" / "pushpin-box").symlink_to(folder)
    page = (REPOSITORY / "docs" / "sessions.md").read_text(encoding="utf-8")
    commands = [
        line[2:].replace("ID", session) for line in page.splitlines() if line.startswith("$ logisight")
    ]
    assert len(commands) >= 7
    for command in commands:
        run = logisight(*shlex.split(command)[1:], cwd=tmp_path)
        assert run.returncode == 0, f"{command}\n{run.stderr}"
    assert (tmp_path / "session" / "session.md").is_file() and (
        tmp_path / "session" / "session.json"
    ).is_file()
