"""The question about a picture of a product: what goes in, where it points, and no reference is a test."""

from __future__ import annotations

import dataclasses
import io
import json

import numpy as np
import pytest
from builders import scene, square
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from logisight import Workshop, open_product
from logisight.agents.product import FORMAT, Product, ProductFile, Reference
from logisight.agents.prompting.composing import MOST_MARKS, PromptSettings, compose
from logisight.agents.prompting.samples import author_question, inspection_question
from logisight.prompts import (
    PRESETS,
    InspectionPrompt,
    Piece,
    PromptError,
    inspection_messages,
    using_templates,
)
from logisight.schema import Evidence, Finding, ProductError
from logisight.tools.pictures import read_picture
from PIL import Image
from pydantic import PrivateAttr

FULL = PromptSettings()


@pytest.fixture(scope="module")
def box(demo_line):
    return open_product(demo_line / "box")


@pytest.fixture(scope="module")
def picture(demo_line):
    return read_picture(demo_line / "inspect" / "000.png")


@pytest.fixture(scope="module")
def several(demo_line, tmp_path_factory):
    """The same product with five reference pictures of plain shades."""
    folder = tmp_path_factory.mktemp("several")
    (folder / "references").mkdir()
    (folder / "parts.safetensors").symlink_to(demo_line / "box" / "parts.safetensors")
    references = []
    for shade in range(0, 250, 50):
        Image.new("RGB", (40, 30), (shade,) * 3).save(folder / "references" / "new.png")
        sha256 = read_picture(folder / "references" / "new.png").sha256
        (folder / "references" / "new.png").rename(folder / "references" / f"{sha256}.png")
        references.append(Reference(name=f"{shade}.png", sha256=sha256, suffix=".png", annotated=False))
    return Product(folder, ProductFile(format=FORMAT, references=references))


def at(x0, y0, x1, y1, label="place") -> Evidence:
    return Evidence(label=label, box=(x0, y0, x1, y1))


def finding(*parts, status="failed", rule=1) -> Finding:
    return Finding(
        rule=rule, text="x", kind="size", status=status, reason="too long", parts=list(parts), score=0.5
    )


def pixels_of(sent) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(sent.data)).convert("RGB"))


def test_a_preset_holds_its_pieces_and_no_others(box, picture):
    rules = box.rulebook().rules
    holds = {
        "product": lambda prompt: prompt.product,
        "rules": lambda prompt: prompt.rules,
        "hints": lambda prompt: prompt.hints,
        "references": lambda prompt: prompt.references,
        "counts": lambda prompt: prompt.counts,
        "marks": lambda prompt: prompt.marked,
        "crops": lambda prompt: prompt.crops,
        "findings": lambda prompt: prompt.findings,
    }
    assert set(holds) == set(Piece)
    seen = box.see(picture)[1].scene
    for name, pieces in PRESETS.items():
        settings = PromptSettings.preset(name, hints=("rust",))
        found = [finding(at(10, 10, 60, 60))]
        prompt = compose(box, picture, seen, rules=rules, findings=found, settings=settings)
        assert {piece for piece in holds if holds[piece](prompt)} == set(pieces), name


def test_the_product_is_named_in_words_with_its_labels(box, picture, demo_line, tmp_path):
    (tmp_path / "metal_nut").symlink_to(demo_line / "box")
    linked = dataclasses.replace(box, folder=tmp_path / "metal_nut")
    assert compose(linked, picture).product.name == "box"
    assert compose(box, picture).product.labels == box.model.labels


def test_the_same_reference_pictures_evenly_over_all_are_sent_with_every_picture(several):
    settings = PromptSettings(references=3)
    shown = [compose(several, np.zeros((9, 9, 3), np.uint8), settings=settings).references for _ in range(2)]
    assert [reference.name for reference in shown[0]] == ["0.png", "100.png", "200.png"]
    assert all(one is other for one, other in zip(*shown, strict=True))


@pytest.mark.parametrize(("asked", "shown"), [(0, 0), (1, 1), (5, 5), (16, 5)])
def test_as_many_reference_pictures_as_there_are_are_sent_at_most(several, asked, shown):
    prompt = compose(several, np.zeros((9, 9, 3), np.uint8), settings=PromptSettings(references=asked))
    assert len({reference.data for reference in prompt.references}) == shown


