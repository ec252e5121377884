"""Examples in docstrings give the results that they show."""

from __future__ import annotations

import doctest
import importlib

import pytest
from conftest import REPOSITORY, source_files

WITH_EXAMPLES = [path for path in source_files() if ">>> " in (REPOSITORY / path).read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=str)
def test_examples_are_right(path):
    module = importlib.import_module(".".join(("logisight", *path.with_suffix("").parts)))
    result = doctest.testmod(module)
    assert result.attempted and not result.failed
