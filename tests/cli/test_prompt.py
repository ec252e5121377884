"""`logisight prompt`: shows and saves exactly what is sent, the same each time, and runs as its page says."""

from __future__ import annotations

import base64
import json
import re
import shlex

import pytest
from command_line import logisight
from conftest import REPOSITORY
from logisight.prompts import templates_sha256
from PIL import Image
from signs import SIGNS


@pytest.fixture
def asked(demo_line):
    """A question that needs no sandbox."""
    return ("prompt", demo_line / "box", demo_line / "inspect" / "000.png", "--preset", "references")


def test_the_text_is_shown_with_pictures_by_name_and_size(asked):
    ended = logisight(*asked)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0] == "--- system ---"
    assert "--- user ---" in lines
    (good, judged) = [line for line in lines if line.startswith("[image-")]
    assert re.fullmatch(r"\[image-1-000\.png: image/png, \d+ x \d+ pixels, [\d.]+ kB\]", good)
    assert judged.startswith("[image-2-000.png: ")
    assert re.fullmatch(r"--- 2 images, .* characters of text .* to send ---", lines[-1])
    assert "base64" not in ended.stdout


def test_json_is_the_same_for_scripts(asked):
    facts = json.loads(logisight(*asked, "--json").stdout)
    assert [message["role"] for message in facts["messages"]] == ["system", "user"]
    shown = [part["file"] for part in facts["messages"][1]["content"] if part["type"] == "image"]
    assert shown == [image["file"] for image in facts["images"]]
    assert facts["templates_sha256"] == templates_sha256()
    assert facts["bytes"] > sum(image["bytes"] for image in facts["images"]) * 4 / 3


def test_what_is_saved_is_what_is_sent(asked, tmp_path):
    ended = logisight(*asked, "--out", tmp_path / "asked", "--json")
    folder, facts = tmp_path / "asked", json.loads(ended.stdout)
    assert json.loads((folder / "messages.json").read_text()) == facts
    texts = [part["text"] for part in facts["messages"][1]["content"] if "text" in part]
    assert all(text in (folder / "user.txt").read_text() for text in texts)
    assert facts["messages"][0]["content"][0]["text"] + "\n" == (folder / "system.txt").read_text()
    for image in facts["images"]:
        with Image.open(folder / image["file"]) as picture:
            assert picture.size == (image["width"], image["height"])
        sent = base64.b64encode((folder / image["file"]).read_bytes()).decode()
        assert f'src="data:{image["media_type"]};base64,{sent}"' in (folder / "index.html").read_text()


def test_the_same_question_gives_the_same_bytes(asked, tmp_path):
    for name in ("one", "other"):
        logisight(*asked, "--out", tmp_path / name)
    files = [
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "other")
    ]
    assert files[0] == files[1]
    assert len(files[0]) == 6


def test_saving_again_leaves_no_picture_of_before(asked, tmp_path):
    logisight(*asked, "--out", tmp_path)
    (tmp_path / "my notes.txt").write_text("mine")
    logisight(*asked[:3], "--preset", "naive", "--out", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "image-1-000.png",
        "index.html",
        "messages.json",
        "my notes.txt",
        "system.txt",
        "user.txt",
    ]


def test_a_folder_of_other_files_is_left_alone(asked, tmp_path):
    (tmp_path / "image-1-mine.png").write_bytes(b"mine")
    ended = logisight(*asked, "--out", tmp_path)
    assert ended.returncode == 2
    assert "holds files that are no prompt" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["image-1-mine.png"]


def test_the_page_needs_nothing_and_escapes_what_it_shows(demo_line, tmp_path):
    hint = "<script>alert(1)</script><img src=x>"
    arguments = (demo_line / "box", demo_line / "inspect" / "000.png", "--preset", "rules", "--hint", hint)
    assert logisight("prompt", *arguments, "--out", tmp_path).returncode == 0
    page = (tmp_path / "index.html").read_text()
    assert "<script" not in page
    assert "alert(1)" in page
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)


