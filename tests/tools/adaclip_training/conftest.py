"""Auxiliary data that the tests of a training share."""

from __future__ import annotations

import pytest
from auxiliary_tree import write_product


@pytest.fixture(scope="session")
def plates(tmp_path_factory):
    """A folder with two products in the layout of MVTec AD. Tests only read it."""
    root = tmp_path_factory.mktemp("auxiliary")
    write_product(root / "plate")
    write_product(root / "steel_sheet", good=2, scratched=2, ending="")
    return root
