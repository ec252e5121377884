"""Controlled English is read in one way only, into checks that say what the sentence says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logisight.agents.draft import Draft, Refusal, Request
from logisight.agents.offline import compile_sentence, readable_sentences
from logisight.agents.offline.clauses import Clauses
from logisight.agents.offline.forms import FORMS
from logisight.agents.offline.reader import grammar
from logisight.sandbox import inspect_code

LABELS = [
    *["nut", "washer", "long_screw", "short_screw", "box", "cable", "connector", "clamp", "juice", "bottle"],
    *["center_label", "cherry", "pushpin", "cereals", "almond", "tangerine", "cap"],
]
CONTAINERS = {
    "box": ["nut", "washer", "long_screw", "short_screw", "pushpin", "cereals", "almond", "tangerine"],
    "bottle": ["juice", "center_label", "cherry", "cap"],
    "center_label": ["cherry"],
    "connector": ["clamp"],
}


def request(sentence, labels=LABELS, containers=CONTAINERS, synonyms=None):
    return Request(sentence=sentence, labels=labels, containers=containers, synonyms=synonyms or {})


def read(sentence, **product):
    draft = compile_sentence(request(sentence, **product))
    assert isinstance(draft, Draft), draft
    assert inspect_code(draft.code) == []
    return draft


def table():
    text = Path(__file__).with_name("test_offline_sentences.txt").read_text(encoding="utf-8")
    rows = [block.splitlines() for block in text.split("\n\n")[1:]]
    return [(sentence, *about.strip().split(": "), facts) for sentence, about, *facts in rows]


def python(code):
    """Every expression and block header of a code, in one spelling."""
    nodes = list(ast.walk(ast.parse(code)))
    tests = {f"if {ast.unparse(node.test)}" for node in nodes if isinstance(node, ast.If)}
    return tests | {ast.unparse(node) for node in nodes if isinstance(node, ast.expr)}


@pytest.mark.parametrize(
    ("sentence", "kind", "labels", "breaks", "facts"), table(), ids=lambda value: str(value)[:60]
)
def test_a_sentence_becomes_its_check(sentence, kind, labels, breaks, facts):
    draft = read(sentence)
    assert draft.kind == kind
    assert draft.labels == labels.split(", ")
    assert [str(edit) for edit in draft.breaks] == breaks.split(", ")
    said = python(draft.code)
    for fact in facts:
        header = "if " if fact.strip().startswith("if ") else ""
        assert header + ast.unparse(ast.parse(fact.strip().removeprefix("if "))) in said


def test_the_table_is_large():
    assert len(table()) > 150


@pytest.mark.parametrize(
    "sentence", ["There are two nuts.", "The screw is red.", "The cable has its usual colour."]
)
def test_the_same_sentence_gives_the_same_answer(sentence):
    assert compile_sentence(request(sentence)) == compile_sentence(request(sentence))


def test_the_code_tells_the_sentence_first():
    sentence = "There are exactly two nuts."
    assert ast.get_docstring(ast.parse(read(sentence).code)) == sentence


def test_one_expectation_for_each_thing_said():
    code = read("There are two nuts, three washers and no caps.").code
    assert code.count("expect(\n") == 3


# ---- words for parts ----


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("long screw", "long_screw"),
        ("Long-Screws", "long_screw"),
        ("long_screw", "long_screw"),
        ("centre label", "center_label"),
        ("center labels", "center_label"),
        ("push pin", "pushpin"),
        ("thumbtacks", "pushpin"),
        ("cherries", "cherry"),
        ("boxes", "box"),
        ("cereal", "cereals"),
        ("mandarin", "tangerine"),
        ("wires", "cable"),
        ("label", "center_label"),
        ("lenses", "lens"),
        ("batteries", "battery"),
    ],
)
def test_labels_are_named_as_people_name_them(said, label):
    assert read(f"There are at least 2 {said}.", labels=[*LABELS, "lens", "battery"]).labels == [label]


def test_a_head_word_names_every_label_that_ends_with_it():
    assert read("There are two screws.").labels == ["long_screw", "short_screw"]


def test_the_synonyms_of_the_product_win():
    assert read("There are two pins.", synonyms={"pin": "nut"}).labels == ["nut"]
    assert read("There are two lock rings.", synonyms={"lock ring": "washer"}).labels == ["washer"]


def test_a_synonym_for_nothing_is_refused():
    answer = compile_sentence(request("There are two pins.", synonyms={"pin": "needle"}))
    assert isinstance(answer, Refusal)
    assert '"needle"' in answer.reason


def test_a_colour_word_that_is_also_a_label_is_told_from_it():
    labels = ["orange", "juice", "label"]
    code = read("If the juice is orange, the label shows an orange.", labels=labels, containers={}).code
    assert 'juice.color == "orange"' in code
    assert 'scene.parts("orange")' in code


def test_a_word_of_the_grammar_that_is_also_a_label_is_told_from_it():
    labels, containers = ["compartment", "pushpin"], {}
    as_part = read("Each compartment holds exactly one pushpin.", labels=labels, containers=containers).code
    assert 'scene.parts("compartment")' in as_part
    as_cell = read(
        "Each compartment of a 3 x 5 grid holds exactly one pushpin.", labels=labels, containers=containers
    )
    assert "scene.grid(rows=3, columns=5)" in as_cell.code


# ---- where, when the sentence does not say ----


@pytest.mark.parametrize(
    ("containers", "within"),
    [
        ({}, ""),
        ({"box": ["pushpin"]}, ', within="box"'),
        ({"box": ["nut"]}, ""),
        ({"box": ["pushpin"], "tray": ["pushpin"]}, ""),
        ({"box": ["pushpin"], "tray": ["box", "pushpin"]}, ', within="tray"'),
        ({"elsewhere": ["pushpin"]}, ""),
    ],
)
def test_a_grid_is_taken_of_the_only_or_outermost_container_of_what_is_counted(containers, within):
    labels = ["pushpin", "box", "tray", "nut"]
    sentence = "There is one pushpin in each compartment of a grid of 2 rows and 3 columns."
    code = read(sentence, labels=labels, containers=containers).code
    assert f"scene.grid(rows=2, columns=3{within})" in code


def test_a_named_frame_is_taken_as_it_is():
    assert (
        'scene.region("left half", within="bottle")'
        in read("The left half of the bottle holds one nut.").code
    )
    assert 'scene.region("left half")' in read("The left half of the picture holds one nut.").code


# ---- every form ----


def test_every_rule_of_the_grammar_has_a_handler_and_every_handler_a_rule():
    named = {rule.alias or rule.origin.name for rule in grammar().rules}
    rules = {str(name) for name in named if not str(name).startswith(("_", "$"))}
    handlers = {name.removeprefix("_read_") for name in dir(Clauses) if name.startswith("_read_")}
    assert rules == handlers


WORDS = st.sampled_from(
    [
        *["nut", "washer", "Long_Screw", "short-screw", "banana chip", "leaf", "fuse box", "lens", "battery"],
        *["cereals", "clip2", "potato", "Zahnrad", "écrou", "axis", "die", "glass"],
    ]
)


@settings(max_examples=5, deadline=None)
@given(labels=st.lists(WORDS, min_size=1, max_size=5, unique=True))
def test_every_example_is_read_with_any_labels(labels):
    sentences = readable_sentences(labels)
    assert len(sentences) == len(FORMS) if len(labels) > 2 else len(sentences) < len(FORMS)
    for sentence in sentences:
        read(sentence, labels=labels, containers={})


def test_no_example_is_given_for_labels_that_cannot_be_said():
    assert readable_sentences([]) == []
    assert readable_sentences(["2", "?", "row"]) == []


# ---- hostile words ----


@settings(max_examples=25, deadline=None)
@given(label=st.text(min_size=1, max_size=80), sentence=st.text(max_size=60))
def test_no_text_makes_it_raise_or_write_code_that_the_gate_refuses(label, sentence):
    for said in (sentence, f"There are exactly two {label}.", "There are exactly two nuts."):
        answer = compile_sentence(Request(sentence=said, labels=[label, "nut"]))
        if isinstance(answer, Draft):
            assert inspect_code(answer.code) == []
        else:
            assert answer.reason
            assert 0 <= answer.start <= answer.end <= len(said)


@pytest.mark.parametrize(
    ("label", "said"),
    [
        *[
            ('nut"""', "nut"),
            ("nut\\", "nut"),
            ("nut{0}", "nut 0"),
            ("nut\n", "nut"),
            ("nut'", "nut"),
            ("nut😀", "nut"),
        ],
        *[("if", "if"), ("scene", "scene"), ("print", "print"), ("expect", "expect"), ("None", "none")],
    ],
)
def test_a_label_with_a_meaning_in_python_is_only_a_label(label, said):
    draft = read(f"There is exactly one {said}.", labels=[label], containers={})
    assert draft.labels == [label]
    assert f"scene.parts({ast.unparse(ast.Constant(label))})" in python(draft.code)


def test_a_sentence_with_quotes_stays_a_docstring():
    code = read('There are exactly two "nuts"').code
    assert ast.get_docstring(ast.parse(code)) == 'There are exactly two "nuts"'
