"""What a vision-language model may answer, how it is read, and where it points."""

from __future__ import annotations

import json

import pytest
from logisight.agents.llm.answers import read_answer
from logisight.prompts import (
    InspectionPrompt,
    Mark,
    MarkedPicture,
    Opinion,
    SentPicture,
    pointed_at,
)
from logisight.schema import AuthorError
from pydantic import TypeAdapter

SHAPE = TypeAdapter(Opinion)
PICTURE = SentPicture("a", b"\xff\xd8\xff", "image/jpeg", 100, 80)
MARKED = MarkedPicture(PICTURE, (Mark(1, "nut", (10, 10, 20, 20)), Mark(2, "bolt", (50, 40, 70, 60))))
PROMPT = InspectionPrompt(PICTURE, (1000, 400), marked=MARKED)
ANSWER = {
    "verdict": "anomalous",
    "reason": "A nut is missing.",
    "kind": "quantity",
    "boxes": [[1, 2, 30, 40]],
    "marks": [2],
    "confidence": 0.9,
}


def read(**changes) -> Opinion:
    return read_answer(json.dumps(ANSWER | changes), SHAPE)


def test_the_verdict_is_the_first_thing_in_the_schema():
    schema = SHAPE.json_schema()
    assert next(iter(schema["properties"])) == "verdict"
    assert next(iter(Opinion.model_fields)) == "verdict"


def test_the_schema_wants_every_field_and_no_other():
    schema = SHAPE.json_schema()
    assert schema["required"] == list(schema["properties"])
    assert schema["additionalProperties"] is False
    assert "$defs" not in schema
    assert "default" not in json.dumps(schema)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ANSWER),
        json.dumps(ANSWER, indent=2),
        f"```json\n{json.dumps(ANSWER)}\n```",
        f"Let me look. {json.dumps(ANSWER)} I hope that helps.",
        json.dumps(dict(reversed(ANSWER.items()))),
    ],
    ids=["one line", "indented", "fenced", "prose", "other order"],
)
def test_an_answer_is_read_however_it_is_written(text):
    assert read_answer(text, SHAPE) == Opinion(**ANSWER)


def test_fractions_of_pixels_and_places_beyond_the_edge_are_read():
    assert read(boxes=[[-3, 1.6, 30.2, 1e4]]).boxes == [[0, 2, 30, 10_000]]


def test_an_escaped_quote_is_kept():
    assert read(reason='It says "no".').reason == 'It says "no".'


def test_a_long_reason_is_cut():
    assert len(read(reason="a" * 5000).reason) == 600


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "yes"},
        {"verdict": True},
        {"kind": "colour"},
        {"boxes": [[1, 2, 3]]},
        {"boxes": [["a", 2, 3, 4]]},
        {"boxes": [[1, 2, 3, 1e300]]},
        {"boxes": [[1, 2, 3, float("nan")]]},
        {"boxes": [[0, 0, 1, 1]] * 21},
        {"confidence": 1.2},
        {"confidence": "high"},
        {"marks": ["two"]},
        {"note": "more"},
    ],
    ids=str,
)
def test_an_answer_that_does_not_fit_is_one_line(changes):
    with pytest.raises(AuthorError, match="not the JSON that was asked for") as raised:
        read(**changes)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("missing", ANSWER)
def test_an_answer_that_lacks_something_is_one_line(missing):
    with pytest.raises(AuthorError, match="not the JSON that was asked for"):
        read_answer(json.dumps({key: value for key, value in ANSWER.items() if key != missing}), SHAPE)


def test_a_cut_off_answer_is_one_line():
    with pytest.raises(AuthorError, match="not the JSON that was asked for"):
        read_answer(json.dumps(ANSWER)[:-20], SHAPE)


def test_marks_and_boxes_are_pointed_at_in_pixels_of_the_full_size():
    mark, box = pointed_at(read(), PROMPT)
    assert (mark.label, mark.box) == ("bolt", (500, 200, 700, 300))
    assert (box.label, box.box, box.confidence) == ("seen by the model", (10, 10, 300, 200), 0.9)


def test_marks_that_there_are_not_and_boxes_of_nothing_are_left_out():
    assert (
        pointed_at(read(marks=[0, 3, -1], boxes=[[9, 9, 9, 20], [200, 5, 300, 9], [30, 5, 20, 9]]), PROMPT)
        == []
    )


def test_a_mark_that_is_named_twice_is_pointed_at_once_and_a_box_is_cut_at_the_edge():
    mark, box = pointed_at(read(marks=[1, 1], boxes=[[90, 70, 500, 500]]), PROMPT)
    assert mark.box == (100, 50, 200, 100)
    assert box.box == (900, 350, 1000, 400)
