"""Fixtures of the tests of sessions."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from logisight.agents.product import Product, open_product
from logisight.agents.session.desk import Desk
from logisight.agents.session.session import Session, Sessions


@pytest.fixture
def product(demo_line: Path, tmp_path: Path) -> Product:
    """A product of its own, with three rules."""
    shutil.copytree(demo_line / "box", tmp_path / "box")
    return open_product(tmp_path / "box")


@pytest.fixture(autouse=True)
def quick(one_jail: None) -> None:
    """These tests are not about jails."""


@pytest.fixture
def pictures(demo_line: Path) -> list[Path]:
    """Pictures to inspect: each has a defect, or none."""
    return sorted((demo_line / "inspect").glob("*.png"))


@pytest.fixture
def sessions(product: Product) -> Iterator[Sessions]:
    """The sessions of the product."""
    with Sessions(product) as sessions:
        yield sessions


@pytest.fixture
def desk(product: Product, sessions: Sessions) -> Iterator[Desk]:
    """The product open for work."""
    with Desk(product, sessions.store) as desk:
        yield desk


@pytest.fixture
def session(sessions: Sessions, desk: Desk) -> Session:
    """A new session with no model."""
    return Session(sessions, sessions.start().id, desk)
