"""The odds of a verdict are read where the model chose it."""

from __future__ import annotations

import math

import pytest
from langchain_core.messages import AIMessage
from logisight.agents.llm.odds import odds_of

WORDS = ["normal", "anomalous", "unsure"]


def told(*tokens):
    """An answer whose tokens are (token, {alternative: probability})."""
    content = [
        {
            "token": token,
            "logprob": math.log(among.get(token, 1.0)),
            "bytes": None,
            "top_logprobs": [
                {"token": other, "logprob": math.log(share), "bytes": None} for other, share in among.items()
            ],
        }
        for token, among in tokens
    ]
    text = "".join(token for token, _ in tokens)
    return AIMessage(text, response_metadata={"logprobs": {"content": content}})


CHOICE = {"normal": 0.2, "anomal": 0.6, "unsure": 0.1, "banana": 0.1}
OTHERWISE_CUT = {
    "the word alone": [
        ('{"', {}),
        ("verdict", {}),
        ('":', {}),
        (' "', {}),
        ("anomal", CHOICE),
        ('ous"}', {}),
    ],
    "with its quote": [
        ('{"verdict":', {}),
        (' "anomal', {f' "{word}': share for word, share in CHOICE.items()}),
        ('ous"}', {}),
    ],
    "with what follows": [
        ('{"verdict":"', {}),
        ('anomalous"', {'anomalous"': 0.6, 'normal",': 0.2, "unsure": 0.1}),
        ("}", {}),
    ],
    "on lines of their own": [("{\n  ", {}), ('"verdict"', {}), (" : ", {}), ('"', {}), ("anomal", CHOICE)],
}


@pytest.mark.parametrize("tokens", OTHERWISE_CUT.values(), ids=OTHERWISE_CUT)
def test_odds_are_shared_among_the_words(tokens):
    shares = odds_of(told(*tokens), "verdict", WORDS)
    assert shares == pytest.approx({"normal": 2 / 9, "anomalous": 6 / 9, "unsure": 1 / 9})


def test_a_word_in_another_field_is_not_read():
    tokens = [('{"reason": "', {}), ("normal", {"normal": 1.0}), ('", "verdict": "', {}), ("anomal", CHOICE)]
    assert odds_of(told(*tokens), "verdict", WORDS)["normal"] == pytest.approx(2 / 9)


def test_a_piece_that_begins_two_words_decides_nothing():
    tokens = [('{"verdict": "', {}), ("un", {"un": 0.8, "normal": 0.2})]
    assert odds_of(told(*tokens), "verdict", [*WORDS, "unclear"])["normal"] == 1


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"logprobs": None},
        {"logprobs": {}},
        {"logprobs": {"content": None}},
        {"logprobs": {"content": [{"token": 1}]}},
        {"logprobs": {"content": []}},
        {"logprobs": "high"},
    ],
)
def test_a_model_that_tells_no_odds_has_none(metadata):
    assert odds_of(AIMessage('{"verdict": "normal"}', response_metadata=metadata), "verdict", WORDS) is None


def test_an_answer_without_the_field_has_none():
    assert odds_of(told(('{"pins": ', {}), ("2}", {"2}": 1.0})), "verdict", WORDS) is None
