"""Pictures: what each kind of file becomes, and the one line that each bad file gets."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from logisight.schema import PictureError
from logisight.tools import pictures
from logisight.tools.pictures import file_sha256, list_pictures, picture_size, read_indices, read_picture
from PIL import Image

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8)
GREY = COLOUR[..., 0]
DEEP = RNG.integers(0, 65536, (6, 9, 3), dtype=np.uint16)
ALPHA = np.full((6, 9), 255, np.uint8)
CLEAR = np.where(np.arange(9) < 4, 0, ALPHA)


def encoded(image: Image.Image | np.ndarray, kind="PNG", **options) -> bytes:
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def encoded_deep(values: np.ndarray, suffix=".png") -> bytes:
    ordered = values if values.ndim == 2 else values[..., [2, 1, 0, 3][: values.shape[2]]]
    return cv2.imencode(suffix, np.ascontiguousarray(ordered))[1].tobytes()


def png_of(width, height, depth=8, kind=2, rows=b"") -> bytes:
    """A PNG file with any header, also one whose pixels are not there."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def exif(orientation) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def frames(kind, **options) -> bytes:
    return encoded(COLOUR, kind, save_all=True, append_images=[Image.fromarray(255 - COLOUR)], **options)


TO_GREY = np.repeat(GREY[..., None], 3, axis=2)
TO_8 = np.rint(DEEP / 257).astype(np.uint8)
TWELVE = DEEP >> 4
TWELVE[0, 0] = 4095
TO_12 = np.rint(TWELVE / 4095 * 255).astype(np.uint8)
ON_BLACK = np.where(CLEAR[..., None] > 0, COLOUR, 0)
WHERE_LIGHT = np.where(TO_GREY > 99, 255, 0).astype(np.uint8)
FROM_16 = "16 bits reduced to 8 so that 65535 is white"
FROM_12 = "16 bits reduced to 8 so that 4095 is white"
ON_BLACK_NOTE = "transparent pixels shown on black"
FRAMES = "holds several frames; the first one was taken"
NO_PICTURE = "not a picture, or damaged; PNG, JPEG, BMP, TIFF and WebP are read"
UNIT = np.linspace(0, 1, 54, dtype=np.float32).reshape(6, 9)


@pytest.fixture
def file_of(tmp_path):
    def write(data: bytes, name="picture.png") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize(
    ("data", "pixels", "notes"),
    [
        pytest.param(encoded(COLOUR), COLOUR, (), id="png"),
        pytest.param(encoded(COLOUR, "BMP"), COLOUR, (), id="bmp"),
        pytest.param(encoded(COLOUR, "TIFF"), COLOUR, (), id="tiff"),
        pytest.param(encoded(COLOUR, "WEBP", lossless=True), COLOUR, (), id="webp"),
        pytest.param(encoded(GREY), TO_GREY, (), id="grey"),
        pytest.param(
            encoded(Image.fromarray(GREY > 99)),
            WHERE_LIGHT,
            (),
            id="1-bit",
        ),
        pytest.param(
            encoded(Image.fromarray(COLOUR).quantize(256)),
            np.array(Image.fromarray(COLOUR).quantize(256).convert("RGB")),
            (),
            id="palette",
        ),
        pytest.param(encoded(np.dstack([COLOUR, ALPHA])), COLOUR, (), id="opaque alpha"),
        pytest.param(encoded(np.dstack([COLOUR, CLEAR])), ON_BLACK, (ON_BLACK_NOTE,), id="alpha"),
        pytest.param(
            encoded(Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(CLEAR)])),
            np.where(CLEAR[..., None] > 0, TO_GREY, 0),
            (ON_BLACK_NOTE,),
            id="grey and alpha",
        ),
        pytest.param(
            encoded(np.zeros((6, 9, 4), np.uint8), "TIFF", compression=None),
            np.zeros((6, 9, 3), np.uint8),
            (ON_BLACK_NOTE,),
            id="all clear",
        ),
        pytest.param(
            encoded(Image.fromarray(COLOUR).convert("CMYK"), "TIFF"),
            COLOUR,
            ("converted from CMYK without its colour profile",),
            id="cmyk",
        ),
        pytest.param(encoded_deep(DEEP), TO_8, (FROM_16,), id="16-bit png"),
        pytest.param(
            encoded_deep(DEEP, ".tiff"),
            TO_8,
            (FROM_16,),
            id="16-bit tiff",
        ),
        pytest.param(
            encoded_deep(DEEP[..., 1]),
            np.repeat(TO_8[..., 1:2], 3, axis=2),
            (FROM_16,),
            id="16-bit grey png",
        ),
        pytest.param(
            encoded_deep(DEEP[..., 1], ".tiff"),
            np.repeat(TO_8[..., 1:2], 3, axis=2),
            (FROM_16,),
            id="16-bit grey tiff",
        ),
        pytest.param(
            encoded_deep(np.dstack([TWELVE, CLEAR.astype(np.uint16) * 257])),
            np.where(CLEAR[..., None] > 0, TO_12, 0),
            (FROM_12, ON_BLACK_NOTE),
            id="12-bit with 16-bit alpha",
        ),
        pytest.param(encoded_deep(TWELVE), TO_12, (FROM_12,), id="12-bit"),
        pytest.param(
            png_of(2, 1, depth=16, kind=4, rows=b"\0" + struct.pack(">4H", 65535, 65535, 257, 0)),
            np.array([[[255] * 3, [0] * 3]], np.uint8),
            (FROM_16, ON_BLACK_NOTE),
            id="16-bit grey and alpha",
        ),
        pytest.param(
            encoded(UNIT, "TIFF"),
            np.repeat(np.rint(UNIT * 255).astype(np.uint8)[..., None], 3, axis=2),
            ("float values scaled so that 1 is white",),
            id="float 0..1",
        ),
        pytest.param(
            encoded(UNIT * 200, "TIFF"),
            np.repeat(np.rint(UNIT * 200).astype(np.uint8)[..., None], 3, axis=2),
            ("float values scaled so that 255 is white",),
            id="float 0..255",
        ),
        pytest.param(frames("TIFF"), COLOUR, (FRAMES,), id="tiff frames"),
        pytest.param(frames("PNG"), COLOUR, (FRAMES,), id="apng"),
        pytest.param(frames("WEBP", lossless=True), COLOUR, (FRAMES,), id="webp frames"),
    ],
)
def test_kinds_of_pictures(file_of, data, pixels, notes) -> None:
    picture = read_picture(file_of(data))
    assert picture.pixels.dtype == np.uint8
    assert np.array_equal(picture.pixels, pixels)
    assert picture.notes == notes


