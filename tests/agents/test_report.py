"""The report: what it says, that nothing in it can run, and that a browser opens it."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from logisight.agents.report import FULL_SIZE, NARROWEST, WIDEST, write_report
from logisight.schema import Counterfactual, Edit, Finding, LogiSightError, Proof, Rule, Verdict

HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}'"
VOID = {"meta", "img", "input", "br", "link"}


class Page(HTMLParser):
    """Counts tags, keeps attributes and text, and checks that every tag is closed in its turn."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = Counter(), [], "", []
        self.rows = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        self.attributes += attributes
        if dict(attributes).get("class") == "row":
            self.rows.append(dict(attributes))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data


def squeezed(text):
    return re.sub(r"\s+", " ", text)


def finding(rule=1, status="failed", reason="the box holds 2 pins instead of 1", **more):
    return Finding(
        rule=rule, text="One pin.", kind="quantity", status=status, reason=reason, score=0.5, **more
    )


def verdict(sample="in/000.png", status="anomalous", findings=(), **more):
    fields = {"sha256": "ab" * 32, "score": 0.75, "explanation": "In words."}
    return Verdict(sample=sample, status=status, findings=list(findings), **{**fields, **more})


def rule(number=1, text="One pin.", **more):
    fields = {"kind": "quantity", "code": "def check(scene):\n    pass\n", "reasoner": "offline"}
    return Rule(number=number, text=text, **{**fields, **more})


def picture(width=60, height=40, value=200):
    _, png = cv2.imencode(".png", np.full((height, width, 3), value, np.uint8))
    return png.tobytes()


def report(folder, verdicts=(), overlays=None, rules=(), product="box"):
    path = folder / "report.html"
    write_report(path, product, verdicts, overlays or {}, rules)
    return path.read_text(encoding="utf-8")


def embedded(html):
    """The pictures in a report, in their order: thumbnail, overlay, thumbnail, ..."""
    data = re.findall(r'src="data:image/jpeg;base64,([A-Za-z0-9+/=]+)"', html)
    return [cv2.imdecode(np.frombuffer(base64.b64decode(one), np.uint8), cv2.IMREAD_COLOR) for one in data]


def test_there_is_one_row_for_each_verdict_in_the_given_order(tmp_path):
    statuses = ["normal", "anomalous", "undecided", "anomalous"]
    verdicts = [verdict(f"in/{number}.png", status) for number, status in enumerate(statuses)]
    page = Page(report(tmp_path, verdicts))
    assert [row["data-name"] for row in page.rows] == [f"{number}.png" for number in range(4)]
    assert [row["data-status"] for row in page.rows] == statuses


def test_headline_counts_every_status(tmp_path):
    statuses = ["normal"] * 3 + ["anomalous"] * 2 + ["undecided"]
    verdicts = [verdict(f"{number}.png", status) for number, status in enumerate(statuses)]
    text = squeezed(Page(report(tmp_path, verdicts)).text)
    assert "6 pictures 3 ✓ normal 2 ✕ anomalous 1 ? undecided" in text


def test_an_empty_inspection_has_a_report(tmp_path):
    page = Page(report(tmp_path))
    assert page.rows == []
    assert "No picture was inspected." in page.text
    assert "The product has no rules." in page.text


def test_a_row_shows_reasons_expected_and_actual_values_and_what_was_seen(tmp_path):
    findings = [
        finding(2, "passed", "holds", expected=(61.5, 70.25), actual=66.0),
        finding(3, "undecided", "rule 3 timed out", error="timeout"),
        finding(1, "failed", "2 pins", expected=1, actual=2),
    ]
    shown = verdict(
        findings=findings, counts={"pin": 2}, seconds={"see": 0.4, "check": 1.25}, notes=["3 slivers dropped"]
    )
    text = squeezed(Page(report(tmp_path, [shown])).text)
    assert "1Quantity: 2 pins (expected 1, saw 2)" in text
    assert "Rule 1, failed: One pin." in text
    assert "2Quantity: rule 3 timed out" in text
    assert "(timeout)" in text
    assert "Rule 2, passed: One pin. (expected 61.5 to 70.25, saw 66)" in text
    assert "pin: 2" in text
    assert "see 400 ms, check 1.2 s" in text
    assert "Note: 3 slivers dropped" in text


