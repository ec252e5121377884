"""The command line run inside this process, which spares every test the imports of a new one."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from logisight import cli


class Finished(NamedTuple):
    """How a command ended and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


def logisight(*arguments: object, cwd: Path | None = None) -> Finished:
    """Run `logisight ARGUMENTS...` in a folder."""
    out, err = io.StringIO(), io.StringIO()
    argv = ["logisight", *map(str, arguments)]
    with (
        mock.patch.object(sys, "argv", argv),
        contextlib.chdir(cwd or Path.cwd()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            cli.main()
        except SystemExit as end:
            return Finished(int(end.code or 0), out.getvalue(), err.getvalue())
    raise AssertionError("the command line ended without an exit code")
