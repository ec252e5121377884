"""Data in prompts: says what it says, and nothing in it is a sign to a tokenizer."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logisight.agents.draft import Request
from logisight.prompts import PromptError, author_messages, judge_messages
from logisight.prompts.quoting import LONGEST_DATA, LONGEST_STRING, quoted
from signs import INVISIBLE, SIGNS

ANY_TEXT = st.text(st.characters(), max_size=40)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN)
def test_reading_the_json_gives_the_data_back(data):
    assert json.loads(quoted(data)) == data


@given(PLAIN)
def test_it_is_one_line_of_what_can_be_seen(data):
    assert quoted(data).isprintable()


@pytest.mark.parametrize("sign", SIGNS)
def test_no_sign_of_a_tokenizer_stands_in_it(sign):
    data = {sign: [sign, f"a{sign}b", sign * 3, f"\\{sign}", f'"{sign}"']}
    assert sign not in quoted(data)
    assert json.loads(quoted(data)) == data


@given(st.lists(st.sampled_from([*SIGNS, *INVISIBLE, " ", "a", "\\", '"', "<", "[", "|"]), max_size=6))
def test_no_sign_stands_in_it_whatever_is_round_it(pieces):
    text = quoted("".join(pieces))
    assert not any(sign in text for sign in SIGNS)


@pytest.mark.parametrize("character", INVISIBLE)
def test_what_cannot_be_seen_is_written_out(character):
    assert character not in quoted(f"good{character}bad")


@pytest.mark.parametrize(
    "text", ["if a <= b[0] < c:", "x -> y | z", "[1, 2]", "Größe 12 µm", "ネジが二本", "2 < 3 > 1"]
)
def test_code_and_words_stay_readable(text):
    assert quoted(text) == json.dumps(text, ensure_ascii=False)


def test_lists_and_the_words_of_json_stay_what_they_are():
    assert quoted([True, None, [False]]) == "[true, null, [false]]"


def test_a_long_string_is_cut_and_says_so():
    text = quoted({"k" * 3 * LONGEST_STRING: "v" * (LONGEST_STRING + 7)})
    assert len(text) < 2 * LONGEST_STRING + 100
    assert "v… (7 more characters)" in text


def test_a_string_that_just_fits_is_whole():
    assert quoted("v" * 50, longest=50) == f'"{"v" * 50}"'


def test_too_much_data_is_one_line():
    with pytest.raises(PromptError, match="too much for a prompt") as raised:
        quoted(["a" * 1000] * (LONGEST_DATA // 1000 + 1))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("sign", SIGNS)
def test_no_sign_reaches_the_author(sign):
    request = Request(
        sentence=f"There is one {sign}.",
        labels=[sign],
        containers={sign: [sign]},
        synonyms={f"my {sign}": sign},
    )
    messages = author_messages("the language", request.model_dump(), f"x = '{sign}'", [f"line 1: {sign}"])
    assert not any(sign in message.text for message in messages)


@pytest.mark.parametrize("sign", SIGNS)
def test_no_sign_reaches_the_judge_of_reasons(sign):
    assert not any(sign in message.text for message in judge_messages([sign], [f"no {sign}"]))


def special_tokenizer():
    """A tokenizer that reads each of SIGNS as one special token, wherever it stands."""
    transformers = pytest.importorskip("transformers", reason="the package `transformers` is not installed")
    tokenizers = pytest.importorskip("tokenizers", reason="the package `tokenizers` is not installed")
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    bytewise = tokenizers.Tokenizer(tokenizers.models.BPE({sign: n for n, sign in enumerate(alphabet)}, []))
    bytewise.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=bytewise)
    tokenizer.add_special_tokens({"additional_special_tokens": list(SIGNS)})
    return tokenizer


def test_a_real_tokenizer_reads_no_special_token_in_it():
    tokenizer = special_tokenizer()
    special = set(tokenizer.convert_tokens_to_ids(list(SIGNS)))
    # The tokenizer does read them where they are not quoted, which shows that the quotes do it.
    assert special <= set(tokenizer("".join(SIGNS))["input_ids"])
    for data in ("".join(SIGNS), list(SIGNS), {sign: sign for sign in SIGNS}):
        assert not special & set(tokenizer(quoted(data))["input_ids"])
