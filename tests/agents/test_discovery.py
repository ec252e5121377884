"""Proposals are proven, say nothing twice, and become rules only when a person accepts them."""

from __future__ import annotations

import json
import shutil

import pytest
import typer
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from logisight.agents.discovery.kept import accept, chosen_numbers, keep_proposals, last_proposals
from logisight.agents.discovery.model import discover_with
from logisight.agents.discovery.search import discover
from logisight.agents.product import open_product
from logisight.agents.reasoner import OFFLINE
from logisight.agents.rulebook import is_proven
from logisight.agents.workshop import Workshop
from logisight.cli.discover import _asked
from logisight.cli.discover import discover as discover_command
from logisight.schema import AuthorError
from typer.testing import CliRunner

GRID = "There is exactly one pushpin in each compartment of a grid of 3 rows and 5 columns."
COUNT = "The box contains exactly 15 pushpins."


@pytest.fixture(scope="module")
def bare(demo_line, tmp_path_factory):
    """The demo product without rules."""
    folder = shutil.copytree(demo_line / "box", tmp_path_factory.mktemp("bare") / "box")
    shutil.rmtree(folder / "rules")
    return folder


@pytest.fixture(scope="module")
def found(bare):
    with Workshop(open_product(bare)) as workshop:
        return discover(workshop)


@pytest.fixture
def product(bare, tmp_path):
    return open_product(shutil.copytree(bare, tmp_path / "box"))


def test_the_demo_product_is_found_out(found):
    sentences = [proposal.sentence for proposal in found.proposals]
    assert sentences[0] == GRID
    assert "Each pushpin is yellow." in sentences
    assert "Each pushpin has its usual length and width." in sentences


def test_each_proposal_is_proven_and_says_how_many_pictures_show_it(found):
    for proposal in found.proposals:
        assert is_proven(proposal.rule)
        assert (proposal.support, proposal.references) == (1, 1)
        assert proposal.evidence.startswith("1 of 1 reference picture shows")


def test_what_a_stronger_proposal_says_is_left_out_with_the_reason(found):
    reasons = {left.sentence: left.reason for left in found.left_out}
    assert "stronger" in reasons[COUNT]
    assert "stronger" in reasons["There are exactly 15 pushpins."]


def test_few_pictures_are_a_caution(found):
    assert found.notes == [
        "with only 1 reference picture, what is always so may be chance; read each before you accept it"
    ]


def test_nothing_is_kept_by_discovering(bare, found):
    assert found.proposals
    assert open_product(bare).rulebook().rules == []


def test_accepted_ones_become_rules_that_count(product, found):
    rules = accept(product, found, [1, 2])
    assert [rule.number for rule in rules] == [1, 2]
    kept = product.rulebook().rules
    assert [rule.text for rule in kept] == [proposal.sentence for proposal in found.proposals[:2]]
    assert all(map(is_proven, kept))
    assert [rule.number for rule in accept(product, found, [2])] == [2]


def test_what_the_rulebook_says_already_is_not_proposed(product, found):
    accept(product, found, range(1, len(found.proposals) + 1))
    with Workshop(product) as workshop:
        assert discover(workshop).proposals == []


@pytest.mark.parametrize("text", ["0", "4", "1,,2", "two", "-1", "1;2", "", "1,99999999999999999999"])
def test_numbers_that_were_not_proposed_are_an_error(text):
    with pytest.raises(AuthorError, match="numbers from 1 to 3"):
        chosen_numbers(text, 3)


def test_proposals_are_the_last_ones_that_were_made(product, found):
    with pytest.raises(AuthorError, match="nothing has been proposed"):
        last_proposals(product, OFFLINE)
    keep_proposals(product, OFFLINE, found)
    assert last_proposals(product, OFFLINE) == found
    with pytest.raises(AuthorError, match="in other ways"):
        last_proposals(product, "vllm:other")


def test_proposals_for_other_eyes_or_damaged_ones_are_not_taken(product, found):
    keep_proposals(product, OFFLINE, found)
    model = product.folder / "parts.safetensors"
    model.write_bytes(model.read_bytes() + b" ")
    with pytest.raises(AuthorError, match="in other ways"):
        last_proposals(product, OFFLINE)
    (product.folder / "proposals.json").write_text("{}")
    with pytest.raises(AuthorError, match="no proposals"):
        last_proposals(product, OFFLINE)


