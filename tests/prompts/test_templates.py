"""Templates of one's own: they replace built-in ones by name, run no code, and are told wrong in one line."""

from __future__ import annotations

import os

import pytest
from logisight.prompts import (
    InspectionPrompt,
    PromptError,
    SentPicture,
    author_messages,
    copy_templates,
    inspection_messages,
    judge_messages,
    templates,
    templates_sha256,
    using_templates,
)
from logisight.prompts.templates import FOLDER_VARIABLE, LARGEST

PICTURE = SentPicture("a.png", b"\x89PNG\r\n\x1a\n", "image/png", 8, 6)
PROMPT = InspectionPrompt(PICTURE, (8, 6), rules={1: "There are two nuts."})


@pytest.fixture(autouse=True)
def no_folder(monkeypatch):
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)


def asked():
    system, human = inspection_messages(PROMPT)
    return system.text + "".join(part.get("text", "") for part in human.content)


def one_line_of(folder, name, text):
    (folder / name).write_text(text)
    with pytest.raises(PromptError) as raised, using_templates(folder):
        asked()
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_template_of_ones_own_replaces_the_one_of_its_name_and_no_other(tmp_path):
    (tmp_path / "inspection_rules.j2").write_text("Mind: {{ rules | json }}")
    with using_templates(tmp_path):
        own = asked()
    assert 'Mind: {"1": "There are two nuts."}' in own
    assert (
        own.replace('Mind: {"1"', 'What is true of every good one, by number of the rule:\n{"1"') == asked()
    )


def test_the_environment_names_the_folder_and_an_option_comes_first(tmp_path, monkeypatch):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "inspection_system.j2").write_text(name)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "one"))
    assert inspection_messages(PROMPT)[0].text == "one"
    with using_templates(tmp_path / "other"):
        assert inspection_messages(PROMPT)[0].text == "other"
    with using_templates(None):
        assert inspection_messages(PROMPT)[0].text == "one"


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("author_system.j2", lambda: author_messages("the language", {"sentence": "x"})),
        ("author_human.j2", lambda: author_messages("the language", {"sentence": "x"})),
        ("reason_judge_system.j2", lambda: judge_messages(["a"], ["b"])),
        ("reason_judge_human.j2", lambda: judge_messages(["a"], ["b"])),
    ],
)
def test_what_authors_and_judges_are_asked_is_replaced_in_the_same_way(tmp_path, name, ask):
    (tmp_path / name).write_text("my own words")
    with using_templates(tmp_path):
        assert "my own words" in [message.text for message in ask()]


def test_a_change_counts_at_once(tmp_path):
    path = tmp_path / "inspection_system.j2"
    with using_templates(tmp_path):
        for words in ("first", "then"):
            path.write_text(words)
            assert inspection_messages(PROMPT)[0].text == words


def test_a_piece_of_ones_own_can_be_included(tmp_path):
    (tmp_path / "_house.j2").write_text("We make {{ what }}.")
    (tmp_path / "inspection_system.j2").write_text('{% set what = "nuts" %}{% include "_house.j2" %}')
    with using_templates(tmp_path):
        assert inspection_messages(PROMPT)[0].text == "We make nuts."


def test_a_template_that_says_nothing_leaves_its_piece_out(tmp_path):
    (tmp_path / "inspection_rules.j2").write_text("\n")
    with using_templates(tmp_path):
        assert "two nuts" not in asked()


def test_a_misspelt_name_is_one_line_that_names_the_nearest(tmp_path):
    line = one_line_of(tmp_path, "inspection_sytem.j2", "x")
    assert "inspection_sytem.j2" in line
    assert "meant to be inspection_system.j2" in line


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(PromptError, match="gone: no folder of templates"), using_templates(tmp_path / "gone"):
        pass


def test_a_template_that_is_no_text_is_one_line(tmp_path):
    (tmp_path / "inspection_system.j2").write_bytes(b"\xff\xfe")
    with pytest.raises(PromptError, match="not UTF-8"), using_templates(tmp_path):
        templates()


