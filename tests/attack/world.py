"""What attacks are aimed at, and what can be seen of them from outside: files, sockets, processes, memory."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from logisight.sandbox.outcome import MAX_NUMBER, Outcome

SECRET_NAME: Final = "LOGISIGHT_TEST_SECRET"
ADDRESS: Final = re.compile(r"0x[0-9a-f]{6,}|<(function|built-in|bound method|generator|frame|code) ")


class World:
    """Canaries and a victim; `seen` says what was done to them since the last time."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.token = f"token-{secrets.token_hex(8)}"
        """What stands in the secret file."""
        self.mark = f"{os.getpid()}{secrets.randbelow(10**6):06d}"
        """Seconds for which a program that an attack starts would sleep: how it is found."""
        self._home = TemporaryDirectory(prefix="logisight-attack-")
        self.folder = Path(self._home.name)
        self.folder.chmod(0o755)
        self.secret_file = self.folder / "secret"
        self.secret_file.write_text(self.token)
        self.secret_file.chmod(0o644)
        self.open_folder = self.folder / "open"
        self.open_folder.mkdir()
        self.open_folder.chmod(0o777)
        self.canary = self.open_folder / "canary"
        self.victim: subprocess.Popen[str]
        self._start_victim()
        self.reset()

    def close(self) -> None:
        """End the victim, remove the files."""
        self.victim.kill()
        self.victim.communicate()
        self._home.cleanup()

    def filled(self, text: str) -> str:
        """A text of the corpus with what it is aimed at."""
        aims = {
            "READ": self.secret_file,
            "WRITE": self.canary,
            "SECRET": SECRET_NAME,
            "PORT": self.port,
            "ABSTRACT": self._abstract,
            "UNIX": self._unix,
            "VICTIM": self.victim.pid,
            "ADDRESS": self.address,
            "MARK": self.mark,
        }
        for word, aim in aims.items():
            text = text.replace(f"@{word}@", str(aim))
        return text

    def reset(self) -> None:
        """Everything as it was."""
        for path in self.open_folder.iterdir():
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        self.secret_file.write_text(self.token)
        self.canary.write_text("untouched")
        self.canary.chmod(0o666)
        os.utime(self.canary, (10**9, 10**9))
        if self.victim.poll() is not None:
            self._start_victim()

    def seen(self) -> set[str]:
        """What was done to the files, the victim and the machine; all is as it was afterwards."""
        effects = set()
        if self._changed():
            effects.add("write")
        if self.victim.poll() is not None:
            effects.add("signal")
        else:
            state = self._ask()
            effects |= {what for what, happened in state.items() if happened}
        if programs := [pid for pid, command in commands() if self.mark in command]:
            effects.add("process")
            for pid in programs:
                os.kill(pid, 9)
        if effects:
            self.reset()
        return effects

    def told(self, texts: Iterable[str]) -> set[str]:
        """What can be seen in texts that come from an attack."""
        effects = set()
        for text in texts:
            if self.token in text or self.token[::-1] in text:
                effects.add("read")
            if self.secret in text:
                effects.add("secret")
            if ADDRESS.search(text):
                effects.add("leak")
            if text and not text.isprintable():
                effects.add("control")
        return effects

    def _changed(self) -> bool:
        names = [path.name for path in self.open_folder.iterdir()]
        return (
            names != ["canary"]
            or self.canary.read_bytes() != b"untouched"
            or self.canary.stat().st_mtime != 10**9
            or self.secret_file.read_bytes() != self.token.encode()
        )

    def _ask(self) -> dict[str, Any]:
        assert self.victim.stdin
        assert self.victim.stdout
        self.victim.stdin.write("\n")
        self.victim.stdin.flush()
        line = self.victim.stdout.readline()
        return json.loads(line) if line else {"signal": True}

    def _start_victim(self) -> None:
        self._abstract = f"logisight-{secrets.token_hex(6)}"
        self._unix = self.folder / secrets.token_hex(4)
        self.victim = subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).with_name("victim.py")),
                self.secret,
                self._abstract,
                self._unix,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={SECRET_NAME: self.secret},
        )
        assert self.victim.stdout
        started = json.loads(self.victim.stdout.readline())
        self.port, self.address = started["port"], started["address"]


def commands() -> Iterator[tuple[int, str]]:
    """Every process of this machine and its command line."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield (
                    int(entry.name),
                    (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"),
                )
            except OSError:
                continue


def descendants(root: int) -> dict[int, int]:
    """Every living process below one: its number and its parent's."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if state != "Z":
                parents[int(entry.name)] = int(parent)
    below = {}
    found = {root}
    while found:
        more = {pid: parent for pid, parent in parents.items() if parent in found and pid not in below}
        below |= more
        found = set(more)
    return below


def texts_of(outcome: Outcome) -> list[str]:
    """Every text that an outcome carries."""
    texts = [outcome.message]
    for made in outcome.expectations:
        texts += [made.reason, *(value for value in (made.expected, made.actual) if isinstance(value, str))]
        texts += [part.label for part in made.parts if not isinstance(part, int)]
    return texts


def numbers_of(outcome: Outcome) -> list[float]:
    """Every number that an outcome reports."""
    found: list[Any] = []
    for made in outcome.expectations:
        found += [made.actual, *(made.expected if isinstance(made.expected, tuple) else [made.expected])]
    return [number for number in found if isinstance(number, int | float) and not isinstance(number, bool)]


def is_wild(number: float) -> bool:
    """Whether a number is none that may be reported."""
    return not abs(number) <= MAX_NUMBER