def test_pieces_can_be_left_out_or_added(demo_line):
    arguments = ("prompt", demo_line / "box", demo_line / "inspect" / "000.png")
    shown = logisight(*arguments, "--no-marks", "--no-crops", "--references", "0", "--hint", "rust").stdout
    assert shown.count("\n[image-") == 1
    assert '["rust"]' in shown


def test_pictures_are_made_smaller_when_asked(asked):
    (*_, judged) = json.loads(logisight(*asked, "--longest-side", "64", "--json").stdout)["images"]
    assert max(judged["width"], judged["height"]) == 64
    assert judged["media_type"] == "image/jpeg"


def test_what_an_author_is_asked_is_shown_for_a_sentence(demo_line, tmp_path):
    sentence = "There are exactly 15 pushpins."
    ended = logisight("prompt", demo_line / "box", "--rule", sentence, "--out", tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert sentence in (tmp_path / "user.txt").read_text()
    assert "def check(scene)" in (tmp_path / "system.txt").read_text()


def test_no_sign_in_a_sentence_is_shown_as_one(demo_line):
    shown = logisight("prompt", demo_line / "box", "--rule", " ".join(SIGNS), "--json").stdout
    human = json.loads(shown)["messages"][1]["content"][0]["text"]
    assert not [sign for sign in SIGNS if sign in human]


def test_templates_are_copied_and_used(asked, tmp_path):
    ended = logisight("prompt", "templates", tmp_path)
    assert ended.returncode == 0, ended.stderr
    (tmp_path / "inspection_reference.j2").write_text("Image {{ number }}: as it should be.")
    assert "as it should be" in logisight(*asked, "--templates", tmp_path).stdout
    assert "as it should be" not in logisight(*asked).stdout
    again = logisight("prompt", "templates", tmp_path)
    assert again.stdout == ""
    assert again.stderr.startswith("0 templates written")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no picture given; name one, or a sentence with --rule"),
        (["gone.png"], "gone.png: no such file"),
        (["--preset", "expert"], "expert"),
        (["--templates", "gone"], "gone: no folder of templates"),
    ],
)
def test_what_cannot_be_done_is_one_line(demo_line, arguments, said):
    picture = [demo_line / "inspect" / "000.png"] if arguments and arguments[0] != "gone.png" else []
    ended = logisight("prompt", demo_line / "box", *picture, *arguments)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_mistake_in_a_template_is_one_line_with_its_place(asked, tmp_path):
    (tmp_path / "inspection_task.j2").write_text("one\n{{ pictur }}")
    ended = logisight(*asked, "--templates", tmp_path)
    assert ended.returncode == 2
    assert "inspection_task.j2, line 2: 'pictur' is undefined" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_picture_with_a_strange_name_is_saved_under_a_plain_one(demo_line, tmp_path):
    strange = tmp_path / "..<|im_start|>\n$(id) é.png"
    strange.write_bytes((demo_line / "inspect" / "000.png").read_bytes())
    logisight("prompt", demo_line / "box", strange, "--preset", "naive", "--out", tmp_path / "asked")
    (saved,) = (tmp_path / "asked").glob("image-*")
    assert re.fullmatch(r"image-1-[\w-]+\.png", saved.name, re.ASCII)


def test_every_command_of_the_page_on_prompts_runs(demo_line, tmp_path):
    (tmp_path / "logisight-demo").symlink_to(demo_line)
    page = (REPOSITORY / "docs" / "prompts.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\$ logisight (.*)$", page, re.MULTILINE)
    assert len(commands) == 5
    for command in commands:
        ended = logisight(*shlex.split(command), cwd=tmp_path)
        assert ended.returncode == 0, f"{command}\n{ended.stderr}"


def test_the_page_on_prompts_names_every_piece_and_preset():
    from logisight.prompts import PRESETS, Piece

    page = (REPOSITORY / "docs" / "prompts.md").read_text(encoding="utf-8")
    pieces = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert sorted(pieces) == sorted(Piece)
    assert all(f"`{name}`" in page for name in PRESETS)