def test_a_template_that_is_far_too_large_is_not_read(tmp_path):
    (tmp_path / "inspection_system.j2").write_bytes(b" " * (LARGEST + 1))
    with pytest.raises(PromptError, match="larger than"), using_templates(tmp_path):
        templates()


def test_a_pipe_in_the_place_of_a_template_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "inspection_system.j2")
    with pytest.raises(PromptError, match="not a file"), using_templates(tmp_path):
        templates()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("one\n{% if %}\n", 2, "Expected an expression"),
        ("one\ntwo\n{{ rulez }}", 3, "'rulez' is undefined"),
        ("{{ rulez | json }}", 1, "'rulez' is undefined"),
        ("{{ rules | jason }}", 1, "No filter named 'jason'"),
        ("\n\n{{ 1 / 0 }}", 3, "division by zero"),
        ("one\n{{ rules + 1 }}", 2, "unsupported operand"),
        ("one\n{% include 'other.j2' %}", 2, "there is no template other.j2"),
        ("one\n{% include '../../etc/passwd' %}", 2, "there is no template ../../etc/passwd"),
        ("\n{{ namespace | json }}", 2, "not JSON serializable"),
    ],
)
def test_an_error_in_a_template_is_one_line_with_its_file_and_line(tmp_path, text, line, said):
    message = one_line_of(tmp_path, "inspection_rules.j2", text)
    assert f"inspection_rules.j2, line {line}: " in message
    assert said in message


def test_an_error_in_an_included_piece_names_that_piece(tmp_path):
    (tmp_path / "_house.j2").write_text("\n{{ nothing }}")
    assert "_house.j2, line 2" in one_line_of(tmp_path, "inspection_rules.j2", '{% include "_house.j2" %}')


@pytest.mark.parametrize(
    "text",
    [
        "{{ rules.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ rules.keys.__self__.__class__ }}",
        "{{ '{0.__class__.__init__.__globals__}'.format(rules) }}",
        "{{ self.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ lipsum.__globals__ }}",
        "{{ joiner.__init__.__globals__ }}",
        "{{ rules.update({2: 'There are nine.'}) }}",
        "{{ rules.clear() }}",
        "{% for n in range(1000000000) %}{% endfor %}",
        "{% import 'os' as os %}",
    ],
)
def test_a_template_runs_no_code_and_changes_nothing(tmp_path, text):
    one_line_of(tmp_path, "inspection_rules.j2", text)
    assert PROMPT.rules == {1: "There are two nuts."}


def test_the_hash_is_that_of_what_is_in_force(tmp_path):
    built_in = templates_sha256()
    copy_templates(tmp_path)
    with using_templates(tmp_path):
        assert templates_sha256() == built_in
        (tmp_path / "inspection_rules.j2").write_text("Mind: {{ rules | json }}")
        changed = templates_sha256()
    assert len({built_in, changed, templates_sha256()}) == 2
    assert templates_sha256() == built_in


def test_a_piece_that_others_include_counts_in_the_hash(tmp_path):
    (tmp_path / "_house.j2").write_text("one")
    with using_templates(tmp_path):
        before = templates_sha256()
        (tmp_path / "_house.j2").write_text("other")
        assert templates_sha256() != before


def test_copied_templates_ask_the_same(tmp_path):
    before = asked()
    copy_templates(tmp_path)
    with using_templates(tmp_path):
        assert asked() == before


def test_copying_leaves_what_is_there(tmp_path):
    (tmp_path / "inspection_rules.j2").write_text("mine")
    (tmp_path / "inspection_hints.j2").symlink_to(tmp_path / "elsewhere")
    written = {path.name for path in copy_templates(tmp_path)}
    assert "inspection_system.j2" in written
    assert not written & {"inspection_rules.j2", "inspection_hints.j2"}
    assert (tmp_path / "inspection_rules.j2").read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()
    assert copy_templates(tmp_path) == []


def test_copying_to_where_a_file_is_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PromptError, match="cannot write templates"):
        copy_templates(tmp_path / "file")
