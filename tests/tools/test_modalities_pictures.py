"""Videos and sets of pictures: which frames are shown, how tiles lie, the verb, a line for bad files."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys

import cv2
import numpy as np
import pytest
import typer
from conftest import REPOSITORY
from logisight.cli.views import SampleKind, views
from logisight.schema import PictureError
from logisight.tools.modalities import Kind, ViewSettings, draw_video, kind_of, read_views, tile_pictures
from logisight.tools.modalities import video as video_module
from logisight.tools.modalities.key_frames import Frame, FrameStore
from logisight.tools.modalities.sheets import sheet_of, tile_width
from logisight.tools.modalities.view import captioned, shortened
from PIL import Image
from typer.testing import CliRunner

CODES = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}
RED, BLUE = (220, 30, 30), (30, 30, 220)


def frame(colour, size=(64, 48)):
    return np.full((size[1], size[0], 3), colour, np.uint8)


def write_video(path, frames, rate=10):
    if path.suffix == ".gif":
        first, *others = [Image.fromarray(one) for one in frames]
        first.save(path, save_all=True, append_images=others, duration=1000 // rate)
        return path
    code = cv2.VideoWriter.fourcc(*CODES[path.suffix])
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, rate, (width, height))
    for one in frames:
        writer.write(np.ascontiguousarray(one[..., ::-1]))
    writer.release()
    return path


def write_pictures(folder, names, size=(60, 40)):
    folder.mkdir()
    for place, name in enumerate(names):
        Image.new("RGB", size, (place * 20, 100, 200)).save(folder / name)
    return folder


def is_like(pixels, colour):
    return (np.abs(pixels.astype(int) - colour).max(axis=2) < 40).sum()


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".gif"])
def test_key_frames_hold_the_flash_of_one_frame(tmp_path, suffix):
    frames = [frame(BLUE) for _ in range(60)]
    for place, one in enumerate(frames):
        one[:4, : place + 1] = 0  # a GIF joins frames that are alike
    frames[37] = frame(RED)
    (view,) = draw_video(write_video(tmp_path / f"a{suffix}", frames), ViewSettings(frames=6))
    assert view.caption.startswith("6 of 60 frames, at 0:00.00, ")
    assert "0:03.70" in view.caption
    width = tile_width(6, 512)
    assert 0.8 < is_like(view.pixels, RED) / (width * width * 48 / 64) < 1.1


def test_a_folder_of_frames_is_a_video_when_told_so(tmp_path):
    folder = write_pictures(tmp_path / "frames", [f"{place}.png" for place in range(12)])
    (view,) = read_views(folder, ViewSettings(frames=4), Kind.video)
    assert view.caption.startswith("4 of 12 frames, at frame 1, ")
    assert view.caption.endswith("frame 12")
    assert kind_of(folder) is Kind.pictures


def test_frames_follow_time_where_nothing_changes_and_change_where_it_does():
    still, moving = FrameStore(), FrameStore()
    for number in range(101):
        still.add(Frame(number, None, frame((9, 9, 9))))
        level = 2 * max(0, number - 80)
        moving.add(Frame(number, None, frame((level, level, level))))
    assert [one.number for one in still.chosen(5)] == [0, 25, 50, 75, 100]
    assert sum(one.number >= 80 for one in moving.chosen(9)) >= 5
    assert [one.number for one in still.chosen(1)] == [50]
    assert len(still.chosen(101)) == 101


def test_a_long_video_keeps_few_frames_and_its_flash():
    store = FrameStore()
    for number in range(20_000):
        store.add(Frame(number, None, frame(RED if number == 12_345 else BLUE, (8, 8))))
    assert len(store._frames) < 512
    assert any(one.number == 12_345 for one in store.chosen(9))
    chosen = [one.number for one in store.chosen(9)]
    assert chosen == sorted(set(chosen))
    assert chosen[0] < 200 and chosen[-1] > 19_800


def test_tiles_stand_in_natural_order_on_a_grid_near_square_with_captions(tmp_path):
    folder = write_pictures(tmp_path / "set", [f"light {place}.png" for place in (10, 2, 1, 3, 4)])
    (view,) = read_views(folder)
    assert view.caption == "pictures light 1, light 2, light 3, light 4, light 10"
    width = tile_width(5, 512)
    assert view.pixels.shape == (2 * (round(width * 40 / 60) + 26) + 4, 512, 3)
    below = view.pixels[4 + round(width * 40 / 60) :][:20, 4 : 4 + width]
    assert (below < 90).any()


def test_many_pictures_come_on_several_sheets_and_lists_are_read_too(tmp_path):
    folder = write_pictures(tmp_path / "set", [f"{place}.png" for place in range(7)])
    sheets = tile_pictures(sorted(folder.iterdir()), ViewSettings(tiles=3, size=256))
    assert [view.name for view in sheets] == ["sheet_1", "sheet_2", "sheet_3"]
    shown = [
        (is_like(view.pixels, (place, 100, 200))) for view, place in zip(sheets, (20, 80, 120), strict=True)
    ]
    assert shown[0] == shown[1] == 3 * shown[2]


@pytest.mark.parametrize("shapes", [[(1, 900), (900, 1)], [(3, 3)], [(50, 100), (100, 50), (10, 10)]])
def test_pictures_of_any_shape_lie_inside_their_tiles(tmp_path, shapes):
    (tmp_path / "set").mkdir()
    for place, (height, width) in enumerate(shapes):
        Image.new("RGB", (width, height), RED).save(tmp_path / "set" / f"{place}.png")
    (view,) = read_views(tmp_path / "set", ViewSettings(size=128))
    assert view.pixels.shape[1] == 128
    assert is_like(view.pixels, RED)


def test_captions_fit_and_hold_any_text():
    hostile = "a\n\u202eb\x00" + "漢" * 400
    strip = captioned(frame(BLUE, (128, 8)), hostile)[8:]
    assert strip.shape == (26, 128, 3)
    assert (strip < 90).any()
    assert shortened("front of the picture", 60, 15).count("…") == 1
    assert shortened("wide", 3, 15) == ""
    assert sheet_of([frame(BLUE, (20, 20))], ["\ud800"], 128, 1).shape == (50, 128, 3)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.mp4", b"", "the file is empty"),
        ("a.mp4", b"#EXTM3U\nhttp://example.invalid/x.ts\n", "is no video, or damaged"),
        ("a.avi", b"\0" * 99, "is no video, or damaged"),
        ("a.mp4", b"\0\0\0\x18ftypisom" + b"\0" * 99, "cannot be decoded, or is cut off"),
        ("a.mkv", b"\x1a\x45\xdf\xa3" * 30, "cannot be decoded, or is cut off"),
        ("a.gif", b"GIF89a" + b"\xff" * 30, "damaged or cut off"),
        ("a.gif", b"GIF89a", "damaged or cut off"),
        ("a.txt", b"x", "is of no kind that is read"),
    ],
)
def test_bad_videos_are_one_line(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(PictureError) as refused:
        read_views(tmp_path / name)
    assert message in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_video_that_ends_early_is_one_line(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 64, 3), np.uint8)
    path = write_video(tmp_path / "a.mkv", list(noise))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(PictureError, match=r"a.mkv: .*(frames can be decoded|cannot be decoded)"):
        read_views(path)


def test_decoders_write_nothing_to_the_terminal(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypisom" + b"\0" * 99)
    code = (
        "import sys; from pathlib import Path; from logisight.tools.modalities import read_views\n"
        "from logisight.schema import PictureError\n"
        "try: read_views(Path(sys.argv[1]))\n"
        "except PictureError: sys.exit(7)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.mp4")], capture_output=True, text=True
    )
    assert (run.returncode, run.stdout, run.stderr) == (7, "", "")


def test_a_video_of_too_many_frames_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(video_module, "MAX_FRAMES", 5)
    path = write_video(tmp_path / "a.avi", [frame(BLUE)] * 6)
    with pytest.raises(PictureError, match="has more than 5 frames; cut it"):
        draw_video(path, ViewSettings())


def test_what_is_no_file_is_one_line(tmp_path):
    os.mkfifo(tmp_path / "pipe.ply")
    (tmp_path / "empty").mkdir()
    for name, message in (
        ("pipe.ply", "is no regular file"),
        ("nowhere.csv", "no such file"),
        ("empty", "no picture in this folder"),
    ):
        with pytest.raises(PictureError, match=message):
            read_views(tmp_path / name)


@pytest.mark.parametrize(
    "bad",
    [
        {"size": 5},
        {"size": 10**9},
        {"frames": 0},
        {"tiles": 99},
        {"angles": ()},
        {"angles": ((0, float("nan"), 0),)},
    ],
)
def test_settings_out_of_range_are_one_line(bad):
    with pytest.raises(PictureError, match="give"):
        ViewSettings(**bad)


def verb(*arguments):
    app = typer.Typer()
    app.command()(views)
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_the_verb_writes_pictures_and_says_what_they_show(tmp_path):
    folder = write_pictures(tmp_path / "set", ["a.png", "b.png"])
    run = verb(folder, "--out", tmp_path / "out")
    file = tmp_path / "out/01_sheet_1.png"
    assert (run.exit_code, run.stdout.split()) == (0, [str(file), "pictures", "a,", "b"])
    assert Image.open(file).width == 512
    run = verb(folder, "--out", tmp_path / "out", "--as", "video", "--size", 256, "--json")
    (fact,) = json.loads(run.stdout)
    assert (fact["caption"], fact["width"]) == ("2 of 2 frames, at frame 1, frame 2", 256)


def test_the_verb_turns_clouds(tmp_path):
    rows = "\n".join(f"{x} {y} 0" for x in range(20) for y in range(20))
    head = "ply\nformat ascii 1.0\nelement vertex 400\n" + "".join(f"property float {one}\n" for one in "xyz")
    (tmp_path / "a.ply").write_text(f"{head}end_header\n{rows}\n")
    run = verb(tmp_path / "a.ply", "--out", tmp_path / "out", "--angle", "0,45,0", "--angle", "-30,0,0")
    assert run.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "01_shaded_x+0_y+45_z+0.png",
        "02_shaded_x-30_y+0_z+0.png",
        "03_depth_x+0_y+45_z+0.png",
    ]
    assert "is not three numbers" in str(
        verb(tmp_path / "a.ply", "--out", tmp_path, "--angle", "5").exception
    )


def test_the_verb_knows_every_kind():
    assert {one.value for one in SampleKind} == {one.value for one in Kind}


def test_the_code_and_the_commands_of_the_page_run(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="the extra `plots` is not installed")
    monkeypatch.chdir(tmp_path)
    page = (REPOSITORY / "docs" / "modalities.md").read_text(encoding="utf-8")
    for code in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
        assert (run.returncode, run.stderr) == (0, "")
    commands = re.findall(r"^\$ logisight views (.*)$", page, re.MULTILINE)
    assert len(commands) >= 5
    for command in commands:
        assert verb(*shlex.split(command)).exit_code == 0, command