def test_pictures_that_could_not_be_inspected_are_named_with_their_error(tmp_path):
    broken = verdict("in/torn.png", "undecided", error="the file is cut off: copy it again", sha256="")
    text = squeezed(Page(report(tmp_path, [broken, verdict()])).text)
    assert "1 picture could not be inspected and counts as undecided. torn.png: the file is cut off" in text


def test_rules_show_their_proof_and_how_they_fared(tmp_path):
    proof = Proof(
        code_sha256="",
        references=3,
        false_alarms=["001.png"],
        counterfactuals=[Counterfactual(edit=Edit.removed, label="pin", tried=45, caught=44)],
    )
    verdicts = [
        verdict("0.png", findings=[finding(1, "failed"), finding(1, "failed"), finding(2, "passed")]),
        verdict("1.png", findings=[finding(1, "passed"), finding(2, "undecided")]),
    ]
    html = report(tmp_path, verdicts, rules=[rule(1, proof=proof), rule(2, "Two pins.")])
    text = squeezed(Page(html).text)
    assert "failed on 1, undecided on 0, passed on 1 of 2 pictures" in text
    assert "failed on 0, undecided on 1, passed on 1 of 2 pictures" in text
    assert "Proven on 3 reference pictures: 1 false alarm (001.png)." in text
    assert "it noticed 44 of 45 with a pin removed." in text
    assert text.count("Not proven.") == 1
    assert text.count("def check(scene):") == 2


def hostile_report(folder):
    shown = verdict(
        f"in/{HOSTILE}",
        "undecided",
        findings=[
            finding(reason=HOSTILE, error=HOSTILE, expected=HOSTILE, actual=HOSTILE, status="undecided")
        ],
        explanation=HOSTILE,
        counts={HOSTILE: 1},
        notes=[HOSTILE],
        error=HOSTILE,
        seconds={HOSTILE: 0.1},
    )
    proof = Proof(
        code_sha256="",
        references=1,
        false_alarms=[HOSTILE],
        counterfactuals=[Counterfactual(edit=Edit.moved, label=HOSTILE, tried=1, caught=1)],
    )
    told = rule(text=HOSTILE, code=HOSTILE, reasoner=HOSTILE, proof=proof)
    return report(folder, [shown], {shown.sample: picture()}, [told], product=HOSTILE)


def test_hostile_texts_are_shown_as_text(tmp_path):
    page = Page(hostile_report(tmp_path))
    assert page.tags["script"] == 1
    assert page.tags["img"] == 2
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert page.text.count("<script>alert(1)</script>") >= 12
    assert "{{ 7*7 }}" in page.text


