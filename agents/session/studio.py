"""The graph of a turn for LangGraph Studio and `langgraph dev`, see langgraph.json.

These bring their own checkpoints and call the graph with plain data only. So the context here is the name of
a product and of a reasoner, from which the room that the nodes work in is made when it is first needed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final, cast

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from ...schema import SessionError
from ..product import open_product
from ..reasoner import OFFLINE, make_reasoner
from .beginning import given, told_before
from .desk import Desk
from .graph import Room, turn_graph
from .session import FOLDER
from .store import Store
from .talker import OfflineTalker
from .turn import History

PRODUCT: Final = "LOGISIGHT_PRODUCT"
LLM: Final = "LOGISIGHT_LLM"
STORE: Final = "studio"
"""Below the folder of sessions: what is said here is in no session of the product."""


@lru_cache(maxsize=4)
def _room_of(product: str, reasoner: str) -> Room:
    opened = open_product(product)
    store = Store(opened.folder / FOLDER / STORE)
    history = History(store)
    model = None if reasoner == OFFLINE else make_reasoner(reasoner)
    desk = Desk(opened, store, model or OFFLINE)
    talker = OfflineTalker(labels=list(opened.model.labels))
    return Room(desk, history, model or talker, talker, partial(told_before, desk, history))


@dataclass(frozen=True)
class Workplace:
    """Where a turn takes place: what a person chooses in Studio. It stands in for the Room of the nodes."""

    product: str = ""
    """A folder, or a name below ./products; $LOGISIGHT_PRODUCT where it is empty."""
    reasoner: str = ""
    """Such as vllm:MODEL; $LOGISIGHT_LLM where it is empty, else offline."""

    @property
    def room(self) -> Room:
        """What the nodes work with.

        Raises:
            LogiSightError: No product is named, or it cannot be opened.
        """
        product = self.product or os.environ.get(PRODUCT, "")
        if not product:
            raise SessionError(f"no product is named; set `product` in the context, or ${PRODUCT}")
        return _room_of(product, self.named_reasoner)

    @property
    def named_reasoner(self) -> str:
        """Who talks."""
        return self.reasoner or os.environ.get(LLM, OFFLINE)

    def __getattr__(self, name: str) -> Any:
        if name in Room.__dataclass_fields__:
            return getattr(self.room, name)
        raise AttributeError(name)


class Said(TypedDict, total=False):
    """What a person says in Studio."""

    asked: str
    paths: list[str]
    """Of pictures that come with it."""


class Talk(Said, total=False):
    """A thread in Studio: its last turn, and what the turn in work is given and answers."""

    head: str
    number: int
    reasoner: str
    pictures: list[dict[str, Any]]
    answer: str


class Heard(TypedDict):
    """What a person hears."""

    answer: str


def talk_graph() -> CompiledStateGraph[Talk, Workplace, Said, Heard]:
    """A turn of a session, with what a person says put into its state first, and its answer taken out."""
    graph = StateGraph(Talk, context_schema=Workplace, input_schema=Said, output_schema=Heard)
    graph.add_node("listen", _listen)
    graph.add_node("turn", turn_graph(None))
    graph.add_node("answer", _answer)
    graph.add_edge(START, "listen")
    graph.add_edge("listen", "turn")
    graph.add_edge("turn", "answer")
    graph.add_edge("answer", END)
    return graph.compile(name="session")


def _listen(state: Talk, runtime: Runtime[Workplace]) -> Talk:
    room, pictures = runtime.context.room, [Path(path) for path in state.get("paths") or []]
    begun = given(
        room.history,
        room.desk.store,
        state.get("head", ""),
        state.get("asked", ""),
        pictures,
        runtime.context.named_reasoner,
    )
    return cast(Talk, {**begun, "paths": []})


def _answer(state: Talk, runtime: Runtime[Workplace]) -> Talk:
    return {"answer": runtime.context.room.history.turn(state.get("head", "")).answer}


graph = talk_graph()
"""What langgraph.json names."""
