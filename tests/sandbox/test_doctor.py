"""The doctor: what it finds here, and that it finds a layer that is not there or does not hold."""

from __future__ import annotations

import ast
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from logisight.sandbox import Check, ProcessJail, doctor, seccomp
from logisight.sandbox.attempts import MARK
from logisight.sandbox.doctor import KERNEL, STEPS, LayerReport, Report, State, examine
from logisight.sandbox.launcher import rehearsal_scene
from logisight.sandbox.layers import ALL_LAYERS, ALWAYS_ON, NAMES, Isolation, Layer, checked
from logisight.sandbox.probes import BY_NAME, PROBES, Round, Tried
from logisight.sandbox.processes import Launcher
from logisight.sandbox.tries import HELD_BY, HOSTILE
from logisight.schema import Grade, SandboxError

QUICK = tuple(probe for probe in PROBES if not probe.slow)


@pytest.fixture(scope="module")
def steps() -> list[str]:
    return []


@pytest.fixture(scope="module")
def report(steps: list[str]) -> Report:
    """Of this machine, with the probes that take a second or more left out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doctor, "PROBES", QUICK)
        return examine(steps.append)


def of(report: Report, layer: Layer) -> LayerReport:
    return next(tried for tried in report.layers if tried.layer is layer)


def test_every_layer_is_tried_and_said_to_go_on(report, steps):
    assert [tried.layer for tried in report.layers] == list(Layer)
    assert len(steps) == STEPS
    assert {*KERNEL, *HELD_BY, Layer.environment} == ALL_LAYERS == set(NAMES)


def test_nothing_gets_through_all_layers_together(report):
    assert report.through == []
    assert report.grade is not Grade.unsafe


@pytest.mark.parametrize("layer", sorted(ALWAYS_ON | {Layer.clock, Layer.descriptors, Layer.sealed_memory}))
def test_layer_that_every_linux_has_holds_alone(layer, report):
    tried = of(report, layer)
    assert (tried.state, tried.through) == (State.held, [])
    assert tried.stopped


@pytest.mark.parametrize("layer", [Layer.landlock, Layer.seccomp])
def test_layer_that_some_machines_lack_holds_or_says_why(layer, report):
    tried = of(report, layer)
    assert tried.through == []
    assert tried.state is State.held or tried.why


def test_root_is_what_user_nobody_is_for(report):
    state = of(report, Layer.user).state
    assert state is (State.held if os.geteuid() == 0 else State.needless)


def test_grade_is_full_exactly_where_no_layer_is_missing_or_leaks(report):
    whole = all(tried.state in (State.held, State.needless) for tried in report.layers)
    assert (report.grade is Grade.full) == whole == (not report.why)


def test_secret_of_the_doctor_does_not_stay_in_the_environment(report):
    assert MARK not in os.environ


@pytest.fixture(scope="module")
def launcher():
    """Without the filter of system calls, as on a machine that has no libseccomp."""
    launcher = Launcher(ALL_LAYERS - {Layer.seccomp})
    yield launcher
    launcher.close()


def test_launcher_says_what_it_lacks_and_goes_on_without(launcher):
    assert launcher.layers <= ALL_LAYERS - {Layer.seccomp}
    assert launcher.missing[Layer.seccomp] == "switched off"
    assert launcher.isolation.grade is Grade.degraded
    assert "seccomp: switched off" in str(launcher.isolation)


def test_probe_gets_through_where_no_layer_holds_it(launcher):
    names = [probe.name for probe in QUICK if not probe.needs_root]
    tried = launcher.prove(Round((), {"child": names}))
    assert tried.error == ""
    assert set(tried.through["child"]) | set(tried.untried) == set(names)


def test_probes_that_share_a_process_get_through_as_they_do_alone(launcher):
    names = [probe.name for probe in QUICK if probe.first]
    alone = launcher.prove(Round((), {"child": names}))
    together = launcher.prove(Round((), {"child": names}, together=True))
    assert set(together.through["child"]) == set(alone.through["child"]) == set(names)


def test_layer_that_cannot_be_put_on_is_an_error_of_the_round(launcher, monkeypatch):
    tried = launcher.prove(Round(["seccomp"], {"child": ["read a file"]}))
    assert tried.error == "" or "libseccomp" in tried.error


def test_launcher_that_is_gone_cannot_be_tried():
    launcher = Launcher()
    launcher.close()
    with pytest.raises(SandboxError, match="cannot be tried"):
        _ = launcher.isolation


def test_jail_tells_its_isolation_before_and_after_a_run():
    with ProcessJail(layers=ALL_LAYERS - {Layer.landlock}) as jail:
        before = jail.isolation
        (outcome,) = jail.run(
            [Check(1, "def check(scene):\n    expect(True, 'size', 'fine')\n")], rehearsal_scene()
        )
        assert (outcome.status, jail.isolation) == ("ok", before)
    assert before.missing[Layer.landlock] == "switched off"
    assert before.grade is not Grade.full


def test_no_jail_without_the_layers_of_the_language():
    with pytest.raises(ValueError, match="no jail without gate"):
        checked(ALL_LAYERS - {Layer.gate})


@pytest.mark.parametrize(
    ("missing", "child", "book", "grade", "words"),
    [
        ({}, [], [], Grade.full, "full"),
        ({Layer.landlock: "none"}, [], [], Grade.degraded, "degraded: Landlock: none"),
        ({}, ["take 512 MB"], [], Grade.degraded, "'take 512 MB' gets through"),
        ({}, [], ["read a file"], Grade.degraded, "'read a file (while compiling)' gets through"),
        ({}, ["read a file"], ["read a file"], Grade.unsafe, "unsafe: 'read a file' gets through"),
    ],
)
def test_grade_follows_from_what_is_missing_and_what_comes_through(missing, child, book, grade, words):
    tried = Tried({"child": child, "book": book})
    isolation = Isolation.of(missing, tried.names, grave=tried.grave)
    assert isolation.grade is grade
    assert words in str(isolation)


@pytest.mark.parametrize(
    ("grade", "asked", "reaches"),
    [
        (Grade.full, Grade.full, True),
        (Grade.degraded, Grade.full, False),
        (Grade.degraded, Grade.degraded, True),
        (Grade.unsafe, Grade.degraded, False),
        (Grade.unsafe, Grade.unsafe, True),
    ],
)
def test_grade_reaches_what_is_asked(grade, asked, reaches):
    assert grade.reaches(asked) is reaches


def test_layer_that_leaks_is_found(monkeypatch):
    """Taking from the user what only seccomp and Landlock stop: the doctor must see that it does not."""
    claims = replace(BY_NAME["empty a file"], layers=frozenset({Layer.descriptors}), landlock_abi=0)
    monkeypatch.setattr(doctor, "PROBES", (claims,))
    monkeypatch.setattr(doctor, "HELD_BY", dict.fromkeys(HELD_BY, dict))
    report = examine()
    leaking = of(report, Layer.descriptors)
    assert (leaking.state, leaking.through) == (State.leaks, ["empty a file"])
    assert report.grade is Grade.degraded
    assert "no descriptors: empty a file got through it alone" in report.why


def test_machine_without_a_sandbox_is_unsafe_and_says_why(monkeypatch):
    def fails(layers=ALL_LAYERS):
        raise SandboxError("the sandbox cannot start (no memory); no rule was judged")

    monkeypatch.setattr(doctor, "Launcher", fails)
    report = examine()
    assert (report.grade, report.layers) == (Grade.unsafe, [])
    assert "no memory" in report.why


def test_another_system_than_linux_is_unsafe_and_says_why(monkeypatch):
    monkeypatch.setattr(doctor.sys, "platform", "plan9")
    assert "needs Linux, this is plan9" in examine().why


def test_readme_names_every_layer_and_its_files():
    readme = Path(doctor.__file__).with_name("README.md").read_text(encoding="utf-8")
    _, _, section = readme.partition("## The layers\n")
    rows = re.findall(r"^\| ([^|]+) \| (`[^|]+) \|", section, re.MULTILINE)
    assert [name for name, _ in rows] == list(NAMES.values())
    for _, files in rows:
        assert all(Path(doctor.__file__).with_name(file).exists() for file in re.findall(r"`(.*?)`", files))


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_rule_of_the_doctor_is_a_whole_rule_of_python(what):
    names = [node.name for node in ast.parse(HOSTILE[what]).body if isinstance(node, ast.FunctionDef)]
    assert names[-1] == "check"


def test_filters_are_small_enough_to_be_loaded_for_each_scene():
    if why := seccomp.why_missing():
        pytest.skip(f"no seccomp: {why}")
    assert len(seccomp.child_filter().program) // 8 < 4096  # the kernel's limit
