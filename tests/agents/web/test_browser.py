"""A person's whole session on the page, in a real browser."""

from __future__ import annotations

import base64
import json
import os
import shutil
import threading
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="the extra `web` is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")

from chat_endpoint import streamed
from playwright import sync_api as playwright
from web_server import product_with_one_rule, serving

pytestmark = pytest.mark.whole

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
RULE = "There is exactly one pushpin in each compartment of a grid of 3 rows and 5 columns."
PATIENCE = 90_000  # milliseconds; a busy machine is no fault of the page
DROP = """([names, data]) => {
  const files = new DataTransfer();
  names.forEach((name, n) => files.items.add(
    new File([Uint8Array.from(atob(data[n]), (c) => c.charCodeAt(0))], name, { type: "image/png" })));
  for (const kind of ["dragenter", "dragover", "drop"])
    document.body.dispatchEvent(
      new DragEvent(kind, { dataTransfer: files, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pictures(demo_line) -> list[Path]:
    """One with an empty compartment, and one with a red pushpin."""
    truth = json.loads((demo_line / "truth.json").read_text())
    found = [
        next(name for name in truth if words in truth[name]["reason"]) for words in ("holds 0", "is red")
    ]
    return [demo_line / "inspect" / name for name in found]


@pytest.fixture
def url(demo_line, tmp_path):
    with serving(product_with_one_rule(demo_line, tmp_path)) as url:
        yield url


@pytest.fixture(params=[(1280, 800), (390, 844)], ids=["wide", "narrow"])
def page(request, browser, url):
    """The page, which must not say anything to the console."""
    width, height = request.param
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(PATIENCE)
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(url)
    page.wait_for_selector(".hint")
    yield page
    page.close()
    assert said == []


def drop(page, paths) -> None:
    data = [base64.b64encode(path.read_bytes()).decode() for path in paths]
    page.evaluate(DROP, [[path.name for path in paths], data])


def look(page, name: str) -> None:
    """A screenshot, for a person to look at, where one wants to."""
    if folder := os.environ.get("LOGISIGHT_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{page.viewport_size['width']}-{name}.png")


def tab_to(page, selector: str, key: str = "Tab") -> None:
    """Go to an element by keyboard."""
    for _ in range(80):
        page.keyboard.press(key)
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"the keyboard does not get to {selector}")


def fits(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_whole_session(page, pictures) -> None:
    look(page, "1-start")
    drop(page, pictures)
    page.wait_for_selector("#progress:not([hidden])")
    page.wait_for_selector("[data-turn='1']")
    assert page.locator(".verdicts .badge").all_inner_texts() == ["✓ normal", "✕ anomalous"]
    look(page, "2-verdict")

    page.click("[data-evidence='2']")
    row = page.locator("#findings tr.failed").first
    row.hover()
    page.wait_for_selector("#marks.lit .mark.on")
    assert page.locator("#marks .mark.on path.line").get_attribute("d").startswith("M")
    assert row.get_attribute("class").split()[-1] == "on"
    look(page, "3-evidence")
    page.mouse.move(1, 1)
    assert page.locator("#marks.lit").count() == 0
    row.click()
    assert page.locator("#marks.lit").count() == 1
    page.keyboard.press("Escape")
    page.mouse.move(1, 1)
    assert page.locator("#marks.lit").count() == 0

    page.select_option("#detector", "mean-distance")
    page.click("#look")
    page.wait_for_selector("#heat:not([hidden])")
    page.fill("#opacity", "40")
    assert page.evaluate("getComputedStyle(document.getElementById('heat')).opacity") == "0.4"
    look(page, "4-heat")

    page.click("#tab-rules")
    page.fill("#sentence", RULE)
    page.keyboard.press("Enter")
    page.wait_for_selector("#approve")
    assert "picture 1 from normal to anomalous" in page.inner_text(".effect")
    assert "def check(scene)" in page.locator(".consent pre").text_content()
    look(page, "5-asked")
    assert fits(page)
    page.click("#approve")
    page.wait_for_selector("[data-turn='2']")
    playwright.expect(page.locator("#rule-count")).to_have_text("2", timeout=PATIENCE)

    page.fill("#text", "inspect picture 1")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-turn='3']")
    assert page.inner_text("[data-turn='3'] .badge") == "✕ anomalous"
    look(page, "6-changed")

    page.reload()
    page.wait_for_selector("[data-turn='3']")
    assert page.locator(".turn").count() == 3
    assert page.locator("#strip .dot.anomalous").count() == 2
    page.click("#tab-rules")
    assert RULE in page.inner_text("#rules")
    look(page, "7-found-again")
    page.click("#tab-sessions")
    assert "3 turns" in page.inner_text("#sessions [aria-current]")
    assert fits(page)


def test_by_keyboard_alone(page, pictures) -> None:
    page.on("filechooser", lambda chooser: chooser.set_files(pictures[1]))
    tab_to(page, "#attach")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-turn='1']")
    tab_to(page, "[data-evidence='1']", "Shift+Tab")
    page.keyboard.press("Enter")
    tab_to(page, "#findings button")
    assert page.locator("#marks.lit").count() == 1
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "false"

    tab_to(page, "[role=tab]", "Shift+Tab")
    while page.evaluate("document.activeElement.id") != "tab-rules":
        page.keyboard.press("ArrowRight")
    tab_to(page, "#sentence")
    page.keyboard.type(RULE)
    page.keyboard.press("Enter")
    page.wait_for_selector("#approve")
    playwright.expect(page.locator("#consent-title")).to_be_focused(timeout=PATIENCE)
    tab_to(page, "#approve")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-turn='2']")
    playwright.expect(page.locator("#rule-count")).to_have_text("2", timeout=PATIENCE)
    playwright.expect(page.locator("#text")).to_be_focused(timeout=PATIENCE)


def test_what_is_said_is_never_markup(page, pictures, tmp_path) -> None:
    words = "<img src=x onerror=document.title='run'>"
    bad = tmp_path / f"{words}.png"
    shutil.copy(pictures[0], bad)
    drop(page, [bad])
    page.wait_for_selector("[data-turn='1']")
    page.fill("#text", words)
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-turn='2']")
    assert words in page.inner_text("[data-turn='2']")
    assert "run" not in page.title()
    assert page.locator("img[src=x]").count() == 0


def test_a_question_is_found_again_and_can_be_refused(page, pictures) -> None:
    page.fill("#text", f"add rule: {RULE}")
    page.keyboard.press("Enter")
    page.wait_for_selector("#approve")
    page.reload()
    page.wait_for_selector("#approve")
    assert page.is_disabled("#send")
    page.click("text=Edit …")
    assert page.input_value(".edit textarea") == RULE
    page.keyboard.press("Escape")
    page.click("#reject")
    page.wait_for_selector("[data-turn='1']")
    assert "nothing was changed" in page.inner_text("[data-turn='1'] .answer")
    assert page.inner_text("#rule-count") == "1"


def test_what_a_model_says_is_shown_as_it_comes(browser, demo_line, tmp_path, endpoint) -> None:
    held = threading.Event()

    def slowly(_):
        status, headers, (first, *rest) = streamed("I see a <b>scratch</b>", " on the box.")

        def body():
            yield first
            assert held.wait(90)
            yield from rest

        return status, headers, body()

    endpoint.answer = slowly
    with serving(product_with_one_rule(demo_line, tmp_path), llm="vllm:tiny") as url:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        page.fill("#text", "what is wrong?")
        page.keyboard.press("Enter")
        page.wait_for_selector(".open .heard")
        assert page.inner_text(".open .heard") == "I see a <b>scratch</b>"
        assert page.locator("[data-turn]").count() == 0
        held.set()
        page.wait_for_selector("[data-turn='1']")
        assert page.inner_text("[data-turn='1'] .answer .words") == "I see a <b>scratch</b> on the box."
        assert page.locator(".heard").count() == 0
        page.close()


def test_a_picture_that_cannot_be_read_is_told_and_nothing_is_lost(browser, url, tmp_path) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(url)
    (tmp_path / "notes.png").write_text("no picture")
    page.fill("#text", "is it ok?")
    drop(page, [tmp_path / "notes.png"])
    page.click("#send")
    page.wait_for_selector("#problem:not([hidden])")
    assert "notes.png: not a picture" in page.inner_text("#problem")
    assert page.input_value("#text") == "is it ok?"
    assert "notes.png" in page.inner_text("#chips")
    page.close()
