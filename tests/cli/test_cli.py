"""The command line as a new user and a script meet it: output, JSON, exit codes, a line for a mistake."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from command_line import logisight
from logisight.sandbox import Isolation, ProcessJail, doctor
from logisight.sandbox.doctor import LayerReport, Report
from logisight.sandbox.layers import Layer
from logisight.schema import Grade


@pytest.fixture
def line(demo_line, tmp_path):
    return shutil.copytree(demo_line, tmp_path / "line")


def only_error(run, code=2):
    """The one line that a person sees when something is wrong."""
    assert run.returncode == code
    assert run.stdout == ""
    assert "Traceback" not in run.stderr
    lines = run.stderr.strip().splitlines()
    assert len(lines) == 1, run.stderr
    return lines[0]


def test_help_names_the_verbs_and_the_exit_codes():
    run = logisight("--help")
    assert run.returncode == 0
    for word in ("demo", "teach", "author", "rules", "inspect", "doctor", "Exit codes"):
        assert word in run.stdout


@pytest.mark.parametrize("verb", ["demo", "teach", "author", "rules", "inspect", "doctor"])
def test_every_verb_has_an_example(verb):
    assert f"logisight {verb}" in logisight(verb, "--help").stdout


def test_inspect_prints_reasons_and_its_exit_code_tells(line):
    truth = json.loads((line / "truth.json").read_text())
    normal = next(name for name, true in truth.items() if true["status"] == "normal")
    assert logisight("inspect", line / "box", line / "inspect" / normal).returncode == 0
    run = logisight("inspect", line / "box", line / "inspect")
    assert run.returncode == 1
    assert "anomalous" in run.stdout and "pushpin" in run.stdout
    assert "4 pictures:" in run.stdout


def test_inspect_json_is_one_verdict_a_line(line):
    run = logisight("inspect", line / "box", line / "inspect", "--json")
    verdicts = [json.loads(text) for text in run.stdout.splitlines()]
    assert len(verdicts) == 4
    assert {"sample", "status", "score", "findings", "explanation"} <= set(verdicts[0])


def test_inspect_writes_overlays_results_and_report(line, tmp_path):
    out = tmp_path / "out"
    logisight("inspect", line / "box", line / "inspect", "--out", out)
    assert len(list((out / "overlays").glob("*.png"))) == 4
    assert len((out / "results.jsonl").read_text().splitlines()) == 4
    assert "<html" in (out / "report.html").read_text()


def test_rules_are_listed_shown_proven_and_removed(line):
    assert "exactly one pushpin" in logisight("rules", line / "box").stdout
    assert logisight("rules", line / "box", "show", 2).stdout.count("def check(scene):") == 1
    facts = json.loads(logisight("rules", line / "box", "--json").stdout)
    assert [(rule["number"], rule["proven"]) for rule in facts] == [(1, True), (2, True), (3, True)]
    check = line / "box" / "rules" / "002.py"
    check.write_text(check.read_text().replace("yellow", "blue"))
    assert "Rule 2 does not count" in logisight("rules", line / "box").stdout
    run = logisight("rules", line / "box", "prove", 2)
    assert "fails on reference" in run.stdout
    assert logisight("rules", line / "box", "remove", 2).returncode == 0
    assert [rule["number"] for rule in json.loads(logisight("rules", line / "box", "--json").stdout)] == [
        1,
        3,
    ]


def test_author_shows_the_check_and_refuses_pointing_at_the_words(line):
    run = logisight("author", line / "box", "There are exactly fifteen pushpins.")
    assert run.returncode == 0
    assert "Rule 4 proven" in run.stdout and "def check(scene):" in run.stdout
    run = logisight("author", line / "box", "There are exactly two bolts.")
    assert run.returncode == 1
    where, marks = (text for text in run.stdout.splitlines()[:2])
    assert where[marks.index("^") : marks.rindex("^") + 1] == "bolts"
    (facts,) = json.loads(logisight("author", line / "box", "There are exactly two bolts.", "--json").stdout)
    assert facts["rule"] is None and facts["refusal"]["nearest"]


def test_the_same_sentence_again_replaces_its_rule(line):
    logisight("author", line / "box", "Each pushpin is  yellow.")
    assert len(json.loads(logisight("rules", line / "box", "--json").stdout)) == 3


def test_teaching_again_proves_the_rules_again(line):
    run = logisight(
        "teach",
        line / "box",
        "--pictures",
        line / "references",
        "--annotations",
        line / "annotations",
        "--json",
    )
    facts = json.loads(run.stdout)
    assert facts["annotated_parts"] == {"pushpin": 15, "box": 1}
    assert [rule["proven"] for rule in facts["rules_proven_again"]] == [True, True, True]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inspect"], "Missing argument 'PRODUCT'"),
        (["inspect", "nowhere", "."], "there is no product 'nowhere'"),
        (["inspect", "{line}/box", "{line}/nothing.png"], "nothing.png"),
        (["inspect", "{line}/box", "{line}/annotations"], "png"),
        (["teach", "x", "--pictures", "{line}/none", "--annotations", "{line}/annotations"], "none"),
        (["teach", "x", "--pictures", "{line}/inspect", "--annotations", "{line}/truth.json"], "truth.json"),
        (["author", "{line}/box", "There are 15 pushpins.", "--llm", "gpt"], "no reasoner 'gpt'"),
        (["author", "{line}/box", "x", "--most-false-alarms", "2"], "most-false-alarms"),
        (["rules", "{line}/box", "show", "9"], "there is no rule 9; the rules are: 1, 2, 3"),
        (["rules", "{line}/box", "show"], "which rule?"),
        (["rules", "{line}/box", "dance"], "dance"),
        (["dance"], "dance"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_two(demo_line, tmp_path, arguments, message):
    run = logisight(*(argument.format(line=demo_line) for argument in arguments), cwd=tmp_path)
    assert message in only_error(run)


def test_an_output_folder_that_cannot_be_written_is_named(line, tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    run = logisight("inspect", line / "box", line / "inspect", "--out", blocked / "out")
    assert str(blocked) in only_error(run)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into read-only folders")
def test_a_read_only_output_folder_is_named(line, tmp_path):
    out = tmp_path / "out"
    out.mkdir(mode=0o555)
    assert str(out) in only_error(logisight("inspect", line / "box", line / "inspect", "--out", out))


def test_a_rule_about_a_label_that_the_product_lacks_says_so(line):
    run = logisight("author", line / "box", "There are exactly two washers.")
    assert "washers" in run.stdout and "pushpin" in run.stdout


def test_no_reference_pictures_is_said(line):
    path = line / "box" / "product.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"references": []}))
    assert "--references" in only_error(logisight("author", line / "box", "There are exactly 15 pushpins."))


def test_broken_pictures_are_undecided_and_the_others_go_on(line):
    (line / "inspect" / "broken.png").write_bytes(b"\x89PNG but not really")
    run = logisight("inspect", line / "box", line / "inspect", "--json")
    verdicts = {v["sample"].rsplit("/", 1)[-1]: v for v in map(json.loads, run.stdout.splitlines())}
    assert run.returncode == 1
    assert len(verdicts) == 5
    assert "broken.png" in verdicts["broken.png"]["error"]


@pytest.mark.whole
def test_an_interrupted_batch_keeps_what_is_done_and_goes_on(line, tmp_path):
    for number in range(10):
        shutil.copy(line / "inspect" / "000.png", line / "inspect" / f"copy{number}.png")
    out = tmp_path / "out"
    arguments = ["inspect", str(line / "box"), str(line / "inspect"), "--out", str(out)]
    run = subprocess.Popen(
        [sys.executable, "-m", "logisight.cli", *arguments], stderr=subprocess.PIPE, text=True
    )
    while (run.poll() is None and not (out / "results.jsonl").exists()) or not (
        out / "results.jsonl"
    ).read_bytes():
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    _, error = run.communicate()
    assert run.returncode == 130
    assert "Traceback" not in error and "go on" in error
    done = len((out / "results.jsonl").read_text().splitlines())
    assert 1 <= done < 14
    assert (out / "report.html").is_file()
    assert logisight(*arguments).returncode == 1
    assert len((out / "results.jsonl").read_text().splitlines()) == 14


@pytest.mark.whole
def test_demo_runs_from_nothing(tmp_path):
    command = [sys.executable, "-m", "logisight.cli", "demo", "--pictures", "3", "--json"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    facts = json.loads(run.stdout)
    truth = {name: true["status"] for name, true in facts["truth"].items()}
    assert {v["sample"].rsplit("/", 1)[-1]: v["status"] for v in facts["verdicts"]} == truth
    assert (tmp_path / "logisight-demo" / "results" / "report.html").is_file()


def test_sentences_come_from_a_file_and_from_examples_too(line, tmp_path):
    sentences = tmp_path / "rules.txt"
    sentences.write_text(
        "# what a good box looks like\n\nThere are exactly 15 pushpins.\n  Each pushpin is yellow.\n"
    )
    results = json.loads(logisight("author", line / "box", "--file", sentences, "--json").stdout)
    assert [result["rule"]["number"] for result in results] == [4, 2]
    results = json.loads(logisight("author", line / "box", "--example", "pushpins", "--json").stdout)
    assert [result["rule"] is not None for result in results] == [True, True, False]
    assert "separator" in results[2]["refusal"]["reason"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no sentence given"),
        (["--example", "teapot"], "there is no example 'teapot'; there are: breakfast_box, "),
        (["--file", "{line}/nothing.txt"], "nothing.txt"),
        (["--file", "{line}/inspect/000.png"], "not a file of sentences"),
    ],
)
def test_a_file_of_sentences_that_cannot_be_used_is_named(demo_line, arguments, message):
    arguments = [argument.format(line=demo_line) for argument in arguments]
    assert message in only_error(logisight("author", demo_line / "box", *arguments))


REPORTS = {
    "full": (0, Report(grade="full", why="", layers=[], through=[], untried={}, machine={"Python": "3"})),
    "degraded": (
        1,
        Report(
            grade="degraded",
            why="Landlock: the kernel is too old",
            layers=[
                LayerReport(layer="landlock", state="missing", why="the kernel is too old"),
                LayerReport(layer="rlimits", state="held", stopped=["take 512 MB"]),
                LayerReport(layer="seccomp", state="leaks", through=["read [a] file"]),
            ],
            through=[],
            untried={"start a program": "it does not work here"},
            machine={},
        ),
    ),
    "unsafe": (
        3,
        Report(grade="unsafe", why="no sandbox", layers=[], through=[], untried={}, machine={}),
    ),
}


@pytest.mark.parametrize("grade", REPORTS)
def test_doctor_ends_with_the_code_of_the_grade(grade, monkeypatch):
    code, report = REPORTS[grade]
    monkeypatch.setattr(doctor, "examine", lambda on_step: report)
    run = logisight("doctor")
    assert run.returncode == code
    assert run.stdout.rstrip().splitlines()[-1] == f"{grade}: {report.why}".removesuffix(": ")


def test_doctor_shows_what_each_layer_stopped_and_what_not(monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda on_step: REPORTS["degraded"][1])
    shown = " ".join(logisight("doctor").stdout.split())
    for words in ("Landlock", "missing", "take 512 MB", "read [a] file", "not tried: start a program"):
        assert words in shown


def test_doctor_json_is_the_report(monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda on_step: REPORTS["degraded"][1])
    run = logisight("doctor", "--json")
    assert Report.model_validate_json(run.stdout) == REPORTS["degraded"][1]
    assert run.returncode == 1


@pytest.mark.parametrize(
    "words", [("inspect", "line/inspect"), ("author", "There are exactly 15 pushpins."), ("rules", "prove")]
)
def test_no_rule_runs_where_the_sandbox_holds_less_than_is_asked(words, line, monkeypatch):
    weak = property(lambda jail: Isolation(Grade.degraded, {Layer.seccomp: "libseccomp.so.2 is absent"}))
    monkeypatch.setattr(ProcessJail, "isolation", weak)
    verb, rest = words
    run = logisight(verb, line / "box", rest, "--isolation", "full", cwd=line.parent)
    assert "degraded: seccomp: libseccomp.so.2 is absent" in only_error(run, 3)
