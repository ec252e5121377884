"""Uploads are decoded in a process that may die."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from logisight.agents.web.decode import MOST_PIXELS
from logisight.agents.web.decoding import Decoder, UploadedFile
from logisight.sandbox import seccomp
from logisight.schema import PictureError
from PIL import Image

PIXELS = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)


def encoded(kind: str, pixels: np.ndarray = PIXELS, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded("JPEG", exif=exif)


def deep() -> bytes:
    return bytes(cv2.imencode(".png", PIXELS.astype(np.uint16) * 257)[1])


@pytest.fixture(scope="module")
def decoder():
    with Decoder() as decoder:
        yield decoder


@pytest.mark.parametrize(
    ("data", "size", "notes"),
    [
        (encoded("PNG"), (40, 30), 0),
        (encoded("TIFF", compression="tiff_lzw"), (40, 30), 0),
        (encoded("WEBP", lossless=True), (40, 30), 0),
        (encoded("BMP"), (40, 30), 0),
        (turned(), (30, 40), 1),
        (deep(), (40, 30), 1),
    ],
    ids=["PNG", "TIFF", "WebP", "BMP", "turned JPEG", "16 bits"],
)
def test_what_cameras_write_becomes_png(decoder, data, size, notes) -> None:
    (picture,) = decoder.decode([UploadedFile("a picture", data)])
    image = Image.open(io.BytesIO(picture.png))
    assert (image.format, image.mode, image.size, len(picture.notes)) == ("PNG", "RGB", size, notes)
    if not notes:
        assert np.array_equal(np.asarray(image), PIXELS)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a picture"),
        (b"<svg onload='alert(1)'/>", "not a picture"),
        (encoded("PNG")[:900], "damaged or cut off"),
        (encoded("PNG", np.zeros((1, MOST_PIXELS + 1), np.uint8)), "more than 40 megapixels"),
        (encoded("GIF"), "not a picture"),
    ],
    ids=["empty", "SVG", "cut", "too large", "GIF"],
)
def test_what_is_no_picture_is_one_line_with_its_name(decoder, data, said) -> None:
    with pytest.raises(PictureError, match=r"^line 3\.png: .*" + said) as caught:
        decoder.decode([UploadedFile("line 3.png", data)])
    assert "\n" not in str(caught.value)


def test_several_come_in_their_order(decoder) -> None:
    files = [UploadedFile(f"{n}.png", encoded("PNG", PIXELS[:n])) for n in (3, 1, 2)]
    heights = [Image.open(io.BytesIO(picture.png)).height for picture in decoder.decode(files)]
    assert heights == [3, 1, 2]


def test_a_process_that_dies_is_an_error_and_the_next_one_works(decoder, monkeypatch) -> None:
    from logisight.agents.web.decoding import _Process

    whole = _Process._exchange

    def dying(process, name, data):
        process._process.kill()
        return whole(process, name, data)

    with monkeypatch.context() as patched, pytest.raises(PictureError, match="damaged beyond reading"):
        patched.setattr(_Process, "_exchange", dying)
        decoder.decode([UploadedFile("deadly.png", encoded("PNG"))])
    assert decoder.decode([UploadedFile("fine.png", encoded("PNG"))])


def test_a_spare_process_that_died_is_replaced(decoder) -> None:
    decoder._spare._process.kill()
    decoder._spare._process.wait()
    assert decoder.decode([UploadedFile("fine.png", encoded("PNG"))])


def test_a_picture_that_takes_too_long_is_refused() -> None:
    with Decoder(seconds=0.0) as hasty, pytest.raises(PictureError, match=r"slow\.png: took more than 0 s"):
        hasty.decode([UploadedFile("slow.png", encoded("PNG"))])


@pytest.mark.skipif(bool(seccomp.why_missing()), reason="this machine has no filter of system calls")
def test_the_process_can_open_nothing(decoder) -> None:
    process = decoder._spare
    process.decode(UploadedFile("a.png", encoded("PNG")), 20)
    status = Path(f"/proc/{process._process.pid}/status").read_text()
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert (facts["Seccomp"], facts["NoNewPrivs"], int(facts["CapEff"], 16)) == ("2", "1", 0)
