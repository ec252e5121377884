"""A witness over real HTTP: asked where its word adds something, believed for what it was worth."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from types import SimpleNamespace

import cv2
import pytest
from chat_endpoint import MODEL, failure, serving
from command_line import logisight
from ink_detector import INK, Ink
from vision_stand_in import StandIn

pytest.importorskip("langchain_openai", reason="the extra `llm` is not installed")

from logisight import Inspector, Workshop, open_product, teach
from logisight.agents.witness import examination
from logisight.agents.witness.calibration import SUFFICIENT, Calibration
from logisight.agents.witness.examination import call_witness
from logisight.benchmarks.demo import write_product_line
from logisight.schema import ModelError, When
from logisight.tools.detectors import calibrate
from logisight.tools.pictures import file_sha256
from logisight.tools.samples import read_sample

pytestmark = pytest.mark.usefixtures("once", "one_jail")

NAME = f"vllm:{MODEL}"


@pytest.fixture(scope="session")
def line(tmp_path_factory):
    """A product that a good model was tried on, and pictures of it: good, scratched, a pin missing."""
    folder = tmp_path_factory.mktemp("witnessed")
    write_product_line(folder, normals=5, tests=4)
    for annotation in sorted((folder / "annotations").iterdir())[1:]:
        annotation.unlink()
    taught = teach(folder / "box", folder / "references", folder / "annotations", folder / "references")
    with Workshop(taught.product) as workshop:
        assert workshop.author(
            "There is exactly one pushpin in each compartment of a grid of 3 rows and 5 columns."
        ).rule
    truth = json.loads((folder / "truth.json").read_text())
    name = next(name for name, one in truth.items() if one["status"] == "normal")
    missing = next(name for name, one in truth.items() if one["reason"].startswith("Quantity"))
    good = folder / "inspect" / name
    pixels = cv2.imread(str(good))
    cv2.line(pixels, (150, 60), (420, 70), (230, 230, 230), 2)
    scratched = folder / "scratched.png"
    cv2.imwrite(str(scratched), pixels)
    line = SimpleNamespace(
        folder=folder, good=good, scratched=scratched, missing=folder / "inspect" / missing
    )
    with pytest.MonkeyPatch.context() as patch, serving() as endpoint:
        patch.setenv("LOGISIGHT_LLM_URL", endpoint.url)
        endpoint.answer = good_model(line)
        line.calibration = call_witness(taught.product, NAME).calibration
    line.model = endpoint.answer
    return line


def good_model(line):
    """A stand-in that knows the good pictures."""
    return StandIn({file_sha256(path) for path in [line.good, *(line.folder / "references").iterdir()]})


@pytest.fixture
def product(line, tmp_path):
    return shutil.copytree(line.folder / "box", tmp_path / "box")


@pytest.fixture
def model(endpoint, line):
    endpoint.answer = good_model(line)
    return endpoint.answer


def tried_otherwise(product, good, spoiled, **changes):
    """Have it kept that a model suspected good and spoiled pictures otherwise."""
    (path,) = (product / "witnesses").iterdir()
    kept = Calibration.model_validate_json(path.read_bytes())
    suspicions = {"good": good}
    trials = [
        trial.model_copy(update={"suspicion": suspicions.get(trial.state, spoiled)}) for trial in kept.trials
    ]
    path.write_text(kept.model_copy(update={"trials": trials, **changes}).model_dump_json())


def inspect(product, picture, when=When.always):
    opened = open_product(product)
    with Inspector(opened, witness=call_witness(opened, NAME, when)) as inspector:
        ((verdict, _),) = inspector.look_at([picture])
    return verdict


def test_what_no_rule_looks_at_is_seen_and_it_is_said_that_the_rules_hold(product, line, model):
    verdict = inspect(product, line.scratched)
    assert verdict.status == "anomalous"
    assert (
        verdict.explanation
        == f"Anomalous: the witness {NAME} says: there is a scratch on it. Yet the rule holds."
    )
    ruled, seen = verdict.findings
    assert (ruled.status, ruled.rule, ruled.witness) == ("passed", 1, "")
    assert (seen.status, seen.rule, seen.witness, seen.kind) == ("failed", 0, NAME, "structural")
    assert SUFFICIENT < seen.weight < 1 and 0.5 < seen.score < 1
    assert seen.parts[0].box == (10, 10, 60, 40)
    assert (verdict.usage.calls, verdict.usage.input_tokens) == (1, 700)


def test_who_sees_nothing_wrong_agrees_and_the_rules_decide(product, line, model):
    verdict = inspect(product, line.good)
    assert verdict.status == "normal"
    assert verdict.explanation == f"Normal: the rule holds. The witness {NAME} sees nothing wrong."
    assert verdict.score < 0.5


def test_a_rule_that_failed_is_not_put_to_a_witness(product, line, model):
    verdict = inspect(product, line.missing)
    assert verdict.status == "anomalous"
    assert not model.judged
    assert verdict.usage.calls == 0
    assert not any(finding.witness for finding in verdict.findings)


def test_in_doubt_a_picture_whose_parts_are_seen_well_is_not_put_to_a_witness(product, line, model):
    verdict = inspect(product, line.good, When.doubt)
    assert (verdict.status, verdict.usage.calls) == ("normal", 0)
    assert not model.judged


def test_what_a_detector_alone_sees_is_put_to_a_witness_who_is_pointed_at_it_and_not_told_why(
    product, line, model, endpoint, tmp_path
):
    opened, inked = open_product(product), tmp_path / "inked.png"
    pixels = cv2.imread(str(line.good))
    cv2.circle(pixels, (12, 12), 6, INK, -1)
    cv2.imwrite(str(inked), pixels)
    ink = Ink()
    calibrate(ink, [read_sample(line.good)])
    witness = call_witness(opened, NAME, When.doubt)
    with Inspector(opened, witness=witness, detectors=[ink]) as inspector:
        clean, seen = inspector.inspect([line.good, inked])
    assert (clean.status, clean.usage.calls) == ("normal", 0)
    assert seen.usage.calls == 1 and model.judged == [file_sha256(inked)]
    assert [finding.status for finding in seen.findings if not finding.ruled] == ["undecided", "failed"]
    assert seen.status == "anomalous"
    question = endpoint.asked[-1]["messages"][-1]["content"]
    texts = [piece["text"] for piece in question if piece["type"] == "text"]
    (closer,) = [text for text in texts if "a closer look at the box" in text]
    assert 'at "place".' in closer
    assert not any("detector" in text for text in texts)


def test_a_model_that_suspects_everything_counts_for_nothing_and_it_is_said(product, line, model):
    model.suspicion = (0.98, 0.98)
    tried_otherwise(product, *model.suspicion)
    verdict = inspect(product, line.good)
    assert verdict.status == "normal"
    assert not any(finding.witness for finding in verdict.findings)
    note = verdict.notes[-1]
    assert NAME in note and "does not tell good pictures from spoiled ones" in note


@pytest.mark.parametrize("odds", [True, False])
def test_a_model_that_leans_to_anomalous_is_corrected_by_what_it_said_of_good_pictures(
    product, line, model, odds
):
    model.suspicion, model.odds = (0.9, 0.99), odds
    tried_otherwise(product, *model.suspicion, odds=odds)
    assert inspect(product, line.good).status == "normal"
    assert inspect(product, line.scratched).status == "anomalous"


def test_few_references_are_not_enough_to_overrule_rules_that_hold(demo_line, line, endpoint, tmp_path):
    product = shutil.copytree(demo_line / "box", tmp_path / "few")
    endpoint.answer = StandIn({file_sha256(path) for path in (demo_line / "references").iterdir()})
    verdict = inspect(product, line.scratched)
    assert verdict.status == "undecided"
    assert "its word alone is not enough. Yet all 3 rules hold." in verdict.explanation


def test_it_is_tried_on_good_and_on_spoiled_pictures_and_never_shown_the_original(line):
    tried = line.calibration
    spoiled = dict.fromkeys(("removed", "scratched", "stained"), (5, 5))
    assert tried.suspected == {"good": (0, 5), **spoiled}
    assert tried.odds and tried.usage.calls == len(tried.trials) == 20
    first, second, *_ = [one.sha256 for one in open_product(line.folder / "box").file.references]
    beside = Counter(
        one
        for judged, shown in line.model.asked
        if judged not in line.model.good
        for one in shown
        if one in line.model.good
    )
    # The first reference picture is shown beside all spoiled copies, but not beside its own.
    assert beside == {first: 12, second: 3}


def test_how_it_did_is_kept_with_the_product_until_its_questions_change(product, model, monkeypatch):
    monkeypatch.setattr(examination, "MOST_PICTURES", 1)
    opened = open_product(product)
    first = call_witness(opened, NAME).calibration
    assert not model.judged
    with Workshop(opened) as workshop:
        assert workshop.author("Each pushpin is yellow.").rule
    assert call_witness(opened, NAME).calibration.asked_sha256 != first.asked_sha256
    assert len(model.judged) == 4


def test_a_model_that_sees_no_pictures_is_refused_at_the_start(product, endpoint):
    endpoint.in_turn_held(failure(400, "this model does not take images"))
    with pytest.raises(ModelError, match="images"):
        call_witness(open_product(product), NAME, fresh=True)


def test_an_answer_that_cannot_be_used_leaves_the_picture_undecided(product, line, model):
    opened = open_product(product)
    witness = call_witness(opened, NAME, When.always)
    model.reason = "有划痕"
    with Inspector(opened, witness=witness) as inspector:
        verdict, _ = inspector.look(line.scratched)
    assert verdict.status == "undecided"
    assert "its answer could not be used" in verdict.explanation and "English" in verdict.explanation
    assert verdict.usage.calls == 2


def test_a_run_ends_in_one_line_when_the_model_is_gone_and_what_is_done_is_kept(
    product, line, model, endpoint, tmp_path, monkeypatch
):
    from logisight.agents import graph

    monkeypatch.setattr(graph, "AT_ONCE", 1)
    arguments = ("inspect", product, line.good, line.scratched, "--witness", NAME, "--ask", "always")
    answer, gone = endpoint.answer, [file_sha256(line.scratched)]

    def until_then(body):
        reply = answer(body)
        return failure(500, "out of memory") if answer.judged and answer.judged[-1] in gone else reply

    endpoint.answer = until_then
    ended = logisight(*arguments, "--out", tmp_path / "out")
    assert ended.returncode == 2
    assert "out of memory" in ended.stderr.strip().splitlines()[-1]
    kept = (tmp_path / "out" / "results.jsonl").read_text().splitlines()
    assert [json.loads(one)["status"] for one in kept] == ["normal"]
    endpoint.answer = answer
    asked = len(answer.judged)
    ended = logisight(*arguments, "--out", tmp_path / "out")
    assert ended.returncode == 1
    assert len(answer.judged) == asked + 1
    report = (tmp_path / "out" / "report.html").read_text()
    assert f"Witness {NAME}, weight" in report


def test_results_of_another_witness_are_not_mixed(product, line, model, tmp_path):
    out = ("--out", tmp_path / "out")
    assert logisight("inspect", product, line.good, *out).returncode == 0
    ended = logisight("inspect", product, line.good, *out, "--witness", NAME)
    assert ended.returncode == 2 and "results of another" in ended.stderr


def test_the_table_says_what_a_witness_is_worth(product, model, monkeypatch):
    monkeypatch.setattr(examination, "MOST_PICTURES", 1)
    ended = logisight("witness", product, NAME)
    assert ended.returncode == 0, ended.stderr
    assert "weight 0.63" in ended.stdout and "20 calls" in ended.stdout
    facts = json.loads(logisight("witness", product, NAME, "--json").stdout)
    assert facts["weight"] == pytest.approx(15 / 17 * 5 / 7, abs=1e-6)
    model.suspicion = (0.9, 0.9)
    ended = logisight("witness", product, NAME, "--fresh")
    assert ended.returncode == 1
    assert "counts for nothing" in ended.stdout