def test_a_reference_picture_is_never_shown_beside_itself(several):
    for reference, picture in several.reference_pictures():
        prompt = compose(several, picture, settings=PromptSettings(references=16))
        assert len(prompt.references) == 4
        assert reference.name not in [shown.name for shown in prompt.references]


def test_nor_is_one_that_is_to_be_left_out(several):
    reference, picture = next(several.reference_pictures())
    prompt = compose(
        several, picture.pixels, leave_out=reference.sha256, settings=PromptSettings(references=16)
    )
    assert [shown.name for shown in prompt.references] == ["50.png", "100.png", "150.png", "200.png"]


def test_a_reference_picture_that_was_changed_is_one_line(box, picture, tmp_path):
    broken = dataclasses.replace(box, folder=tmp_path)
    (tmp_path / "references").mkdir()
    for reference in box.file.references:
        Image.new("RGB", (8, 8)).save(tmp_path / "references" / reference.file)
    # At a size of its own, since what was sent before is kept.
    settings = PromptSettings(pieces=frozenset({Piece.references}), longest_side=777)
    with pytest.raises(ProductError, match="not the picture that was taught"):
        compose(broken, picture, settings=settings)


def test_marks_are_numbered_as_they_are_told_and_lie_on_the_parts(box, picture):
    seen = box.see(picture)[1].scene
    marks = compose(box, picture, seen).marked.marks
    assert [mark.number for mark in marks] == list(range(1, len(seen.all_parts) + 1))
    parts = [part for label in seen.labels for part in seen.parts(label)]
    assert [(mark.label, mark.box) for mark in marks] == [(part.label, part.box) for part in parts]


def test_boxes_are_in_pixels_of_the_picture_as_it_is_sent(box):
    pixels = np.zeros((400, 800, 3), np.uint8)
    whole = scene(square(10, 20, 30, 40), size=(80, 40 * 2))
    prompt = compose(box, pixels, whole, settings=PromptSettings(references=0, longest_side=200))
    assert (prompt.picture.width, prompt.picture.height) == (200, 100)
    (mark,) = prompt.marked.marks
    assert mark.box == (25, 25, 100, 75)
    assert prompt.to_full_size(mark.box) == (10, 20, 40, 60)
    assert (prompt.marked.picture.width, prompt.marked.picture.height) == (200, 100)


def test_a_crowded_picture_has_some_marks_and_says_how_many_more(box):
    crowd = scene(*(square(x, 0, 2, 5) for x in range(0, 2 * MOST_MARKS + 20, 2)), size=(200, 80))
    prompt = compose(box, np.zeros((80, 200, 3), np.uint8), crowd, settings=PromptSettings(references=0))
    assert (len(prompt.marked.marks), prompt.marked.unmarked) == (MOST_MARKS, 10)