class Proposer(BaseChatModel):
    """Proposes sentences, and writes a check for what offline cannot read; sees nothing."""

    proposals: str
    code: str = ""
    asked: list = []

    @property
    def _llm_type(self):
        return "proposer"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        text = str(messages[0].text)
        answer = "red"
        if "YOUR FUNCTION" in text:
            answer = json.dumps({"code": self.code, "kind": "size", "breaks": ["resized"], "labels": ["box"]})
        elif "THE SENTENCES" in text:
            self.asked.append(messages)
            answer = self.proposals
        return ChatResult(generations=[ChatGeneration(message=AIMessage(answer))])


LARGE = """def check(scene):
    boxes = scene.parts("box")
    good = len(boxes) == 1 and 400 < boxes[0].width < 700
    expect(good, kind="size", reason="the box has another size", parts=boxes)
"""


def offered(*sentences):
    return json.dumps({"proposals": [{"sentence": one, "why": "all show it"} for one in sentences]})


def ask(product, proposals, code=""):
    model = Proposer(proposals=proposals, code=code, asked=[])
    with Workshop(product) as workshop:
        return discover_with(model, workshop), model


def test_a_model_proposes_and_only_what_is_proven_is_left(product):
    found, _ = ask(product, offered(GRID, "There are exactly 14 pushpins.", COUNT, GRID))
    assert found.proposals[0].sentence == GRID
    assert found.proposals[0].evidence == "holds on 1 of 1; the model says: all show it"
    reasons = {left.sentence: left.reason for left in found.left_out}
    assert "does not hold on a reference picture" in reasons["There are exactly 14 pushpins."]


def test_a_sentence_that_offline_cannot_read_is_written_by_the_model(product):
    found, _ = ask(product, offered("The box is as big as a shoe box."), LARGE)
    (proposal,) = found.proposals
    assert (proposal.rule.code, proposal.rule.reasoner) == (LARGE, "proposer")


def test_hostile_code_of_a_model_is_not_proposed(product):
    found, _ = ask(product, offered("The box is as big as a shoe box."), "import os\n" + LARGE)
    assert found.proposals == []
    assert "import" in found.left_out[0].reason


def test_a_model_is_told_facts_as_data_and_how_to_say_it(product):
    _, model = ask(product, offered(GRID))
    system, human = model.asked[0]
    assert "Each box contains at most three pushpins." in system.text
    data = json.loads(human.text.strip().splitlines()[-1])
    assert data["measured"]["pushpin"]["count"] == [15, 15]
    assert len(data["parts"][0]["pushpin"]) == 15


@pytest.mark.parametrize(
    "answer",
    [
        "Sure! Here are some rules.",
        "{}",
        offered(*["x" * 400]),
        offered(*map(str, range(99))),
        offered("图钉"),
    ],
    ids=["prose", "another schema", "too long", "too many", "Chinese"],
)
def test_an_answer_that_cannot_be_used_is_one_line(product, answer):
    with pytest.raises(AuthorError, match="proposes nothing that can be used") as raised:
        ask(product, answer)
    assert "\n" not in str(raised.value)


def test_control_characters_of_a_model_reach_nobody(product):
    found, _ = ask(product, offered("There are\x1b[2J exactly\n 14 pushpins."))
    assert found.left_out[0].sentence.isprintable()


app = typer.Typer(pretty_exceptions_enable=False)
app.command()(discover_command)


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_lists_and_then_accepts_what_was_listed(product):
    listed = run(product.folder)
    assert listed.exit_code == 0
    assert f" 1. {GRID}" in listed.stdout and "--accept 1,2" in listed.stdout
    assert product.rulebook().rules == []
    accepted = run(product.folder, "--accept", "1")
    assert f"Rule 1 kept: {GRID}" in accepted.stdout
    assert [rule.text for rule in product.rulebook().rules] == [GRID]


def test_the_command_answers_in_json(product, found):
    keep_proposals(product, OFFLINE, found)
    facts = json.loads(run(product.folder, "--accept", "all", "--json", "--left-out").stdout)
    assert [one["kept_as"] for one in facts["proposals"]] == list(range(1, len(found.proposals) + 1))
    assert facts["proposals"][0]["sentence"] == GRID
    assert facts["left_out"]


def test_accepting_before_anything_was_proposed_is_an_error(product):
    assert isinstance(run(product.folder, "--accept", "1").exception, AuthorError)


@pytest.mark.parametrize(
    ("answers", "kept"),
    [("y\nn\nq\n", [1]), ("n\na\n", "all but the first"), ("q\n", []), ("what\ny\nq\n", [1])],
)
def test_at_a_terminal_each_is_asked_for(found, answers, kept):
    asking = typer.Typer()
    asking.command()(lambda: typer.echo(f"kept {_asked(found)}"))
    said = CliRunner().invoke(asking, [], input=answers).stdout
    expected = list(range(2, len(found.proposals) + 1)) if kept == "all but the first" else kept
    assert f"kept {expected}" in said
