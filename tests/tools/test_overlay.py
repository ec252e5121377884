"""Overlays: sizes, what is marked, and texts that try to break them."""

from __future__ import annotations

import numpy as np
import pytest
from builders import disc, scene, square
from logisight.schema import Evidence, Finding, Verdict
from logisight.tools.caption import MAX_REASONS
from logisight.tools.lettering import plain, text_width, wrap
from logisight.tools.overlay import draw_overlay, open_findings
from logisight.tools.palette import FAILED, NORMAL, OF_STATUS, UNDECIDED, label_colour

HOSTILE = ["", " ", "\n\t\x00", "\ud800", "\u202eevil", "x" * 20_000, "<script>alert(1)</script>", "%s{0}\\"]
SCRIPTS = ["Größe ÄÖÜß", "Ωμέγα", "Кнопка", "隔间", "상자", "קופסה", "🎈"]


def grey(width, height):
    return np.full((height, width, 3), 90, np.uint8)


def finding(status="failed", reason="one is missing", parts=(), kind="quantity"):
    return Finding(
        rule=1, text="a rule", kind=kind, status=status, reason=reason, parts=list(parts), score=0.5
    )


def verdict(*findings, status="anomalous", **more):
    fields = {"sample": "a/b.png", "sha256": "", "score": 0.75, "explanation": "Normal: all 2 rules hold."}
    return Verdict(status=status, findings=list(findings), **{**fields, **more})


def region(x0, y0, x1, y1):
    return Evidence(label="row 1 column 2", box=(x0, y0, x1, y1))


def evidence_of(part):
    return Evidence(label=part.label, box=part.box, outline=part.outline)


def colours(pixels):
    """Every colour that is there, as a set of (red, green, blue)."""
    return set(map(tuple, pixels.reshape(-1, 3).tolist()))


def factor_of(overlay, width):
    return overlay.shape[1] // width


@pytest.mark.parametrize(
    ("size", "factor"),
    [((64, 64), 13), ((586, 346), 2), ((800, 500), 1), ((1700, 1000), 1), ((4000, 3000), 1), ((1, 1), 800)],
)
def test_picture_is_enlarged_by_a_whole_factor_and_a_caption_is_added_below(size, factor):
    width, height = size
    overlay = draw_overlay(grey(width, height), scene(size=size, labels=["pin"]), verdict(status="normal"))
    assert overlay.dtype == np.uint8
    assert overlay.shape[1] == width * factor
    assert overlay.shape[0] > height * factor
    assert (overlay[: height * factor] == 90).all()


@pytest.mark.parametrize("size", [(90, 1200), (20, 900)])
def test_a_narrow_picture_gets_paper_beside_it_so_that_the_caption_can_be_read(size):
    overlay = draw_overlay(grey(*size), scene(size=size), verdict(status="normal"))
    assert overlay.shape[1] >= 520
    assert (overlay[: size[1], : size[0]] == 90).all()


def test_the_given_pixels_stay_as_they_are():
    pixels = grey(900, 600)
    draw_overlay(
        pixels, scene(disc(10, 10, 300), size=(900, 600)), verdict(finding(parts=[region(0, 0, 9, 9)]))
    )
    assert (pixels == 90).all()


def test_outlines_lie_around_parts_in_the_colour_of_their_label_and_hide_nothing():
    parts = [square(100, 100, 200, 150, label="box"), square(500, 200, 60, 60, label="pin")]
    view = scene(*parts, size=(900, 600))
    overlay = draw_overlay(grey(900, 600), view, verdict(status="normal"))
    for part in parts:
        x0, y0, x1, y1 = map(int, part.box)
        around = overlay[y0 - 8 : y1 + 8, x0 - 8 : x1 + 8]
        assert label_colour(view.labels, part.label) in colours(around)
        assert (overlay[y0 + 1 : y1 - 1, x0 + 1 : x1 - 1] == 90).all()


@pytest.mark.parametrize(("status", "colour"), [("failed", FAILED), ("undecided", UNDECIDED)])
def test_a_finding_on_a_part_is_outlined_in_its_colour(status, colour):
    part = square(300, 200, 200, 100, label="pin")
    view = scene(part, size=(900, 600))
    plain_overlay = draw_overlay(grey(900, 600), view, verdict(status="normal"))
    marked = draw_overlay(grey(900, 600), view, verdict(finding(status, parts=[evidence_of(part)])))
    assert colour not in colours(plain_overlay[:600])
    right_edge = marked[220:280, 500:506]
    assert colour in colours(right_edge)
    assert (marked[230:270, 330:470] == 90).all()


def test_a_place_where_something_is_missing_is_tinted_and_its_surroundings_are_not():
    overlay = draw_overlay(
        grey(900, 600), scene(size=(900, 600)), verdict(finding(parts=[region(300, 200, 500, 400)]))
    )
    inside, far = overlay[250:350, 350:450], overlay[450:550, 50:150]
    assert (inside[..., 0] > 90).all()
    assert (inside[..., 2] < 90).all()
    assert (far == 90).all()


