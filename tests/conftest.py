"""Fixtures that every room shares."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from chat_endpoint import SETTINGS, Endpoint, serving

REPOSITORY = Path(__file__).resolve().parents[1]


NOT_PACKAGED = {"tests", "docs", "build", "dist"}


def source_files() -> list[Path]:
    """Every Python file of the package, relative to the repository."""
    files = [
        p
        for p in REPOSITORY.rglob("*.py")
        if not any(part.startswith(".") for part in p.relative_to(REPOSITORY).parts)
    ]
    return sorted(
        p.relative_to(REPOSITORY) for p in files if p.relative_to(REPOSITORY).parts[0] not in NOT_PACKAGED
    )


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of small real samples beside the checkout; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("LOGISIGHT_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real samples: {folder} is absent (set LOGISIGHT_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def demo_line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rendered product line and a product taught from it, `box`, with three rules. Tests only read it."""
    from logisight import Workshop, teach
    from logisight.benchmarks.demo import write_product_line

    folder = tmp_path_factory.mktemp("line")
    write_product_line(folder, normals=1, tests=4)
    taught = teach(folder / "box", folder / "references", folder / "annotations")
    with Workshop(taught.product) as workshop:
        for sentence in (
            "There is exactly one pushpin in each compartment of a grid of 3 rows and 5 columns.",
            "Each pushpin is yellow.",
            "Each pushpin has its usual length.",
        ):
            assert workshop.author(sentence).rule, sentence
    # What `logisight demo` calls it.
    (folder / "pushpin-box").symlink_to(folder / "box")
    return folder


@pytest.fixture(scope="session")
def lasting_jail() -> Iterator[Any]:
    """A jail that who closes it leaves open."""
    from logisight.agents.isolation import open_jail

    class Lasting:
        def __getattr__(self, name: str) -> Any:
            return getattr(jail, name)

        def close(self) -> None:
            pass

    with closing(open_jail()) as jail:
        yield Lasting()


@pytest.fixture
def one_jail(lasting_jail: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All rules run in the same jail: to start one takes longer than most tests that are not about jails."""
    for module in ("graph", "session.desk", "workshop"):
        monkeypatch.setattr(f"logisight.agents.{module}.open_jail", lambda _: lasting_jail)


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """A chat endpoint on loopback that the environment names, with no other setting."""
    pytest.importorskip("langchain_openai", reason="the extra `llm` is not installed")
    from logisight.agents.llm import endpoint as llm

    for variable in SETTINGS:
        monkeypatch.delenv(variable, raising=False)
    llm._opened.cache_clear()
    with serving() as endpoint:
        monkeypatch.setenv("LOGISIGHT_LLM_URL", endpoint.url)
        yield endpoint


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions are not repeated."""
    monkeypatch.setattr("logisight.agents.llm.endpoint.RETRIES", 0)
