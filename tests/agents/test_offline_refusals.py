"""What cannot be read in one way only is refused, at its words and with a sentence that can be read."""

from __future__ import annotations

import pytest
from logisight.agents.draft import Draft, Refusal, Request
from logisight.agents.offline import compile_sentence
from logisight.agents.offline.reader import grammar_words
from logisight.agents.offline.refuse import VAGUE
from logisight.agents.offline.words import LONGEST_SENTENCE

LABELS = [
    "nut",
    "washer",
    "long_screw",
    "short_screw",
    "box",
    "cable",
    "connector",
    "clamp",
    "bottle",
    "juice",
]
CONTAINERS = {"box": ["nut", "washer"], "bottle": ["juice", "cable"], "connector": ["clamp"]}


def refused(sentence, labels=LABELS, containers=CONTAINERS):
    answer = compile_sentence(Request(sentence=sentence, labels=labels, containers=containers))
    assert isinstance(answer, Refusal), answer
    return answer


REFUSED = [
    # words that are not known
    (
        "There are two bolts.",
        "bolts",
        'I do not know a part called "bolts"; this product has: nut, washer, long screw',
    ),
    ("There are two natts.", "natts", 'Did you mean "nut"?'),
    ("There are exacly two nuts.", "exacly", 'Did you mean "exactly"?'),
    ("There are two nuts in the bocks.", "bocks", 'Did you mean "box"?'),
    ("The nut wobbles.", "wobbles", 'I do not know the word "wobbles"'),
    ("The nut is inside the box, wedged.", "wedged", 'I do not know the word "wedged"'),
    ("There are two nuts!", "!", 'I cannot read the sign "!"'),
    ("There are 2/3 nuts", "/", 'I cannot read the sign "/"'),
    # words that say nothing that can be checked
    ("There are several nuts.", "several", "has no number"),
    ("There are about two nuts.", "about", "has no limits"),
    ("The nut is near the washer.", "near", "has no limit"),
    ("The box may contain two nuts.", "may", "asks for nothing"),
    ("The cable is red and it is long.", "it", "could mean several parts"),
    ("The nut is good.", "good", "says nothing that can be measured"),
    # forms that are not known
    ("Two nuts there are.", "there", 'I can read "Two nuts" but not "there" after it'),
    ("Of nuts there are two.", "Of", 'I cannot begin with "Of"'),
    ("There are two.", ".", 'but not "." after it'),
    ("There are two", "two", 'the sentence stops too early, after "two"'),
    ("The cable lies between the connectors.", "between", 'I can read "The cable lies" but not "between"'),
    ("The cable is 2 times longer than the box.", "longer", 'but not "longer" after it'),
    # two meanings
    ("The screw is red.", "The screw", '"the long screw" or "the short screw"'),
    (
        "The cable is aligned with the box.",
        "is aligned with the box",
        '"horizontally aligned" or "vertically aligned"',
    ),
    (
        "There are two nuts on the left of the box.",
        "the left of the box",
        '"the left half of the box" or "to the left',
    ),
    (
        "The box contains at least two nuts and one washer.",
        "one washer",
        'say "exactly" or repeat those words',
    ),
    ("The connectors have ten clamps.", "The connectors", 'say "each connector"'),
    ("The area of the nuts is at least 500 px.", "The area of the nuts", '"the total area of the nuts"'),
    (
        "The middle third holds one nut.",
        "The middle third",
        "between left and right or between top and bottom",
    ),
    ("The bottle has its usual fill level.", None, 'such as "the fill level of the cable in the bottle"'),
    ("The cable joins the box and the right one.", None, 'I do not know what "the right one" is'),
    # numbers that cannot be
    ("There are 2.5 nuts.", None, "parts are counted in whole numbers"),
    ("There are 300 px nuts.", None, 'not in "px"'),
    ("There are between 4 and 2 nuts.", "between 4 and 2", "put the smaller number first"),
    ("There are at least 0 nuts.", None, "says nothing; every picture keeps to it"),
    ("There are 99999999999 nuts.", "99999999999", "numbers go up to 1,000,000,000"),
    ("There are fewer than 0 nuts.", None, "there cannot be fewer than 0 parts"),
    ("The cable is exactly 300 px long.", None, 'say a range, such as "between 285 and 315 px"'),
    ("The cable is at least 50 % long.", None, 'a length is not given in "%"'),
    (
        "The length of the cable is 2 to 3 times the area of the box.",
        None,
        "a length cannot be compared with an area",
    ),
    ("The juice covers at least 120 % of the bottle.", None, "is no share"),
    ("There is one nut in each compartment of a 0 x 5 grid.", "0 x 5", "a grid has 1 to 50 rows, not 0"),
    ("In each of the 12 compartments (3 rows of 5) there is one nut.", None, "make 15 compartments, not 12"),
    ("There is one nut in each compartment.", "compartment", "I do not know how many compartments there are"),
    # claims that cannot be
    ("The cable is red and blue.", "is red and blue", 'say "is red or blue"'),
    (
        "If the cable has its usual length, the box is red.",
        None,
        "what is usual is learned and cannot be a condition",
    ),
    ("If each nut is red, the box is red.", None, "a condition can only be about one part or a number"),
    ("Two nuts are longer than the washer.", None, "I can count parts by their place, one colour"),
    ("Both connectors and the box touch each other.", None, "not of several connectors"),
    ("All three connectors are connected by the cable.", None, 'say "both connectors"'),
]


