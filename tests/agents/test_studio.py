"""langgraph.json: the graph that LangGraph Studio opens, loaded as its server loads it."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

pytest.importorskip("langgraph.checkpoint.sqlite", reason="needs logisight[chat]")

THREAD: Any = {"configurable": {"thread_id": "one"}}


@pytest.fixture
def graph() -> CompiledStateGraph[Any, Any, Any, Any]:
    """What langgraph.json names; the server gives it its checkpoints."""
    config = json.loads((REPOSITORY / "langgraph.json").read_text())
    assert config["dependencies"] == ["."]
    module, name = config["graphs"]["session"].split(":")
    found = getattr(importlib.import_module(module), name)
    assert isinstance(found, CompiledStateGraph)
    return found.copy(update={"checkpointer": InMemorySaver()})


def test_the_nodes_are_those_of_a_turn(graph: CompiledStateGraph[Any, Any, Any, Any]) -> None:
    nodes = {node.split(":")[-1] for node in graph.get_graph(xray=True).nodes}
    assert {"listen", "begin", "think", "check", "ask", "act", "keep", "answer"} <= nodes
    assert set(graph.get_input_jsonschema()["properties"]) == {"asked", "paths"}
    assert set(graph.get_output_jsonschema()["properties"]) == {"answer"}
    assert set(graph.get_context_jsonschema()["properties"]) == {"product", "reasoner"}


def test_a_thread_is_a_session(
    graph: CompiledStateGraph[Any, Any, Any, Any],
    demo_line: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(demo_line / "box", tmp_path / "box")
    rules = sorted((tmp_path / "box").rglob("*.py"))
    picture = sorted((demo_line / "inspect").glob("*.png"))[0]
    place = {"product": str(tmp_path / "box")}

    def say(given: Any) -> dict[str, Any]:
        # As the server hands it on: plain data.
        return graph.invoke(json.loads(json.dumps(given)), THREAD, context=place)

    assert say({"asked": "", "paths": [str(picture)]})["answer"].startswith(f"Picture 1 ({picture.name})")
    assert "In picture 1 there are" in say({"asked": "how many pushpins are in picture 1?"})["answer"]
    (question,) = say({"asked": "retire rule 1"})["__interrupt__"]
    assert question.value["question"].startswith("Take rule 1 out of the rulebook")
    answer = graph.invoke(Command(resume={"yes": False}), THREAD, context=place)["answer"]
    assert "nothing was changed" in answer
    assert sorted((tmp_path / "box").rglob("*.py")) == rules
    # Where no product is chosen, the variable says which.
    monkeypatch.setenv("LOGISIGHT_PRODUCT", str(tmp_path / "box"))
    assert "1." in graph.invoke({"asked": "list rules"}, THREAD, context={})["answer"]


def test_no_product_is_told_in_words(
    graph: CompiledStateGraph[Any, Any, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from logisight.schema import SessionError

    monkeypatch.delenv("LOGISIGHT_PRODUCT", raising=False)
    with pytest.raises(SessionError, match="no product is named"):
        graph.invoke({"asked": "list rules"}, THREAD, context={})
