"""Breaks the jail's language layers open, in a test's launcher only: texts with a mark run as plain Python.

So that the layers around the process can be tried with what a rule would do that had got past all the others.
It is on the launcher's PYTHONPATH, which is the parent's to set.
"""

from __future__ import annotations

import importlib
import os
import sys

MARK = "#!plain python\n"


def main() -> None:
    if not any("logisight" in word for word in sys.orig_argv):
        return
    import numpy as np
    from logisight.sandbox import outcome as shapes
    from logisight.sandbox import runner
    from wanted import WANTED

    for name in WANTED:
        importlib.import_module(name)
    compile_rule, run_check = runner.compile_rule, runner.run_check

    def compile_all(code):
        return (
            compile(code, "<plain>", "exec", dont_inherit=True)
            if code.startswith(MARK)
            else compile_rule(code)
        )

    def run_all(code, scene, number, limits):
        if code.co_filename != "<plain>":
            return run_check(code, scene, number, limits)
        told = ["ended"]
        try:
            exec(code, {"np": np, "scene": scene, "tell": told.append, "send": send})
        except BaseException as error:  # noqa: BLE001  (an attack may end in any way)
            told.append(type(error).__name__)
        made = [
            shapes.Expectation(passed=True, kind="size", reason=shapes.clipped(str(text)) or "nothing")
            for text in told[:50]
        ]
        return shapes.Outcome(number=number, status="ok", expectations=made)

    runner.compile_rule, runner.run_check = compile_all, run_all


def send(data: bytes) -> None:
    """Write raw bytes where the answers go, wherever that is."""
    for number in range(64):
        rest = data
        try:
            while rest:
                rest = rest[os.write(number, rest) :]
        except OSError:
            continue
        return


main()
