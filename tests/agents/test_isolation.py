"""The policy: what grade of isolation is asked for, and what happens where the machine gives less."""

from __future__ import annotations

import logging

import pytest
from logisight.agents import isolation
from logisight.agents.isolation import VARIABLE, open_jail
from logisight.sandbox import Isolation
from logisight.sandbox.layers import Layer
from logisight.schema import Grade, IsolationError, SandboxError

MADE = {
    Grade.full: Isolation(Grade.full),
    Grade.degraded: Isolation(Grade.degraded, {Layer.landlock: "the kernel is too old"}),
    Grade.unsafe: Isolation(Grade.unsafe, through=("read a file",)),
}


class Jail:
    """A jail of a given grade."""

    opened: list[Jail]

    def __init__(self) -> None:
        self.closed = False
        self.opened.append(self)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def machine(monkeypatch):
    """Makes this machine one of a given grade; answers the list of the jails that are opened on it."""
    monkeypatch.delenv(VARIABLE, raising=False)
    isolation._warn.cache_clear()

    def of(grade: Grade) -> list[Jail]:
        jail = type("JailOfGrade", (Jail,), {"isolation": MADE[grade], "opened": []})
        monkeypatch.setattr(isolation, "make_jail", jail)
        return jail.opened

    yield of
    isolation._warn.cache_clear()


@pytest.mark.parametrize(
    ("given", "asked", "variable"),
    [
        (Grade.full, None, None),
        (Grade.full, Grade.full, None),
        (Grade.full, None, "full"),
        (Grade.degraded, None, None),
        (Grade.degraded, Grade.degraded, "full"),  # the option wins
        (Grade.unsafe, Grade.unsafe, None),
        (Grade.unsafe, None, "unsafe"),
    ],
)
def test_jail_that_holds_what_is_asked_is_opened(given, asked, variable, machine, monkeypatch):
    opened = machine(given)
    monkeypatch.setenv(VARIABLE, variable or "")
    assert open_jail(asked) is opened[0]
    assert not opened[0].closed


@pytest.mark.parametrize(
    ("given", "asked", "variable"),
    [
        (Grade.degraded, Grade.full, None),
        (Grade.degraded, None, "full"),
        (Grade.degraded, Grade.full, "degraded"),
        (Grade.unsafe, Grade.degraded, None),
        (Grade.unsafe, None, None),
    ],
)
def test_rules_are_refused_below_what_is_asked(given, asked, variable, machine, monkeypatch):
    opened = machine(given)
    monkeypatch.setenv(VARIABLE, variable or "")
    with pytest.raises(IsolationError) as caught:
        open_jail(asked)
    assert str(MADE[given]) in str(caught.value)
    assert "logisight doctor" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert opened[0].closed


def test_what_is_missing_is_said_once_where_nothing_was_asked_for(machine, caplog):
    machine(Grade.degraded)
    with caplog.at_level(logging.WARNING):
        open_jail()
        open_jail()
    (said,) = caplog.messages
    assert "degraded: Landlock: the kernel is too old" in said


@pytest.mark.parametrize(("given", "asked"), [(Grade.full, None), (Grade.degraded, Grade.degraded)])
def test_nothing_is_said_of_a_full_jail_or_to_who_has_asked(given, asked, machine, caplog):
    machine(given)
    with caplog.at_level(logging.WARNING):
        open_jail(asked)
    assert caplog.messages == []


def test_variable_that_names_no_grade_is_an_error(machine, monkeypatch):
    machine(Grade.full)
    monkeypatch.setenv(VARIABLE, "complete")
    with pytest.raises(SandboxError, match=r"'complete', .* there are: full, degraded, unsafe"):
        open_jail()