@pytest.mark.parametrize(
    "data", [encoded(COLOUR, "JPEG"), frames("MPO")], ids=["jpeg", "jpeg with a preview"]
)
def test_jpeg(file_of, data) -> None:
    picture = read_picture(file_of(data))
    assert np.array_equal(picture.pixels, np.array(Image.open(io.BytesIO(data))))
    assert picture.notes == ()


@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_orientation_is_applied(file_of, orientation) -> None:
    path = file_of(encoded(COLOUR, exif=exif(orientation)))
    upright = {
        2: COLOUR[:, ::-1],
        3: COLOUR[::-1, ::-1],
        4: COLOUR[::-1],
        5: COLOUR.transpose(1, 0, 2),
        6: np.rot90(COLOUR, -1),
        7: np.rot90(COLOUR, 2).transpose(1, 0, 2),
        8: np.rot90(COLOUR),
    }[orientation]
    picture = read_picture(path)
    assert np.array_equal(picture.pixels, upright)
    assert picture.notes == (f"turned upright by its EXIF orientation {orientation}",)
    assert picture_size(path) == upright.shape[1::-1]


@pytest.mark.parametrize("orientation", [0, 1, 9])
def test_meaningless_orientation_changes_nothing(file_of, orientation) -> None:
    picture = read_picture(file_of(encoded(COLOUR, exif=exif(orientation))))
    assert np.array_equal(picture.pixels, COLOUR)
    assert picture.notes == ()


def test_hash_is_of_the_file(file_of) -> None:
    data = encoded(COLOUR, "JPEG")
    path = file_of(data)
    assert read_picture(path).sha256 == file_sha256(path) == hashlib.sha256(data).hexdigest()


