"""The table of the language is what the scene offers, what the facade enforces and what authors are shown."""

from __future__ import annotations

import ast
import inspect
from typing import Any

import pytest
from logisight.sandbox import inspect_code, language_text
from logisight.sandbox.expectations import Expectations
from logisight.sandbox.facade import Facade, Handle, PartHandle, RegionHandle
from logisight.sandbox.language import BUILTINS, FORBIDDEN, HANDLES, METHODS, REQUIRED, Word
from logisight.sandbox.launcher import REHEARSAL
from logisight.sandbox.namespace import namespace
from logisight.scene import Part, Region, Scene

REAL = {"scene": Scene, "part": Part, "region": Region}
WORDS = [(handle, word) for handle, words in HANDLES.items() for word in words.values()]
PLAIN = {int, float, str, bool, type(None)}


@pytest.fixture
def handles(scene: Scene) -> tuple[Facade, dict[str, Handle]]:
    facade = Facade(scene)
    part = facade.read(facade.scene, "part")("box")
    region = facade.read(facade.scene, "grid")(3, 5, "box")[0]
    return facade, {"scene": facade.scene, "part": part, "region": region}


def given(word: Word, handles: dict[str, Handle]) -> list[Any]:
    """Arguments that suit a word; those with a default are left out."""
    suitable = {
        "text": "left half" if word.name == "region" else "box",
        "whole number": 2,
        "number": 1.5,
        "shape": handles["region"],
        "place": handles["part"],
    }
    return [suitable[a.takes] for a in word.arguments or () if a.default is REQUIRED]


def only_plain(answer: Any) -> bool:
    if type(answer) in (tuple, list):
        return all(only_plain(item) for item in answer)
    return type(answer) in PLAIN or type(answer) in (PartHandle, RegionHandle)


def suits(answer: Any, word: Word) -> bool:
    kinds: dict[str, Any] = {
        "number": float,
        "whole number or None": (int, type(None)),
        "text": str,
        "texts": tuple,
        "True or False": bool,
        "numbers": tuple,
        "points": tuple,
        "part": PartHandle,
        "list of parts": list,
        "region": RegionHandle,
        "list of regions": list,
    }
    return isinstance(answer, kinds[word.answer])


@pytest.mark.parametrize(("handle", "word"), WORDS, ids=[f"{handle}.{word.name}" for handle, word in WORDS])
def test_every_word_works_and_answers_what_the_table_says(
    handle: str, word: Word, handles: tuple[Facade, dict[str, Handle]]
) -> None:
    facade, made = handles
    answer = facade.read(made[handle], word.name)
    if word.arguments is not None:
        answer = answer(*given(word, made))
    assert suits(answer, word)
    assert only_plain(answer)


@pytest.mark.parametrize(("handle", "word"), WORDS, ids=[f"{handle}.{word.name}" for handle, word in WORDS])
def test_arguments_and_defaults_are_those_of_the_scene(handle: str, word: Word) -> None:
    real = getattr(REAL[handle], word.name, None)
    if word.arguments is None:
        assert not inspect.isfunction(real)
        return
    parameters = list(inspect.signature(real).parameters.values())[1:]  # type: ignore[arg-type]
    empty = inspect.Parameter.empty
    wanted = [(a.name, empty if a.default is REQUIRED else a.default) for a in word.arguments]
    assert [(p.name, p.default) for p in parameters] == wanted


@pytest.mark.parametrize("handle", HANDLES)
def test_nothing_but_the_table_is_reachable(handle: str, handles: tuple[Facade, dict[str, Handle]]) -> None:
    facade, made = handles
    real = made[handle]._real
    names = {*dir(real), *dir(made[handle]), *vars(real), "missing", ""} - HANDLES[handle].keys()
    assert {"__class__", "__dict__", "_real"} < names
    for name in names:
        with pytest.raises(AttributeError):
            facade.read(made[handle], name)


@pytest.mark.parametrize("kind", [str, list, tuple, dict, set, float, int, bool, range, type(None), type])
def test_plain_values_have_the_listed_methods_only(kind: type, scene: Scene) -> None:
    values: dict[type, Any] = {type(None): None, range: range(3), type: int}
    value = values[kind] if kind in values else kind()
    reached = set()
    for name in dir(value):
        try:
            Facade(scene).read(value, name)
        except AttributeError:
            continue
        reached.add(name)
    assert reached == set(METHODS.get(kind, ()))


def test_subclasses_of_plain_types_have_no_methods(scene: Scene) -> None:
    class Text(str):
        pass

    assert Facade(scene).read("a", "upper")() == "A"
    with pytest.raises(AttributeError):
        Facade(scene).read(Text("a"), "upper")


def test_builtins_are_the_listed_ones(scene: Scene) -> None:
    facade = Facade(scene)
    names = namespace(facade, Expectations(facade, 1000))
    assert set(names["__builtins__"]) == set(BUILTINS)
    assert {name for name in names if not name.startswith(("_", "logisight_"))} == {"expect"}


def test_a_run_gets_builtins_of_its_own(scene: Scene) -> None:
    facade = Facade(scene)
    first = namespace(facade, Expectations(facade, 1000))
    first["__builtins__"]["len"] = None
    assert namespace(facade, Expectations(facade, 1000))["__builtins__"]["len"] is len


def test_expect_takes_what_the_text_says() -> None:
    shown = next(line for line in language_text().splitlines() if line.startswith("expect("))
    parameters = list(inspect.signature(Expectations.expect).parameters.values())[1:]
    assert (
        shown
        == "expect(" + ", ".join(str(p).replace(": 'Any'", "").replace(" ", "") for p in parameters) + ")"
    )


def test_text_holds_the_whole_language() -> None:
    text = language_text()
    for _, word in WORDS:
        assert word.signature in text
        assert word.meaning in text
    for name in [*BUILTINS, *FORBIDDEN, *(name for names in METHODS.values() for name in names)]:
        assert name in text


def test_rehearsal_uses_every_word_so_that_children_import_nothing() -> None:
    assert inspect_code(REHEARSAL) == []
    used = {node.attr for node in ast.walk(ast.parse(REHEARSAL)) if isinstance(node, ast.Attribute)}
    assert used >= {word.name for _, word in WORDS}
