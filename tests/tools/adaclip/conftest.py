"""What tests of AdaCLIP share."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Sums in one order, so that what is the same is the same bit by bit."""
    torch = pytest.importorskip("torch", reason="needs logisight[vision]")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