def test_no_hash_of_what_cannot_be_read(tmp_path) -> None:
    assert file_sha256(tmp_path / "none.png") == file_sha256(tmp_path) == ""


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "the file is empty; copy it again", id="empty"),
        pytest.param(b"hello", NO_PICTURE, id="not a picture"),
        pytest.param(
            encoded(COLOUR, "GIF"),
            NO_PICTURE,
            id="gif",
        ),
        pytest.param(encoded(COLOUR)[:-60], "damaged or cut off (", id="truncated png"),
        pytest.param(encoded(COLOUR, "JPEG")[:-60], "damaged or cut off (", id="truncated jpeg"),
        pytest.param(encoded(COLOUR, "BMP")[:-60], "damaged or cut off (", id="truncated bmp"),
        pytest.param(encoded_deep(DEEP)[:-60], "damaged or cut off (", id="truncated 16-bit"),
        pytest.param(
            png_of(20_000, 5_001),
            "100.02 megapixels are more than 100; scale",
            id="just too large",
        ),
        pytest.param(png_of(50_000, 60_000), "3000 megapixels are more than 100; scale", id="bomb"),
        pytest.param(
            encoded(UNIT * 300, "TIFF"),
            "float values from 0 to 300; scale them to 0..1",
            id="float range",
        ),
        pytest.param(encoded(UNIT * np.nan, "TIFF"), "float values from nan to nan;", id="float nan"),
        pytest.param(
            encoded(np.full((2, 2), -1, np.int32), "TIFF"),
            "values from -1 to -1; scale them",
            id="int32",
        ),
    ],
)
def test_bad_files_get_one_clear_line(file_of, data, message) -> None:
    with pytest.raises(PictureError) as caught:
        read_picture(file_of(data))
    assert "picture.png: " + message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_largest_allowed_size_is_not_refused_for_its_size(file_of) -> None:
    header = struct.pack("<2sIIIIiiHHIIiiII", b"BM", 54, 0, 54, 40, 10_000, 10_000, 1, 24, 0, 0, 0, 0, 0, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert picture_size(file_of(header)) == (10_000, 10_000)


def test_missing_file(tmp_path) -> None:
    for read in (read_picture, picture_size, lambda path: list_pictures([path])):
        with pytest.raises(PictureError, match=r"none.png: no such file or folder; check the path$"):
            read(tmp_path / "none.png")


def test_folder_is_no_picture(tmp_path) -> None:
    with pytest.raises(PictureError, match="is a folder; give a picture file"):
        read_picture(tmp_path)


def test_pipe_is_refused_instead_of_waited_for(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(PictureError, match="is no regular file; give a picture file"):
        read_picture(tmp_path / "pipe.png")


def test_unreadable_file(file_of, monkeypatch) -> None:
    path = file_of(encoded(COLOUR))

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PictureError, match=r"cannot be read \(Permission denied\); check its path"):
        read_picture(path)


def test_too_large_file_is_not_read(file_of, monkeypatch) -> None:
    monkeypatch.setattr(pictures, "MAX_BYTES", 10)
    with pytest.raises(PictureError, match="MiB are more than"):
        read_picture(file_of(encoded(COLOUR)))


@pytest.mark.parametrize("path", ["a\0b.png", "x" * 5000, "bad\nname.png", "\udcff.png"])
def test_hostile_paths(path) -> None:
    with pytest.raises(PictureError) as caught:
        read_picture(Path(path))
    assert str(caught.value).isprintable()


KINDS = [
    encoded(COLOUR),
    encoded(GREY),
    encoded_deep(DEEP),
    encoded_deep(DEEP[..., 0], ".tiff"),
    encoded_deep(DEEP, ".tiff"),
    encoded(COLOUR, "JPEG", exif=exif(6)),
    encoded(COLOUR, "TIFF"),
    encoded(COLOUR, "TIFF", compression="tiff_lzw"),
    encoded(COLOUR, "BMP"),
    encoded(COLOUR, "WEBP"),
    frames("WEBP"),
    frames("PNG"),
    frames("TIFF"),
]


@st.composite
def damaged(draw) -> bytes:
    data = bytearray(draw(st.sampled_from(KINDS)))
    for place, value in draw(
        st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=8)
    ):
        data[place] = value
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


@given(data=damaged() | st.binary(max_size=200))
@example(data=png_of(1, 1))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files_raise_nothing_but_picture_errors(file_of, data) -> None:
    path = file_of(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for read in (read_picture, picture_size, lambda path: read_indices(path.read_bytes(), "mask")):
            try:
                read(path)
            except PictureError as error:
                assert str(error).isprintable()


@pytest.mark.parametrize(
    ("image", "mode"),
    [
        (Image.fromarray(GREY), "L"),
        (Image.fromarray(GREY > 99), "1"),
        (Image.fromarray(GREY % 7).convert("P"), "P"),
        (Image.fromarray(GREY.astype(np.uint16) * 200), "I;16"),
    ],
)
def test_indices_are_the_bare_values(image, mode) -> None:
    values, kind = read_indices(encoded(image), "mask.png")
    assert np.array_equal(values, np.array(image))
    assert kind == mode


def test_indices_need_one_channel() -> None:
    with pytest.raises(PictureError, match=r"mask.png: expected one channel \(palette or grey\), got RGB"):
        read_indices(encoded(COLOUR), "mask.png")


@pytest.fixture
def line(tmp_path) -> Path:
    names = ["10.png", "9.PNG", "2.jpg", "sub/1.tiff", "a.txt", ".hidden.png", ".cache/1.png", "1/x.webp"]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def test_folder_lists_pictures_in_natural_order(line) -> None:
    names = [path.relative_to(line).as_posix() for path in list_pictures([line])]
    assert names == ["1/x.webp", "2.jpg", "9.PNG", "10.png", "sub/1.tiff"]


def test_given_order_is_kept_and_each_picture_listed_once(line) -> None:
    given_paths = [line / "10.png", line / "a.txt", line / "sub" / ".." / "10.png", line / "sub"]
    names = [path.name for path in list_pictures(given_paths)]
    assert names == ["10.png", "a.txt", "1.tiff"]


def test_folder_without_pictures_says_what_it_looked_for(tmp_path) -> None:
    (tmp_path / "a.txt").touch()
    expected = r"no picture in this folder; looked for \.png, \.jpg, \.jpeg, \.bmp, \.tif, \.tiff, \.webp$"
    with pytest.raises(PictureError, match=expected):
        list_pictures([tmp_path])


def test_no_paths_are_no_pictures() -> None:
    assert list_pictures([]) == []