@pytest.mark.parametrize(("sentence", "words", "reason"), REFUSED, ids=lambda value: str(value)[:60])
def test_a_sentence_is_refused_at_its_words(sentence, words, reason):
    answer = refused(sentence)
    assert reason in answer.reason
    assert "\n" not in answer.reason
    if words is not None:
        assert sentence[answer.start : answer.end] == words
    assert 0 <= answer.start < answer.end <= len(sentence)


@pytest.mark.parametrize("sentence", [sentence for sentence, _, _ in REFUSED])
def test_the_nearest_sentence_can_be_read(sentence):
    answer = refused(sentence)
    assert isinstance(
        compile_sentence(Request(sentence=answer.nearest, labels=LABELS, containers=CONTAINERS)), Draft
    )


@pytest.mark.parametrize(
    ("sentence", "nearest"),
    [
        ("There are exacly two nuts.", "There are exactly two nuts."),
        ("There are two natts.", "There are two nuts."),
        ("There are about two nuts.", "There are two nuts."),
        (
            "The box contains at least two nuts and one washer.",
            "The box contains at least two nuts and exactly 1 washer.",
        ),
        ("There are two nuts on the left of the box.", "There are two nuts on the left half of the box."),
        ("The screw is red.", "The long screw is red."),
        ("The connectors have ten clamps.", "Each connector have ten clamps."),
        ("One washer there is in each compartment of a 3 x 5 grid", None),
    ],
)
def test_the_nearest_sentence_keeps_what_could_be_read(sentence, nearest):
    answer = refused(sentence)
    assert answer.nearest == nearest if nearest else "washer in each compartment" in answer.nearest


@pytest.mark.parametrize(
    ("labels", "sentence", "readings"),
    [
        (["tangerine", "mandarin"], "There are two oranges.", ['"tangerine"', '"mandarin"']),
        (["Nut", "nut"], "There are two nuts.", ['"nut"']),
        (["fruit_label", "bottom_label"], "The label is red.", ['"the fruit label"', '"the bottom label"']),
        (
            ["picture", "nut"],
            "The nut is in the left half of the picture.",
            ['within="picture"', 'scene.region("left half")'],
        ),
    ],
)
def test_words_that_name_two_parts_are_refused_with_both(labels, sentence, readings):
    answer = refused(sentence, labels=labels, containers={})
    assert all(reading in answer.reason for reading in readings)


@pytest.mark.parametrize("sentence", ["", "   ", "..", "?"])
def test_nothing_to_read_is_refused(sentence):
    assert refused(sentence).reason


def test_a_sentence_that_is_too_long_is_refused():
    assert str(LONGEST_SENTENCE) in refused("There are two nuts. " * 100).reason


def test_vague_words_are_no_words_of_the_grammar():
    assert not set(VAGUE) & set(grammar_words())


def test_a_product_without_parts_is_refused_without_a_nearest_sentence():
    answer = refused("There are two nuts.", labels=[], containers={})
    assert answer.nearest == ""
