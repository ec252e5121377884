"""What the documentation says is true today: commands and code run, copies are the originals."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import logisight
from conftest import REPOSITORY
from logisight.agents.offline import readable_sentences
from logisight.sandbox import language_text

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PAGES = [
    REPOSITORY / "README.md",
    *sorted((REPOSITORY / "docs").glob("*.md")),
    REPOSITORY / "sandbox" / "README.md",
]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    lines = "\n".join(blocks(page.read_text(encoding="utf-8"), "console")).splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


@pytest.fixture
def beside_the_demo(demo_line, tmp_path):
    """A folder in which the commands of the docs make sense."""
    (tmp_path / "logisight-demo").symlink_to(demo_line)
    return tmp_path


def run_commands(page, folder):
    assert commands(page)
    for command in commands(page):
        program, *arguments = shlex.split(command)
        assert program == "logisight"
        result = logisight(*arguments, cwd=folder)
        # 1 is what inspect answers where something is anomalous, and author where it refuses.
        assert result.returncode in (0, 1), f"{command}\n{result.stderr}"
    assert (folder / "results" / "report.html").is_file()


@pytest.mark.whole
def test_every_command_of_the_guide_runs(beside_the_demo):
    run_commands(REPOSITORY / "docs" / "guide.md", beside_the_demo)


@pytest.mark.whole
def test_every_command_of_the_page_on_benchmarks_runs(tmp_path):
    run_commands(REPOSITORY / "docs" / "benchmarks.md", tmp_path)


@pytest.mark.whole
def test_the_commands_and_then_the_python_example_of_the_readme_run(beside_the_demo):
    run_commands(REPOSITORY / "README.md", beside_the_demo)
    (code,) = blocks(README, "python")
    example = [sys.executable, "-c", code]
    result = subprocess.run(example, cwd=beside_the_demo, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "def check(scene):" in result.stdout
    assert "anomalous" in result.stdout


def test_ci_runs_the_test_command_of_the_readme():
    (command,) = [line for line in "\n".join(blocks(README, "sh")).splitlines() if "pytest" in line]
    assert command in (REPOSITORY / ".ci" / "run").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


def test_the_rule_language_page_is_the_language():
    page = (REPOSITORY / "docs" / "rule-language.md").read_text(encoding="utf-8")
    assert blocks(page, "text") == [language_text() + "\n"]


def test_the_sentences_page_lists_every_form():
    page = (REPOSITORY / "docs" / "sentences.md").read_text(encoding="utf-8")
    listed = [line.removeprefix("- ") for line in page.splitlines() if line.startswith("- ")]
    assert listed == readable_sentences(["pushpin", "box"])
