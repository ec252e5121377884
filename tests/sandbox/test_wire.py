"""What crosses the wall outwards: outcomes whose form nobody can forge."""

from __future__ import annotations

import json
from typing import Any

import pytest
from logisight.sandbox.outcome import MAX_NUMBER, MAX_PARTS, MAX_TEXT
from logisight.sandbox.wire import BadOutputError, read_outcome

EXPECTATION: dict[str, Any] = {"passed": True, "kind": "size", "reason": "fine"}


def line(expectation: dict[str, Any] | None = None, **fields: Any) -> bytes:
    made = {"number": 3, "status": "ok", "expectations": [{**EXPECTATION, **(expectation or {})}], **fields}
    return json.dumps(made).encode()


def evidence(**fields: Any) -> dict[str, Any]:
    return {"parts": [{"label": "cell", "box": [0, 0, 1, 1], **fields}]}


BAD_AND_GOOD = {
    "nothing": (b"", line()),
    "no JSON": (b"ok", line()),
    "no object": (b"[]", line()),
    "half a record": (line()[:-5], line()),
    "two records": (line() + line(), line()),
    "pickle": (b"\x80\x04N.", line()),
    "no UTF-8": (b'{"number": 3, "status": "\xff"}', line()),
    "deep": (b"[" * 100_000, line()),
    "deep object": (b'{"a":' * 100_000, line()),
    "huge integer": (line().replace(b"3", b"9" * 5000), line()),
    "NaN": (line({"actual": float("nan")}), line({"actual": 0.5})),
    "infinity": (line({"actual": float("inf")}), line({"actual": -0.5})),
    "overflowing float": (
        line({"actual": 7}).replace(b"7", b"1e999"),
        line({"actual": 7}).replace(b"7", b"1e9"),
    ),
    "number beyond all use": (line({"actual": 10**16}), line({"actual": int(MAX_NUMBER)})),
    "duplicate key": (line().replace(b'"number"', b'"number": 3, "number"'), line()),
    "duplicate key inside": (line().replace(b'"kind"', b'"kind": "size", "kind"'), line()),
    "unknown field": (line(extra=1), line(seconds=1)),
    "unknown field inside": (line({"extra": 1}), line({"actual": 1})),
    "another rule": (line(number=4), line(number=3)),
    "number as text": (line(number="four"), line(number=3)),
    "unknown status": (line(status="passed"), line(status="ok")),
    "status of the parent": (
        line(status="timeout", expectations=[]),
        line(status="undecided", expectations=[]),
    ),
    "refused by itself": (
        line(status="refused", expectations=[]),
        line(status="rule_error", expectations=[]),
    ),
    "ok without expectations": (line(expectations=[]), line(status="bad_output", expectations=[])),
    "expectations without ok": (line(status="rule_error"), line(status="ok")),
    "passed is no bool": (line({"passed": 1}), line({"passed": False})),
    "unknown kind": (line({"kind": "colour"}), line({"kind": "matching"})),
    "empty reason": (line({"reason": ""}), line({"reason": "x"})),
    "long reason": (line({"reason": "x" * (MAX_TEXT + 1)}), line({"reason": "x" * MAX_TEXT})),
    "terminal escape in reason": (line({"reason": "\x1b[31m"}), line({"reason": "[31m"})),
    "newline in reason": (line({"reason": "a\nb"}), line({"reason": "a b"})),
    "bidi mark in reason": (line({"reason": "a\u202eb"}), line({"reason": "ab"})),
    "surrogate in reason": (line({"reason": "\ud800"}), line({"reason": "\u00e4"})),
    "control in message": (line(message="\x07"), line(message="beep")),
    "long actual": (line({"actual": "x" * (MAX_TEXT + 1)}), line({"actual": "x" * MAX_TEXT})),
    "control in actual": (line({"actual": "\x07"}), line({"actual": "beep"})),
    "object as actual": (line({"actual": {}}), line({"actual": None})),
    "range out of order": (line({"expected": [2, 1]}), line({"expected": [1, 2]})),
    "range of three": (line({"expected": [1, 2, 3]}), line({"expected": [1, 2]})),
    "infinite range": (line({"expected": [1, 2]}).replace(b"2]", b"1e999]"), line({"expected": [1, 2]})),
    "part past the end": (line({"parts": [5]}), line({"parts": [4]})),
    "negative part": (line({"parts": [-1]}), line({"parts": [0]})),
    "bool as part": (line({"parts": [True]}), line({"parts": [1]})),
    "too many parts": (line({"parts": [0] * (MAX_PARTS + 1)}), line({"parts": [0] * MAX_PARTS})),
    "evidence without box": (line({"parts": [{"label": "cell"}]}), line(evidence())),
    "evidence at infinity": (
        line(evidence(box=[0, 0, 1, 7])).replace(b"7", b"1e999"),
        line(evidence(box=[0, 0, 1, 7])),
    ),
    "evidence with escapes": (line(evidence(label="\x1b[1m")), line(evidence(label="row 1"))),
    "evidence with a long label": (line(evidence(label="x" * 501)), line(evidence(label="x" * 500))),
    "evidence with a huge outline": (
        line(evidence(outline=[[[0, 0]] * 10_001])),
        line(evidence(outline=[[[0, 0]] * 100])),
    ),
    "negative time": (line(seconds=-1), line(seconds=0)),
}


@pytest.mark.parametrize("name", BAD_AND_GOOD)
def test_only_a_well_formed_outcome_is_read(name: str) -> None:
    bad, good = BAD_AND_GOOD[name]
    with pytest.raises(BadOutputError):
        read_outcome(bad, place=3, parts=5)
    assert read_outcome(good, place=3, parts=5).number == 3