def test_report_refers_to_nothing_outside_itself(tmp_path):
    page = Page(report(tmp_path, [verdict()], {"in/000.png": picture()}, [rule()]))
    references = [value for name, value in page.attributes if name in ("src", "href", "action", "srcset")]
    assert references
    assert all(value.startswith("data:image/jpeg;base64,") for value in references)
    policy = next(value for name, value in page.attributes if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none'; img-src data:;")


@pytest.mark.parametrize(("width", "expected"), [(60, 60), (WIDEST, WIDEST), (3000, WIDEST)])
def test_overlays_are_embedded_and_made_smaller_when_they_are_wide(tmp_path, width, expected):
    html = report(tmp_path, [verdict()], {"in/000.png": picture(width, width // 2)})
    thumbnail, overlay = embedded(html)
    assert overlay.shape == (expected // 2, expected, 3)
    assert thumbnail.shape[1] <= 200
    assert abs(int(overlay.mean()) - 200) < 3


def test_an_overlay_may_be_a_path_or_bytes(tmp_path):
    (tmp_path / "one.png").write_bytes(picture(value=10))
    html = report(
        tmp_path, [verdict("one"), verdict("two")], {"one": tmp_path / "one.png", "two": picture(value=240)}
    )
    assert [round(float(one.mean()), -1) for one in embedded(html)] == [10, 10, 240, 240]


@pytest.mark.parametrize("overlay", [b"", b"not a picture", "absent.png"])
def test_an_overlay_that_cannot_be_read_leaves_a_row_without_picture(tmp_path, overlay):
    source = overlay if isinstance(overlay, bytes) else tmp_path / overlay
    page = Page(report(tmp_path, [verdict()], {"in/000.png": source}))
    assert len(page.rows) == 1
    assert "There is no overlay of this picture." in page.text


def test_many_overlays_share_the_space_of_a_full_report(tmp_path):
    count = 4 * FULL_SIZE
    overlays = {f"{number}": picture(1300, 4) for number in range(count)}
    html = report(tmp_path, [verdict("0")], overlays)
    assert embedded(html)[1].shape[1] == WIDEST // 2
    assert WIDEST // 2 > NARROWEST


def test_overlays_are_read_one_at_a_time(tmp_path, monkeypatch):
    path = tmp_path / "report.html.part"
    written_before = []

    class Recorded(type(tmp_path)):
        def read_bytes(self):
            written_before.append(path.stat().st_size)
            return super().read_bytes()

    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "o.png"), noise)
    names = [f"{number}" for number in range(5)]
    report(
        tmp_path, [verdict(name) for name in names], {name: Recorded(tmp_path / "o.png") for name in names}
    )
    assert written_before == sorted(set(written_before))


def test_a_report_that_cannot_be_written_says_so_and_keeps_the_old_one(tmp_path):
    (tmp_path / "report.html").mkdir()
    with pytest.raises(LogiSightError, match=r"cannot write the report .*report\.html"):
        report(tmp_path)
    with pytest.raises(LogiSightError, match="cannot write the report"):
        write_report(tmp_path / "absent" / "report.html", "box", [], {}, [])
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def in_browser(path, profile):
    """The page as Chromium has it after its scripts ran, and what it logged."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine: the report was not opened in a browser")
    switches = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    )
    switches += " --disable-component-update --disable-sync --enable-logging=stderr"
    command = [chromium, *switches.split(), f"--user-data-dir={profile}", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_a_browser_opens_a_hostile_report_without_errors(tmp_path):
    hostile_report(tmp_path)
    html, console = in_browser(tmp_path / "report.html", tmp_path / "profile")
    assert console == []
    assert re.search(r'<html[^>]* class="js"', html)
    assert html.count('class="row"') == 1


def test_sorting_finding_and_filtering_work_in_a_browser(tmp_path):
    verdicts = [
        verdict("10.png", "normal", score=0.2),
        verdict("9.png", score=0.9, findings=[finding(reason="two pins")]),
        verdict("8.png", score=0.7),
    ]
    html = report(tmp_path, verdicts)
    script = """
      const names = (rows) => rows.map((row) => row.dataset.name).join(",");
      const seen = () => names(Array.from(rows.children).filter((row) => row.offsetParent !== null));
      const set = (field, value, event) => {
        field.value = value;
        field.dispatchEvent(new Event(event, {bubbles: true}));
      };
      const said = [];
      set(document.getElementById("sort"), "score", "change"); said.push(seen());
      set(document.getElementById("sort"), "name", "change"); said.push(seen());
      document.getElementById("show-anomalous").click(); said.push(seen());
      set(document.getElementById("find"), "TWO", "input"); said.push(seen());
      document.getElementById("show-normal").click();
      said.push(seen() + document.getElementById("nothing").hidden);
      document.title = said.join(" | ");
    """
    html = re.sub(r"<meta http-equiv[^>]*>", "", html).replace("</body>", f"<script>{script}</script></body>")
    (tmp_path / "tried.html").write_text(html, encoding="utf-8")
    dom, console = in_browser(tmp_path / "tried.html", tmp_path / "profile")
    assert console == []
    title = re.search("<title>(.*?)</title>", dom).group(1)
    assert title == "9.png,8.png,10.png | 8.png,9.png,10.png | 8.png,9.png | 9.png | false"
