"""Every published hole of RestrictedPython, by name: mended in the installed version, and held without it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import NamedTuple

import pytest
from attack.alone import Stand
from attack.corpus import Attack
from attack.whole import Whole
from logisight.sandbox import inspect_code
from logisight.sandbox.layers import Layer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the jail of processes needs Linux")


class Hole(NamedTuple):
    """One hole, and a rule that goes through it where nothing holds it."""

    mended: tuple[int, int]
    """The version of RestrictedPython without it."""
    wants: str
    text: str
    held_alone_by: tuple[Layer, ...] = (Layer.grammar, Layer.facade)
    """Beside the text gate, which holds all."""


HOLES = {
    "CVE-2023-37271: frames of generators lead to globals": Hole(
        (7, 0),
        "write",
        """
def check(scene):
    walk = (walk.gi_frame.f_back for _ in [1])
    for frame in walk:
        frame.f_builtins['open']('@WRITE@', 'w').write('changed')
    expect(True, 'size', 'fine')
""",
    ),
    "CVE-2023-41039: str.format walks attributes": Hole(
        (7, 0),
        "leak",
        """
def check(scene):
    expect(True, 'size', '{0.parts.__func__}'.format(scene))
""",
    ),
    "CVE-2023-41039: format_map walks attributes": Hole(
        (7, 0),
        "leak",
        """
def check(scene):
    expect(True, 'size', str.format_map('{s.parts.__func__}', {'s': scene}))
""",
    ),
    "7.2: a name that is a subclass of str gets past safer_getattr": Hole(
        (7, 2),
        "write",
        """
def check(scene):
    sly = type('sly', (str,), {'startswith': lambda *_: False})
    loaded = getattr(getattr(print, sly('__self__')), 'open')
    loaded('@WRITE@', 'w').write('changed')
    expect(True, 'size', 'fine')
""",
    ),
    "CVE-2024-47532: an AttributeError holds the object": Hole(
        (7, 3),
        "write",
        """
def check(scene):
    try:
        scene.nothing
    except AttributeError as error:
        error.obj.parts.__func__.__globals__['__builtins__']['open']('@WRITE@', 'w').write('changed')
    expect(True, 'size', 'fine')
""",
    ),
    "CVE-2024-47532: the module string leads to others": Hole(
        (7, 3),
        "secret",
        """
def check(scene):
    import string
    expect(True, 'size', string._re.enum.sys.modules['os'].environ['@SECRET@'])
""",
    ),
    "CVE-2025-22153: except* confuses types": Hole(
        (8, 0),
        "write",
        """
def check(scene):
    try:
        raise ExceptionGroup('all', [OSError('one')])
    except* OSError as group:
        group.__traceback__.tb_frame.f_builtins['open']('@WRITE@', 'w').write('changed')
    expect(True, 'size', 'fine')
""",
    ),
    "CVE-2026-55830: a positional-only parameter named like a guard": Hole(
        (8, 3),
        "write",
        """
def check(scene):
    def read(_getattr_, /):
        return scene.parts.__func__.__globals__
    read(lambda thing, name: thing)['__builtins__']['open']('@WRITE@', 'w').write('changed')
    expect(True, 'size', 'fine')
""",
    ),
    "CVE-2026-76825: string.Formatter looks fields up": Hole(
        (8, 4),
        "leak",
        """
def check(scene):
    from string import Formatter
    expect(True, 'size', str(Formatter().get_field('0.parts.__func__', (scene,), {})[0]))
""",
    ),
}


def attack_of(name: str) -> Attack:
    hole = HOLES[name]
    return Attack(name, (1,), hole.wants, hole.text, False, True, (), (99,), "", "")


@pytest.fixture(scope="module")
def whole() -> Iterator[Whole]:
    with Whole() as whole:
        yield whole


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    with Stand() as stand:
        yield stand


@pytest.mark.parametrize("name", HOLES)
def test_installed_version_has_it_mended(name: str) -> None:
    installed = tuple(int(number) for number in version("RestrictedPython").split(".")[:2])
    assert installed >= HOLES[name].mended


@pytest.mark.parametrize("name", HOLES)
def test_it_is_a_hole_where_nothing_holds_it(name: str, stand: Stand) -> None:
    assert HOLES[name].wants in stand.effects(attack_of(name))


@pytest.mark.parametrize("name", HOLES)
def test_text_gate_refuses_it_before_restricted_python_sees_it(name: str) -> None:
    assert inspect_code(HOLES[name].text)


@pytest.mark.parametrize(
    ("name", "layer"), [(name, layer) for name, hole in HOLES.items() for layer in hole.held_alone_by]
)
def test_other_layer_of_the_language_holds_it_alone(name: str, layer: Layer, stand: Stand) -> None:
    assert not stand.effects(attack_of(name), [layer])


@pytest.mark.parametrize("name", HOLES)
def test_whole_jail_holds_it(name: str, whole: Whole) -> None:
    effects, outcomes = whole.effects(attack_of(name))
    assert not effects
    assert outcomes[0].status == "refused"
