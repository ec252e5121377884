"""Handles are opaque, compare as an honest author expects, and check what they are given."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from logisight.sandbox import Outcome
from logisight.schema import Evidence

ADDRESS = re.compile(r"0x[0-9a-f]{4,}")


def rule(body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f"def check(scene):\n{lines}"


@pytest.mark.parametrize(
    "condition",
    [
        "scene.parts('pin')[0] == scene.parts('pin')[0]",
        "scene.parts('pin')[0] != scene.parts('pin')[1]",
        "scene.part('box') in scene.parts('box')",
        "scene.part('box') not in scene.parts('pin')",
        "scene.part('box') != 'box' and scene.part('box') is not None",
        "len(set(scene.parts('pin') + scene.parts('pin'))) == 15",
        "scene.parts('pin').index(scene.parts('pin')[3]) == 3",
        "len({p: p.area for p in scene.parts('pin')}) == 15",
        "scene.region('whole') == scene.region('whole')",
        "scene.region('left half') != scene.region('right half')",
        "scene.grid(1, 2)[0] in scene.grid(1, 2)",
        "scene.part('box') != scene.region('whole', within='box')",
        "[p for p in scene.parts('pin') if p != scene.parts('pin')[0]] == scene.parts('pin')[1:]",
        "sorted(scene.parts('pin'), key=lambda p: -p.center[0])[0].center[0] > 200",
        "max(scene.parts('pin'), key=lambda p: p.center[1]).center[1] > 100",
        "min(scene.parts('clamp'), key=lambda p: p.center[0]) == scene.parts('clamp')[0]",
        "scene.size == (600, 400) and len(scene.labels) == 8",
        "scene.part('juice').inside(scene.part('bottle'))",
    ],
)
def test_handles_compare_and_sort(condition: str, run_here: Callable[[str], Outcome]) -> None:
    outcome = run_here(rule(f"expect({condition}, 'matching', 'x')"))
    assert outcome.status == "ok", outcome.message
    assert outcome.expectations[0].passed


@pytest.mark.parametrize(
    "shown", ["scene", "scene.part('box')", "scene.grid(2, 2)", "{1: scene.part('box')}"]
)
def test_shown_handles_hold_no_address(shown: str, run_here: Callable[[str], Outcome]) -> None:
    outcome = run_here(rule(f"x = {shown}\nexpect(True, 'size', f'{{x}}', actual=str(x))"))
    assert outcome.status == "ok", outcome.message
    assert not ADDRESS.search(outcome.expectations[0].reason)


REFUSED_AND_TAKEN = {
    "label must be a text": ("scene.parts(3)", "scene.parts('pin')"),
    "label must be short": ("scene.parts('p' * 501)", "scene.parts('pin' * 1)"),
    "rows must be whole": ("scene.grid(2.0, 2)", "scene.grid(2, 2)"),
    "rows must not be bool": ("scene.grid(True, 2)", "scene.grid(1, 2)"),
    "argument is missing": ("scene.grid(2)", "scene.grid(2, columns=2)"),
    "too many arguments": ("scene.parts('pin', 1)", "scene.parts('pin')"),
    "unknown keyword": ("scene.grid(2, 2, inside='box')", "scene.grid(2, 2, within='box')"),
    "argument given twice": ("scene.grid(2, 2, rows=2)", "scene.grid(columns=2, rows=2)"),
    "other must be a shape": (
        "scene.part('box').inside('bottle')",
        "scene.part('box').inside(scene.part('bottle'))",
    ),
    "other must not be the scene": (
        "scene.part('box').inside(scene)",
        "scene.part('box').inside(scene.region('whole'))",
    ),
    "other must not be a list": (
        "scene.part('box').overlap([])",
        "scene.part('box').overlap(scene.part('box'))",
    ),
    "share must be finite": (
        "scene.part('box').touches(scene.part('tag'), float('nan'))",
        "scene.part('box').touches(scene.part('tag'), 1)",
    ),
    "within must be a place": ("scene.fill_level('juice', None)", "scene.fill_level('juice', 'bottle')"),
    "within may be left out": ("scene.region(within='box')", "scene.region('center')"),
    "region lists only parts": ("scene.region('center').parts()", "scene.region('center').parts('pin')"),
    "no order of parts": ("max(scene.parts('pin'))", "max(p.area for p in scene.parts('pin'))"),
    "parts are no numbers": ("scene.part('box') + 1", "scene.part('box').area + 1"),
    "attributes are no methods": ("scene.part('box').area()", "scene.part('box').area"),
}


@pytest.mark.parametrize("name", REFUSED_AND_TAKEN)
def test_wrong_use_is_an_error_with_line_and_its_twin_runs(
    name: str, run_here: Callable[[str], Outcome]
) -> None:
    wrong, right = REFUSED_AND_TAKEN[name]
    outcome = run_here(rule(f"x = {wrong}\nexpect(True, 'size', 'x')"))
    assert (outcome.status, outcome.line) == ("rule_error", 2)
    assert not ADDRESS.search(outcome.message)
    assert "Handle" not in outcome.message
    assert run_here(rule(f"x = {right}\nexpect(True, 'size', 'x')")).status == "ok"


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("scene.parts('pushpin')", "pin"),
        ("scene.part('washer')", "expected exactly one 'washer', saw 0"),
        ("scene.part('pin')", "saw 15"),
        ("scene.region('upper half')", "top half"),
        ("scene.grid(0, 3)", "rows"),
    ],
)
def test_what_the_scene_cannot_answer_is_undecided(
    question: str, words: str, run_here: Callable[[str], Outcome]
) -> None:
    outcome = run_here(rule(f"x = {question}\nexpect(True, 'size', 'x')"))
    assert (outcome.status, outcome.line) == ("undecided", 2)
    assert words in outcome.message
    assert outcome.expectations == []


def test_expectation_carries_parts_by_place_and_regions_as_evidence(
    run_here: Callable[[str], Outcome],
) -> None:
    shown = "[scene.parts('pin')[1], scene.grid(1, 2)[0]]"
    body = f"expect(False, 'position', 'a\\n b\\t\\x1b[1m', (1, 2.5), 3, {shown})"
    made = run_here(rule(body)).expectations[0]
    assert (made.passed, made.kind, made.reason) == (False, "position", "a b [1m")
    assert (made.expected, made.actual) == ((1.0, 2.5), 3)
    assert made.parts[0] == 2
    assert isinstance(made.parts[1], Evidence)
    assert made.parts[1].label == "row 1 column 1"
    assert made.parts[1].box == (0, 0, 300, 400)
    assert made.parts[1].outline


BAD_AND_GOOD_EXPECT = {
    "condition must be a bool": ("1, 'size', 'x'", "1 == 1, 'size', 'x'"),
    "condition must not be a function": ("len, 'size', 'x'", "len('a') == 1, 'size', 'x'"),
    "condition must not be a list": (
        "scene.parts('pin'), 'size', 'x'",
        "bool(scene.parts('pin')), 'size', 'x'",
    ),
    "kind must be one of four": ("True, 'colour', 'x'", "True, 'matching', 'x'"),
    "kind must be a text": ("True, ['size'], 'x'", "True, 'size', 'x'"),
    "kind is needed": ("True, reason='x'", "True, kind='size', reason='x'"),
    "reason must be a text": ("True, 'size', 5", "True, 'size', str(5)"),
    "reason must not be empty": ("True, 'size', ' '", "True, 'size', '.'"),
    "reason must be short": ("True, 'size', 'x' * 501", "True, 'size', 'x' * 500"),
    "reason must not be a bomb": ("True, 'size', 'x' * 10 ** 6", "True, 'size', 'x' * 10"),
    "actual must be finite": (
        "True, 'size', 'x', actual=float('inf')",
        "True, 'size', 'x', actual=float('1')",
    ),
    "actual must be a number": ("True, 'size', 'x', actual=float('nan')", "True, 'size', 'x', actual=0.0"),
    "actual must not be huge": (
        "True, 'size', 'x', actual=10 ** 10 * 10 ** 10",
        "True, 'size', 'x', actual=10 ** 10",
    ),
    "actual must be plain": ("True, 'size', 'x', actual=[1]", "True, 'size', 'x', actual=len([1])"),
    "actual must not be a part": (
        "True, 'size', 'x', actual=scene.part('box')",
        "True, 'size', 'x', actual=scene.part('box').label",
    ),
    "actual must be short": ("True, 'size', 'x', actual='x' * 501", "True, 'size', 'x', actual='x' * 500"),
    "expected must not be a function": (
        "True, 'size', 'x', expected=max",
        "True, 'size', 'x', expected=max(1, 2)",
    ),
    "range must have two ends": (
        "True, 'size', 'x', expected=(1, 2, 3)",
        "True, 'size', 'x', expected=(1, 3)",
    ),
    "range must be in order": ("True, 'size', 'x', expected=(3, 1)", "True, 'size', 'x', expected=(1, 1)"),
    "range must hold numbers": (
        "True, 'size', 'x', expected=('a', 'b')",
        "True, 'size', 'x', expected='a to b'",
    ),
    "range must be finite": (
        "True, 'size', 'x', expected=(1, float('inf'))",
        "True, 'size', 'x', expected=(-10 ** 10, 10 ** 10)",
    ),
    "parts must be a list": (
        "True, 'size', 'x', parts=scene.part('box')",
        "True, 'size', 'x', parts=[scene.part('box')]",
    ),
    "parts must not be texts": (
        "True, 'size', 'x', parts=['box']",
        "True, 'size', 'x', parts=scene.parts('box')",
    ),
    "parts must not hold the scene": (
        "True, 'size', 'x', parts=[scene]",
        "True, 'size', 'x', parts=(scene.region('whole'),)",
    ),
    "no further arguments": ("True, 'size', 'x', None, None, (), 1", "True, 'size', 'x', None, None, ()"),
}


def test_of_very_many_parts_the_first_are_kept(run_here: Callable[[str], Outcome]) -> None:
    outcome = run_here(rule("expect(True, 'size', 'x', parts=scene.parts('box') * 300)"))
    assert (outcome.status, len(outcome.expectations[0].parts)) == ("ok", 200)


@pytest.mark.parametrize("name", BAD_AND_GOOD_EXPECT)
def test_garbage_given_to_expect_is_an_error_with_line(name: str, run_here: Callable[[str], Outcome]) -> None:
    bad, good = BAD_AND_GOOD_EXPECT[name]
    outcome = run_here(rule(f"expect({bad})"))
    assert (outcome.status, outcome.line) == ("rule_error", 2)
    assert outcome.expectations == []
    assert run_here(rule(f"expect({good})")).status == "ok"