def test_one_place_named_by_many_findings_is_tinted_once():
    place = region(300, 200, 500, 400)
    once = draw_overlay(grey(900, 600), scene(size=(900, 600)), verdict(finding(parts=[place])))
    often = draw_overlay(grey(900, 600), scene(size=(900, 600)), verdict(*[finding(parts=[place])] * 9))
    assert np.array_equal(once[350, 450], often[350, 450])


def test_numbers_of_findings_at_one_place_do_not_cover_each_other():
    place = region(300, 200, 500, 400)
    overlay = draw_overlay(grey(900, 600), scene(size=(900, 600)), verdict(*[finding(parts=[place])] * 3))
    for number in range(3):
        x = 300 + 24 * number
        assert FAILED in colours(overlay[191:209, x - 9 : x + 9])


@pytest.mark.parametrize("status", ["normal", "anomalous", "undecided"])
def test_the_caption_carries_the_colour_of_the_status(status):
    overlay = draw_overlay(grey(900, 600), scene(size=(900, 600)), verdict(status=status))
    assert (overlay[600:, 0] == OF_STATUS[status]).all()
    assert set(OF_STATUS.values()) == {NORMAL, FAILED, UNDECIDED}


def heights(*findings, **more):
    return draw_overlay(grey(900, 600), scene(size=(900, 600)), verdict(*findings, **more)).shape[0]


def test_caption_grows_with_reasons_up_to_a_limit_and_then_by_one_line():
    full = heights(*[finding()] * MAX_REASONS)
    assert heights(finding()) < heights(finding(), finding()) < full
    one_line = heights(finding(), finding()) - heights(finding())
    assert heights(*[finding()] * 30) - full == pytest.approx(one_line, abs=2)


def test_long_reasons_are_wrapped_and_notes_are_shown():
    assert heights(finding(reason="word " * 90)) > heights(finding(reason="word"))
    assert heights(notes=["one note"]) > heights()


@pytest.mark.parametrize("text", [*HOSTILE, *SCRIPTS])
def test_any_text_can_be_a_label_a_reason_or_a_file_name(text):
    view = scene(square(5, 5, 20, 20, label=text), size=(64, 64))
    # A lone surrogate cannot stand in a Finding, but in a label it can.
    reason = text.encode("utf-8", "replace").decode()
    overlay = draw_overlay(grey(64, 64), view, verdict(finding(reason=reason), sample=f"a/{reason}"))
    assert overlay.shape[1] == 832


@pytest.mark.parametrize("text", SCRIPTS[:4])
def test_letters_of_other_scripts_are_drawn_and_not_replaced(text):
    assert text_width(text, 20) != text_width("?" * len(text), 20)


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan"), 1e300])
def test_evidence_far_outside_the_picture_is_drawn_at_its_edge(number):
    places = [Evidence(label="x", box=(number, 0, 10, number)), Evidence(label="x", box=(-5, -5, number, 10))]
    places.append(Evidence(label="x", box=(0, 0, 5, 5), outline=[[], [(number, 0), (5, number)]]))
    places.append(Evidence(label="x", box=(0, 0, 5, 5), outline=[[]]))
    overlay = draw_overlay(grey(100, 100), scene(size=(100, 100)), verdict(finding(parts=places)))
    assert overlay.shape[1] == 800


def test_failed_findings_are_numbered_before_undecided_ones():
    findings = [
        finding("undecided", "a"),
        finding("passed", "b"),
        finding("failed", "c"),
        finding("failed", "d"),
    ]
    assert [one.reason for one in open_findings(verdict(*findings))] == ["c", "d", "a"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" two\n lines ", "two lines"),
        ("a\x00b\u202ec\ud800", "a?b?c?"),
        ("u\u0308ber", "über"),
        ("x" * 600, "x" * 499 + "…"),
    ],
)
def test_plain_keeps_one_line_of_printable_text(text, expected):
    assert plain(text) == expected


@pytest.mark.parametrize("text", ["one two three four five six", "x" * 90, "a " + "y" * 50 + " b", ""])
def test_wrapped_lines_fit_and_lose_no_letter(text):
    lines = wrap(text, 120, 15)
    assert all(text_width(line, 15) <= 120 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_letter_wider_than_the_line_still_gets_a_line():
    assert wrap("ww", 1, 40) == ["w", "w"]


def test_a_title_stands_where_the_status_would():
    given = grey(900, 600), scene(size=(900, 600)), verdict(finding("undecided"))
    plain_overlay = draw_overlay(*given)
    titled, other = (draw_overlay(*given, title=title) for title in ("What differs", "\u202eWhat\x1b"))
    assert titled.shape == other.shape == plain_overlay.shape
    header = slice(600, 640)
    assert OF_STATUS["anomalous"] in colours(plain_overlay[header])
    assert OF_STATUS["anomalous"] not in colours(titled[header])
    assert not np.array_equal(titled, other)


def test_a_title_of_any_length_leaves_the_picture_as_wide_as_it_was():
    given = grey(900, 600), scene(size=(900, 600)), verdict()
    assert draw_overlay(*given, title="x").shape == draw_overlay(*given, title="x" * 999).shape
