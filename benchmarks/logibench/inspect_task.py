"""LogiBench's writing of rules as a task of inspect_ai (the extra `inspect`), for any model that it knows.

    inspect eval logisight/logibench_rules -T data=line -T category=pushpins --model PROVIDER/MODEL

Each sample is one sentence. The model under evaluation writes a check for it as any reasoner of LogiSight
does: what was wrong with an attempt goes back to it, and what it wrote runs in the sandbox only. Checks are
proven on the true parts of good pictures; verdicts and reasons are left to `logisight bench logibench`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import anyio.from_thread
import anyio.to_thread
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageSystem,
    ChatMessageUser,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult

from ...agents.author import Bench, author_rule
from ...agents.draft import Request
from ...agents.isolation import open_jail
from ...agents.proof import Reference
from ...prompts import author_messages
from ...sandbox import language_text
from ..loco import find_categories
from .eyes import TrueParts
from .facts import RuleFact
from .prepare import Subject, read_subject
from .run import REFERENCES

_FACT: Final = "logibench"
"""Where a sample keeps how its authoring ended."""


@task
def logibench_rules(
    data: str,
    category: str | list[str] | None = None,
    references: int = REFERENCES,
    rules: str | None = None,
    annotations: str | None = None,
) -> Task:
    """Does a model turn sentences into checks that run, and that are proven?

    The parameters are those of `logisight bench logibench`.

    Raises:
        LogiSightError: A product has no sentences or no annotated good picture; the jail does not start.
    """
    chosen = [category] if isinstance(category, str) else category or []
    folders = find_categories(Path(data), chosen)
    where = Path(rules) if rules else None, Path(annotations) if annotations else None
    subjects = [read_subject(folder, *where, references) for folder in folders]
    samples = [sample for subject in subjects for sample in _samples(subject)]
    return Task(
        dataset=MemoryDataset(samples, name=Path(data).resolve().name),
        solver=author(Ground(subjects)),
        scorer=proven(),
    )


class Ground:
    """What checks are proven on: good pictures of each product, and one jail that all samples share."""

    def __init__(self, subjects: Iterable[Subject]) -> None:
        self.references = {subject.category.name: _references(subject) for subject in subjects}
        self.jail = open_jail()


class EvaluatedModel(BaseChatModel):
    """The model that inspect_ai evaluates, for LangChain; to be called in a worker thread of its loop."""

    @property
    def _llm_type(self) -> str:
        return str(get_model())

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002  (the signature is LangChain's)
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> ChatResult:
        output = anyio.from_thread.run(get_model().generate, _chat(messages))
        answer = AIMessage(output.completion, usage_metadata=_used(output.usage) if output.usage else None)
        return ChatResult(generations=[ChatGeneration(message=answer)])


@solver
def author(ground: Ground) -> Solver:
    """Have the model write a rule for the sentence of a sample, and mend it."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001  (of every solver)
        request = Request.model_validate(state.metadata["request"])
        bench = Bench(EvaluatedModel(), ground.references[state.metadata["category"]], ground.jail)
        number = state.metadata["number"]
        authored = await anyio.to_thread.run_sync(author_rule, request, bench, number)
        fact = RuleFact.of(number, request.sentence, authored)
        state.store.set(_FACT, fact.model_dump(mode="json"))
        state.output = ModelOutput.from_content(str(state.model), fact.attempts[-1].code or fact.declined)
        return state

    return solve


@scorer(metrics={"*": [mean(), stderr()]})
def proven() -> Scorer:
    """Whether the check of a sample runs, at first and at any attempt, and whether it is proven."""

    async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001  (there is none: a check is proven)
        fact = RuleFact.model_validate(state.store.get(_FACT))
        runs = [attempt.runs for attempt in fact.attempts]
        values = {"first_attempt": runs[0], "after_repair": any(runs), "proven": fact.rule is not None}
        evidence = [line for attempt in fact.attempts for line in attempt.evidence]
        return Score(
            value={name: int(value) for name, value in values.items()},
            answer=state.output.completion,
            explanation="\n".join(evidence) or fact.declined or "proven at the first attempt",
            metadata={
                "failures": [attempt.failure for attempt in fact.attempts if attempt.failure],
                "attempts": len(fact.attempts),
                "input_tokens": sum(attempt.input_tokens for attempt in fact.attempts),
                "output_tokens": sum(attempt.output_tokens for attempt in fact.attempts),
            },
        )

    return score


def _samples(subject: Subject) -> Iterable[Sample]:
    name = subject.category.name
    for number, sentence in enumerate(subject.sentences, start=1):
        request = Request(
            sentence=" ".join(sentence.split()),
            labels=list(subject.labels),
            containers={label: list(held) for label, held in subject.containers.items()},
        )
        yield Sample(
            id=f"{name} {number}",
            input=_chat(author_messages(language_text(), request.model_dump())),
            metadata={"category": name, "number": number, "request": request.model_dump()},
        )


def _references(subject: Subject) -> list[Reference]:
    eyes = TrueParts(subject.annotated, subject.labels)
    return [Reference(one.picture.name, eyes.see(one.picture)) for one in subject.references]


def _chat(messages: Sequence[BaseMessage]) -> list[ChatMessage]:
    return [
        ChatMessageSystem(content=str(message.text))
        if message.type == "system"
        else ChatMessageUser(content=str(message.text))
        for message in messages
    ]


def _used(usage: ModelUsage) -> UsageMetadata:
    cached = (usage.input_tokens_cache_read or 0) + (usage.input_tokens_cache_write or 0)
    read, wrote = usage.input_tokens + cached, usage.output_tokens
    return UsageMetadata(input_tokens=read, output_tokens=wrote, total_tokens=read + wrote)
