"""Answers of chat models are read whole or turned down with a reason."""

from __future__ import annotations

import json

import pytest
from logisight.agents.llm.answers import LONGEST_ANSWER, read_answer
from logisight.schema import AuthorError
from pydantic import BaseModel, ConfigDict, TypeAdapter


class Pins(BaseModel):
    model_config = ConfigDict(extra="forbid")
    pins: int
    words: str = ""


SHAPE = TypeAdapter(Pins)
TWO = '{"pins": 2, "words": "a } and a ```"}'


@pytest.mark.parametrize(
    "text",
    [
        TWO,
        f"```json\n{TWO}\n```",
        f"```\n{TWO}```",
        f"\n {TWO} \n",
        f"Sure! Here it is:\n{TWO}\nShall I go on?",
        f"A set {{a, b}} of [two].\n{TWO}",
        f"{TWO}\n{TWO}",
        json.dumps(json.loads(TWO), indent=2),
    ],
)
def test_json_may_stand_in_prose_and_in_a_fence(text):
    assert read_answer(text, SHAPE) == Pins(pins=2, words="a } and a ```")


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "[" * 100_000, "{}", '{"pins": "many"}', "é" * 10, TWO[:-3], '{"pins": 1, "more": 2}'],
)
def test_other_answers_are_errors(text):
    with pytest.raises(AuthorError, match="not the JSON"):
        read_answer(text, SHAPE)


def test_two_answers_that_differ_are_no_answer():
    with pytest.raises(AuthorError, match="several that differ"):
        read_answer('{"pins": 1} or rather {"pins": 2}', SHAPE)


def test_what_stands_beyond_the_longest_answer_is_not_read():
    with pytest.raises(AuthorError, match="not the JSON"):
        read_answer(" " * LONGEST_ANSWER + TWO, SHAPE)


def test_an_error_names_the_field_in_one_line():
    with pytest.raises(AuthorError, match=r"\(pins: Input should be a valid integer.*\)$") as caught:
        read_answer('{"pins": "many\\nmore"}', SHAPE)
    assert str(caught.value).isprintable()
