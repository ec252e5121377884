"""One model at a time: who takes the seat, who leaves it, and what becomes of what broke."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from logisight.agents.llm.seat import ModelBrokenError, Seat
from logisight.schema import ModelError


class Loaded:
    """Something that was loaded."""

    def __init__(self) -> None:
        self.open = True

    def close(self) -> None:
        self.open = False


def taken(seat: Seat, key: str) -> Loaded:
    with seat.taken(key, Loaded) as held:
        return held


def test_what_is_loaded_stays_for_the_next_question():
    seat = Seat()
    assert taken(seat, "one") is taken(seat, "one")


def test_another_one_closes_the_first():
    seat = Seat()
    first = taken(seat, "one")
    assert taken(seat, "two").open and not first.open
    assert taken(seat, "one") is not first


@pytest.mark.parametrize("leave", [Seat.leave, Seat.leave_if_idle])
def test_leaving_closes_ones_own_only(leave):
    seat = Seat()
    held = taken(seat, "one")
    leave(seat, "two")
    assert held.open
    leave(seat, "one")
    assert not held.open
    assert taken(seat, "one").open


def test_a_finalizer_closes_nothing_that_is_in_use():
    seat = Seat()
    with seat.taken("one", Loaded) as held:
        seat.leave_if_idle("one")
        assert held.open
    assert taken(seat, "one") is held


def test_one_question_at_a_time():
    seat, inside, most = Seat(), [], []
    barrier = threading.Barrier(8)

    def ask(_: int) -> None:
        barrier.wait()
        with seat.taken("one", Loaded):
            inside.append(1)
            time.sleep(0.001)
            most.append(len(inside))
            inside.pop()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    assert most == [1] * 8


@pytest.mark.parametrize(
    ("error", "stays"),
    [(ModelError("too long"), True), (ModelBrokenError("died"), False), (KeyboardInterrupt(), False)],
)
def test_what_was_interrupted_or_broke_is_not_asked_again(error, stays):
    seat = Seat()
    with pytest.raises(type(error)), seat.taken("one", Loaded) as held:
        raise error
    assert held.open is stays
    assert (taken(seat, "one") is held) is stays


def test_a_load_that_fails_leaves_the_seat_free():
    seat = Seat()
    first = taken(seat, "one")

    def fails() -> Loaded:
        raise ModelError("no such model")

    with pytest.raises(ModelError), seat.taken("two", fails):
        pass
    assert not first.open
    assert taken(seat, "two").open