def test_closer_looks_show_where_detectors_and_then_findings_point(box):
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[40:60, 100:120] = (255, 0, 0)
    pixels[10:20, 10:20] = (0, 255, 0)
    prompt = compose(
        box,
        pixels,
        findings=[finding(at(100, 40, 120, 60, "nut")), finding(at(0, 0, 50, 50), status="passed")],
        pointed=[at(10, 10, 20, 20, "scratch")],
        settings=PromptSettings(references=0),
    )
    assert [crop.label for crop in prompt.crops] == ["scratch", "nut"]
    assert [crop.box for crop in prompt.crops] == [(7, 7, 23, 23), (94, 34, 126, 66)]
    for crop, colour in zip(prompt.crops, (1, 0), strict=True):
        close = pixels_of(crop.picture)
        middle = close[close.shape[0] // 2, close.shape[1] // 2]
        assert middle[colour] > 200
        assert close.shape[0] == 4 * (crop.box[3] - crop.box[1])


def test_a_place_is_looked_at_once_and_only_so_many_are(box):
    pixels = np.zeros((400, 400, 3), np.uint8)
    places = [at(x, 10, x + 10, 20, f"{x}") for x in (10, 11, 60, 110, 160, 210)]
    prompt = compose(box, pixels, pointed=places, settings=PromptSettings(references=0, most_crops=3))
    assert [crop.label for crop in prompt.crops] == ["10", "60", "110"]


@pytest.mark.parametrize(
    "place",
    [
        (0, 0, 390, 390),
        (-50, -50, -40, -40),
        (500, 500, 600, 600),
        (20, 20, 10, 10),
        (float("nan"), 0, 5, 5),
        (-1e30, 0, 1e30, 400),
    ],
    ids=["all of it", "left of it", "below it", "inside out", "nowhere", "endless"],
)
def test_a_place_that_shows_nothing_more_is_not_looked_at(box, place):
    pixels = np.zeros((400, 400, 3), np.uint8)
    prompt = compose(box, pixels, pointed=[at(*place), at(50, 50, 60, 60, "nut")])
    assert [crop.label for crop in prompt.crops] == ["nut"]


def test_only_findings_that_did_not_pass_are_told(box, picture):
    found = [finding(status=status, rule=n) for n, status in enumerate(("passed", "failed", "undecided"))]
    assert [one.rule for one in compose(box, picture, findings=found).findings] == [1, 2]


def test_more_views_of_the_same_thing_are_sent(box):
    views = [np.full((20, 30, 3), shade, np.uint8) for shade in (0, 100, 200)]
    prompt = compose(box, views[0], views=views[1:], settings=PromptSettings(references=0))
    assert [int(pixels_of(sent).mean()) for sent in prompt.pictures] == [0, 100, 200]


@pytest.mark.parametrize(
    "changes", [{"references": -1}, {"references": 17}, {"longest_side": 10}, {"most_crops": 99}], ids=str
)
def test_a_setting_out_of_its_range_is_one_line(changes):
    with pytest.raises(PromptError, match="of a prompt must be from"):
        PromptSettings(**changes)


def test_a_preset_that_there_is_not_is_one_line():
    with pytest.raises(PromptError, match=r"no preset 'expert'.*there are: naive, class"):
        PromptSettings.preset("expert")


def test_a_question_about_a_picture_on_disk_holds_what_its_rules_say(demo_line, box):
    truth = json.loads((demo_line / "truth.json").read_text())
    for status in ("normal", "anomalous"):
        name = next(name for name, told in truth.items() if told["status"] == status)
        prompt = inspection_question(box, demo_line / "inspect" / name, FULL)
        assert bool(prompt.findings) == bool(prompt.crops) == (status == "anomalous")
        assert prompt.marked
        assert len(prompt.rules) == 3


def test_a_naive_question_needs_no_eyes(demo_line, box):
    blind = dataclasses.replace(box, folder=box.folder)
    blind.__dict__["model"] = None
    prompt = inspection_question(blind, demo_line / "inspect" / "000.png", PromptSettings.preset("naive"))
    assert prompt == InspectionPrompt(prompt.picture, prompt.full_size)


def test_a_sample_that_is_no_picture_is_asked_about_by_its_views(box, tmp_path):
    x, y = np.meshgrid(np.linspace(-1, 1, 60), np.linspace(-1, 1, 60))
    points = np.column_stack([x.ravel(), y.ravel(), (np.sin(3 * x) * y).ravel()])
    header = f"ply\nformat ascii 1.0\nelement vertex {len(points)}\n"
    header += "".join(f"property float {axis}\n" for axis in "xyz") + "end_header\n"
    body = "\n".join(" ".join(f"{value:.4f}" for value in point) for point in points)
    (tmp_path / "a.ply").write_text(header + body + "\n")
    prompt = inspection_question(box, tmp_path / "a.ply", FULL)
    assert len(prompt.views) >= 1
    assert not prompt.counts
    assert "another view" in str(inspection_messages(prompt)[1].content)


class Listener(BaseChatModel):
    """Keeps what it is asked, and will not write a check."""

    _asked: list[list[BaseMessage]] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "listener"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: object,
    ) -> ChatResult:
        self._asked.append(messages)
        answer = AIMessage('{"reason": "no", "nearest": ""}')
        return ChatResult(generations=[ChatGeneration(message=answer)])


def test_the_shown_question_of_an_author_is_the_one_that_is_asked(box):
    sentence = "There are  exactly 15 pushpins."
    listener = Listener()
    with Workshop(box) as workshop:
        workshop.author(sentence, listener)
    assert [message.text for message in author_question(box, sentence)] == [
        message.text for message in listener._asked[0]
    ]


def test_templates_of_ones_own_reach_the_author(box, tmp_path):
    (tmp_path / "author_system.j2").write_text("my own words")
    listener = Listener()
    with Workshop(box) as workshop, using_templates(tmp_path):
        workshop.author("There are exactly 15 pushpins.", listener)
    assert listener._asked[0][0].text == "my own words"
