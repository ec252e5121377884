"""Shows what a model is sent: as plain facts, as text, and as files with a page for people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from langchain_core.messages import BaseMessage, convert_to_openai_messages

from ...prompts import PromptError, SentPicture, templates_sha256
from ...tools.pictures import shown
from ..pages import page_templates, write_whole

CHARACTERS_A_TOKEN: Final = 4
"""Of English, roughly, for an estimate."""

_OURS: Final = re.compile(r"image-\d+-[\w.-]*\.(png|jpg)", re.ASCII)
_MESSAGES: Final = "messages.json"


def file_name(number: int, picture: SentPicture) -> str:
    r"""What the file of image `number` is called: only letters, digits, points, dashes and low lines.

    >>> file_name(2, SentPicture("../a b.png", b"\x89PNG\r\n\x1a\n", "image/png", 1, 1))
    'image-2-a-b.png'
    """
    stem = re.sub(r"[^A-Za-z0-9_]+", "-", Path(picture.name).stem).strip("-")[:60] or "picture"
    return f"image-{number}-{stem}.{'png' if picture.media_type == 'image/png' else 'jpg'}"


def prompt_facts(messages: Sequence[BaseMessage], pictures: Sequence[SentPicture]) -> dict[str, Any]:
    """What is sent, JSON-plain, with pictures by the name of their file, and how much it is."""
    plain, names = _plain(messages, pictures), _names(pictures)
    characters = sum(len(part["text"]) for message in plain for part in message["content"] if "text" in part)
    request = json.dumps(convert_to_openai_messages(list(messages)))
    return {
        "messages": plain,
        "images": [
            {
                "file": name,
                "name": shown(picture.name),
                "media_type": picture.media_type,
                "width": picture.width,
                "height": picture.height,
                "bytes": len(picture.data),
            }
            for name, picture in zip(names, pictures, strict=True)
        ],
        "characters": characters,
        "text_tokens_estimate": round(characters / CHARACTERS_A_TOKEN),
        "bytes": len(request),
        "templates_sha256": templates_sha256(),
    }


def prompt_text(facts: dict[str, Any]) -> str:
    """What is sent, as text with a line in the place of each picture, and how much it is."""
    lines = []
    for message in facts["messages"]:
        lines += [f"--- {message['role']} ---", _as_text(message, facts), ""]
    images = len(facts["images"])
    return "\n".join(
        [
            *lines,
            f"--- {images} image{'s' * (images != 1)}, {facts['characters']:,} characters of text "
            f"(about {facts['text_tokens_estimate']:,} tokens), {size_of(facts['bytes'])} to send ---",
        ]
    )


def save_prompt(folder: Path, messages: Sequence[BaseMessage], pictures: Sequence[SentPicture]) -> Path:
    """Write what is sent into a folder: messages.json, system.txt, user.txt, the pictures, and index.html.

    What an earlier call wrote there goes. Returns the path of the page.

    Raises:
        PromptError: The folder holds other files, or cannot be written to.
    """
    facts, names = prompt_facts(messages, pictures), _names(pictures)
    try:
        _clear(folder)
        for name, picture in zip(names, pictures, strict=True):
            (folder / name).write_bytes(picture.data)
    except OSError as error:
        raise PromptError(f"cannot write the prompt to {shown(folder)}: {error.strerror or error}") from error
    for message in facts["messages"]:
        write_whole(folder / f"{message['role']}.txt", [_as_text(message, facts) + "\n"], "the prompt")
    uris = {name: picture.data_uri for name, picture in zip(names, pictures, strict=True)}
    page = page_templates(__package__).get_template("prompt.html.j2")
    context = {"facts": facts, "uris": uris, "images": {image["file"]: image for image in facts["images"]}}
    write_whole(folder / "index.html", page.generate(context, size=size_of), "the page")
    said = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
    write_whole(folder / _MESSAGES, [said], "the prompt")
    return folder / "index.html"


def size_of(count: int) -> str:
    """Bytes for people.

    >>> size_of(900), size_of(45_300), size_of(2_500_000)
    ('900 bytes', '45.3 kB', '2.5 MB')
    """
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def _names(pictures: Sequence[SentPicture]) -> list[str]:
    return [file_name(number, picture) for number, picture in enumerate(pictures, start=1)]


def _plain(messages: Sequence[BaseMessage], pictures: Sequence[SentPicture]) -> list[dict[str, Any]]:
    names = iter(_names(pictures))
    return [
        {"role": said["role"], "content": list(_parts(said["content"], names))}
        for said in convert_to_openai_messages(list(messages))
    ]


def _parts(content: str | list[dict[str, Any]], names: Iterator[str]) -> Iterator[dict[str, str]]:
    for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        yield (
            {"type": "text", "text": part["text"]}
            if part["type"] == "text"
            else {
                "type": "image",
                "file": next(names),
            }
        )


def _as_text(message: dict[str, Any], facts: dict[str, Any]) -> str:
    images = {image["file"]: image for image in facts["images"]}
    return "\n".join(
        _image_line(images[part["file"]]) if part["type"] == "image" else part["text"]
        for part in message["content"]
    )


def _image_line(image: dict[str, Any]) -> str:
    return (
        f"[{image['file']}: {image['media_type']}, {image['width']} x {image['height']} pixels, "
        f"{size_of(image['bytes'])}]"
    )


def _clear(folder: Path) -> None:
    """Make room for a prompt: a new folder, or one that holds an earlier one, whose pictures go."""
    folder.mkdir(parents=True, exist_ok=True)
    there = sorted(folder.iterdir())
    if there and not (folder / _MESSAGES).is_file():
        raise PromptError(f"{shown(folder)}: holds files that are no prompt; give a new or empty folder")
    for path in there:
        if _OURS.fullmatch(path.name):
            path.unlink()
