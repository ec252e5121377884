"""Generated texts: the parent survives them, answers each once and in time, and leaks nothing.

`python tests/fuzz.py --minutes 10` does the same for as long as one likes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from attack.fuzzing import descriptors, wrong_with
from attack.programs import programs
from attack.whole import Whole
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logisight.sandbox import Diagnostic, inspect_code
from logisight.sandbox.runner import compile_rule

SOME = settings(
    max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
MANY = settings(SOME, max_examples=400)


@pytest.fixture(scope="module")
def whole() -> Iterator[Whole]:
    with Whole() as whole:
        yield whole


@pytest.mark.skipif(sys.platform != "linux", reason="the jail of processes needs Linux")
@SOME
@given(texts=st.lists(programs(), min_size=1, max_size=3))
def test_jail_withstands_any_text(texts: list[str], whole: Whole) -> None:
    assert wrong_with(whole, texts) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the jail of processes needs Linux")
def test_any_text_leaves_no_descriptor(whole: Whole) -> None:
    wrong_with(whole, [])
    before = descriptors()

    @settings(SOME, max_examples=20)
    @given(texts=st.lists(programs(), min_size=1, max_size=2))
    def run(texts: list[str]) -> None:
        wrong_with(whole, texts)

    run()
    assert descriptors() <= before + 4 * 8, "more than the books that may stay compiled"


@pytest.mark.whole
@MANY
@given(text=programs())
@pytest.mark.filterwarnings("ignore")
def test_what_passes_the_gate_passes_restricted_python_wherever_it_is_python(text: str) -> None:
    if inspect_code(text) or "usual" in text:
        return
    try:
        compile(text, "<rule>", "exec", dont_inherit=True)
    except SyntaxError:
        return  # such as break outside a loop: the compiler alone knows
    assert not isinstance(compile_rule(text), Diagnostic)


@pytest.mark.whole
@MANY
@given(text=st.one_of(programs(), st.text(), st.text(alphabet=st.characters(exclude_categories=[]))))
@pytest.mark.filterwarnings("ignore")
def test_gate_answers_any_text_with_diagnostics(text: str) -> None:
    for found in inspect_code(text):
        assert str(found).isprintable()
        assert found.line >= 0
        assert found.column >= 0
        assert len(found.what) <= 500
        assert len(found.instead) <= 500
